"""CenterCrop: the middle of an image."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .kind import Kind, OnnxWriter, Reach, Shape, ShapeError, image, kind

if TYPE_CHECKING:
    import numpy as np
    import torch


@kind
class CenterCrop(Kind):
    """Keras's CenterCrop; images smaller than the crop are resized by Keras, which has no other form here."""

    height: int
    width: int
    data_format: str | None = "channels_last"

    def shape(self, *inputs: Shape) -> Shape:
        return (self.height, self.width, image(inputs[0], "CenterCrop")[2])

    def _start(self, shape: Shape) -> tuple[int, int]:
        rows, columns, _ = image(shape, "CenterCrop")
        if rows is None or columns is None or rows < self.height or columns < self.width:
            raise ShapeError(
                f"CenterCrop to {self.height}×{self.width} of {rows}×{columns} pixels",
                "a larger image",
                "Resizing",
            )
        return (rows - self.height) // 2, (columns - self.width) // 2

    def reach(self, *inputs: Shape) -> Reach:
        rows, columns, _ = inputs[0]
        if rows is None or columns is None or rows < self.height or columns < self.width:
            return Reach(whole=True)  # Keras resizes what is smaller
        top, left = self._start(inputs[0])
        return Reach(start=(-top, -left))

    def module(self, *inputs: Shape) -> torch.nn.Module:
        from torch import nn

        (top, left), (rows, columns, _) = self._start(inputs[0]), image(inputs[0], "CenterCrop")
        right, bottom = (columns or 0) - left - self.width, (rows or 0) - top - self.height
        return nn.ZeroPad2d((-left, -right, -top, -bottom))

    def onnx(
        self, write: OnnxWriter, names: list[str], inputs: list[Shape], weights: dict[str, np.ndarray]
    ) -> str:
        import numpy as np

        top, left = self._start(inputs[0])
        limits = [[top, left], [top + self.height, left + self.width], [2, 3]]
        return write.node(
            "Slice", [names[0], *(write.constant(np.array(item, dtype=np.int64)) for item in limits)]
        )
