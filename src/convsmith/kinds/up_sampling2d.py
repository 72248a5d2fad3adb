"""UpSampling2D: rows and columns repeated, or drawn between their neighbours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .kind import Formula, Kind, OnnxWriter, Shape, ShapeError, image, kind, pair
from .resizing import ONNX_MODES

if TYPE_CHECKING:
    import numpy as np
    import torch


@kind
class UpSampling2D(Kind):
    """Keras's UpSampling2D ("nearest", "bilinear" and "bicubic" have torch and ONNX forms)."""

    size: tuple[int, int] = (2, 2)
    data_format: str | None = "channels_last"
    interpolation: str = "nearest"

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", pair(self.size, "size"))

    def shape(self, *inputs: Shape) -> Shape:
        rows, columns, channels = image(inputs[0], "UpSampling2D")
        return (
            None if rows is None else rows * self.size[0],
            None if columns is None else columns * self.size[1],
            channels,
        )

    def formula(self, *inputs: Shape) -> Formula:
        return Formula(shape=f"{inputs[0][0]} × {self.size[0]} = {self.shape(*inputs)[0]}")

    def _form(self) -> str:
        if self.interpolation not in ONNX_MODES:
            raise ShapeError(f"interpolation '{self.interpolation}'", " or ".join(map(repr, ONNX_MODES)))
        return self.interpolation

    def module(self, *inputs: Shape) -> torch.nn.Module:
        from ._torch_more import Upsample

        return Upsample(self.size, self._form())

    def onnx(
        self, write: OnnxWriter, names: list[str], inputs: list[Shape], weights: dict[str, np.ndarray]
    ) -> str:
        import numpy as np

        scales = write.constant(np.array([1, 1, *self.size], dtype=np.float32))  # whole, so never rounded
        mode = ONNX_MODES[self._form()]
        place = "asymmetric" if mode == "nearest" else "half_pixel"
        settings = {"mode": mode, "nearest_mode": "floor", "coordinate_transformation_mode": place}
        return write.node("Resize", [names[0], "", scales], **settings)
