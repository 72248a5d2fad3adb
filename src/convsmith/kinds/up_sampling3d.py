"""UpSampling3D: every place of a volume several times over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .kind import GIVE_SIZES, Kind, OnnxWriter, Shape, ShapeError, kind
from .spatial import several, volume

if TYPE_CHECKING:
    import numpy as np
    import torch


@kind
class UpSampling3D(Kind):
    """Keras's UpSampling3D."""

    size: tuple[int, ...] = (2, 2, 2)
    data_format: str | None = "channels_last"

    def __post_init__(self) -> None:
        times = several(self.size, 3, "size")
        object.__setattr__(self, "size", times)

    def shape(self, *inputs: Shape) -> Shape:
        sizes, channels = volume(inputs[0], 3, "UpSampling3D")
        times = several(self.size, 3, "size")
        return (*(None if n is None else n * each for n, each in zip(sizes, times, strict=True)), channels)

    def module(self, *inputs: Shape) -> torch.nn.Module:
        from ._torch_spatial import Repeat

        return Repeat(several(self.size, 3, "size"))

    def onnx(
        self, write: OnnxWriter, names: list[str], inputs: list[Shape], weights: dict[str, np.ndarray]
    ) -> str:
        import numpy as np

        name, shape = names[0], list(inputs[0])
        for axis, times in enumerate(several(self.size, 3, "size"), 1):
            n = shape[axis - 1]
            if n is None:
                raise ShapeError("UpSampling3D of an unknown size", "a known size", GIVE_SIZES)
            places = write.constant(np.arange(n, dtype=np.int64).repeat(times))
            name = write.node("Gather", [name, places], axis=axis)
        return name
