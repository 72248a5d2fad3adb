"""Resizing: an image of any size to one size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .kind import Formula, Kind, OnnxWriter, Shape, ShapeError, image, kind

if TYPE_CHECKING:
    import numpy as np
    import torch


@kind
class Resizing(Kind):
    """Keras's Resizing ("nearest" and "bilinear", aspect ratio not kept, have torch and ONNX forms)."""

    height: int
    width: int
    interpolation: str = "bilinear"
    crop_to_aspect_ratio: bool = False
    pad_to_aspect_ratio: bool = False
    fill_mode: str = "constant"
    fill_value: float = 0.0
    antialias: bool = False
    data_format: str | None = "channels_last"

    def shape(self, *inputs: Shape) -> Shape:
        return (self.height, self.width, image(inputs[0], "Resizing")[2])

    def formula(self, *inputs: Shape) -> Formula:
        return Formula(shape=f"{inputs[0][0]}×{inputs[0][1]} to {self.height}×{self.width}")

    def _form(self) -> str:
        plain = not (self.crop_to_aspect_ratio or self.pad_to_aspect_ratio or self.antialias)
        if not plain or self.interpolation not in ("nearest", "bilinear"):
            raise ShapeError(
                f"Resizing by {self.interpolation} with crop, pad or antialias",
                '"nearest" or "bilinear" without',
                "images resized beforehand",
            )
        return self.interpolation

    def module(self, *inputs: Shape) -> torch.nn.Module:
        from ._torch_more import Resize

        return Resize((self.height, self.width), self._form())

    def onnx(
        self, write: OnnxWriter, names: list[str], inputs: list[Shape], weights: dict[str, np.ndarray]
    ) -> str:
        import numpy as np

        rows, columns, _ = image(inputs[0], "Resizing")
        if rows is None or columns is None:
            raise ShapeError("Resizing of an unknown size", "a known size", "--input 32x32x3")
        near = self._form() == "nearest"
        scales = write.constant(np.array([1, 1, self.height / rows, self.width / columns], dtype=np.float32))
        # Keras's nearest looks at the middle of each pixel.
        settings: dict[str, Any] = {
            "mode": "nearest" if near else "linear",
            "nearest_mode": "round_prefer_ceil",
        }
        return write.node(
            "Resize", [names[0], "", scales], coordinate_transformation_mode="half_pixel", **settings
        )
