"""ZeroPadding3D: zeros added before and behind a volume."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .kind import Kind, OnnxWriter, Shape, kind
from .spatial import several, volume

if TYPE_CHECKING:
    import numpy as np
    import torch


@kind
class ZeroPadding3D(Kind):
    """Keras's ZeroPadding3D: such a pair for each axis."""

    padding: Any = ((1, 1), (1, 1), (1, 1))
    data_format: str | None = "channels_last"

    def __post_init__(self) -> None:
        given = self.padding
        pairs = (given,) * 3 if isinstance(given, int) else tuple(given)
        if len(pairs) != 3:
            several(pairs, 3, "padding", least=0)
        object.__setattr__(self, "padding", tuple(several(pair, 2, "padding", least=0) for pair in pairs))

    def _sides(self) -> tuple[tuple[int, int], ...]:
        return self.padding  # type: ignore[no-any-return]

    def shape(self, *inputs: Shape) -> Shape:
        sizes, channels = volume(inputs[0], 3, "ZeroPadding3D")
        found = []
        for n, (before, behind) in zip(sizes, self._sides(), strict=True):
            found.append(None if n is None else n + before + behind)
        return (*found, channels)

    def module(self, *inputs: Shape) -> torch.nn.Module:
        from ._torch_spatial import Edges

        return Edges(self._sides())

    def onnx(
        self, write: OnnxWriter, names: list[str], inputs: list[Shape], weights: dict[str, np.ndarray]
    ) -> str:
        import numpy as np

        before, behind = ([side[at] for side in self._sides()] for at in (0, 1))
        around = np.array([0, *before, 0, 0, *behind, 0], dtype=np.int64)
        return write.node("Pad", [names[0], write.constant(around)])
