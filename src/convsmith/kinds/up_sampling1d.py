"""UpSampling1D: every place of a sequence several times over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .kind import GIVE_SIZES, Kind, OnnxWriter, Shape, ShapeError, kind
from .spatial import several, volume

if TYPE_CHECKING:
    import numpy as np
    import torch


@kind
class UpSampling1D(Kind):
    """Keras's UpSampling1D."""

    size: int = 2

    def __post_init__(self) -> None:
        times = several(self.size, 1, "size")
        object.__setattr__(self, "size", times[0])

    def shape(self, *inputs: Shape) -> Shape:
        sizes, channels = volume(inputs[0], 1, "UpSampling1D")
        times = several(self.size, 1, "size")
        return (*(None if n is None else n * each for n, each in zip(sizes, times, strict=True)), channels)

    def module(self, *inputs: Shape) -> torch.nn.Module:
        from ._torch_spatial import Repeat

        return Repeat(several(self.size, 1, "size"))

    def onnx(
        self, write: OnnxWriter, names: list[str], inputs: list[Shape], weights: dict[str, np.ndarray]
    ) -> str:
        import numpy as np

        name, shape = names[0], list(inputs[0])
        for axis, times in enumerate(several(self.size, 1, "size"), 1):
            n = shape[axis - 1]
            if n is None:
                raise ShapeError("UpSampling1D of an unknown size", "a known size", GIVE_SIZES)
            places = write.constant(np.arange(n, dtype=np.int64).repeat(times))
            name = write.node("Gather", [name, places], axis=axis)
        return name
