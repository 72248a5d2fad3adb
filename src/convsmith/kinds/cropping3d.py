"""Cropping3D: places cut off before and behind a volume."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .kind import Kind, OnnxWriter, Shape, ShapeError, kind
from .spatial import several, volume

if TYPE_CHECKING:
    import numpy as np
    import torch


@kind
class Cropping3D(Kind):
    """Keras's Cropping3D: such a pair for each axis."""

    cropping: Any = ((1, 1), (1, 1), (1, 1))
    data_format: str | None = "channels_last"

    def __post_init__(self) -> None:
        given = self.cropping
        pairs = (given,) * 3 if isinstance(given, int) else tuple(given)
        if len(pairs) != 3:
            several(pairs, 3, "cropping", least=0)
        object.__setattr__(self, "cropping", tuple(several(pair, 2, "cropping", least=0) for pair in pairs))

    def _sides(self) -> tuple[tuple[int, int], ...]:
        return self.cropping  # type: ignore[no-any-return]

    def shape(self, *inputs: Shape) -> Shape:
        sizes, channels = volume(inputs[0], 3, "Cropping3D")
        found = []
        for n, (before, behind) in zip(sizes, self._sides(), strict=True):
            if n is not None and n <= before + behind:
                raise ShapeError(
                    f"Cropping3D of {before + behind} from {n}", "less than there is", "cropping=1"
                )
            found.append(None if n is None else n - before - behind)
        return (*found, channels)

    def module(self, *inputs: Shape) -> torch.nn.Module:
        from ._torch_spatial import Edges

        return Edges(tuple((-before, -behind) for before, behind in self._sides()))

    def onnx(
        self, write: OnnxWriter, names: list[str], inputs: list[Shape], weights: dict[str, np.ndarray]
    ) -> str:
        import numpy as np

        starts = [before for before, _ in self._sides()]
        ends = [-behind or 2**31 for _, behind in self._sides()]
        limits = [starts, ends, list(range(1, 3 + 1))]
        return write.node(
            "Slice", [names[0], *(write.constant(np.array(item, dtype=np.int64)) for item in limits)]
        )
