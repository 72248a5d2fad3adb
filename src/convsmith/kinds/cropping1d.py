"""Cropping1D: places cut off before and behind a sequence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .kind import Kind, OnnxWriter, Shape, ShapeError, kind
from .spatial import several, volume

if TYPE_CHECKING:
    import numpy as np
    import torch


@kind
class Cropping1D(Kind):
    """Keras's Cropping1D: (before, behind)."""

    cropping: Any = (1, 1)

    def __post_init__(self) -> None:
        object.__setattr__(self, "cropping", several(self.cropping, 2, "cropping", least=0))

    def _sides(self) -> tuple[tuple[int, int], ...]:
        return (self.cropping,)  # type: ignore[no-any-return]

    def shape(self, *inputs: Shape) -> Shape:
        sizes, channels = volume(inputs[0], 1, "Cropping1D")
        found = []
        for n, (before, behind) in zip(sizes, self._sides(), strict=True):
            if n is not None and n <= before + behind:
                raise ShapeError(
                    f"Cropping1D of {before + behind} from {n}", "less than there is", "cropping=1"
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
        limits = [starts, ends, list(range(1, 1 + 1))]
        return write.node(
            "Slice", [names[0], *(write.constant(np.array(item, dtype=np.int64)) for item in limits)]
        )
