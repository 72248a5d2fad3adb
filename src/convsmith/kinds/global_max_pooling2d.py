"""GlobalMaxPooling2D: the largest value of each channel over the whole image."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .kind import Kind, OnnxWriter, Reach, Shape, image, kind

if TYPE_CHECKING:
    import numpy as np
    import torch


@kind
class GlobalMaxPooling2D(Kind):
    """Keras's GlobalMaxPooling2D."""

    data_format: str | None = "channels_last"
    keepdims: bool = False

    def shape(self, *inputs: Shape) -> Shape:
        channels = image(inputs[0], "GlobalMaxPooling2D")[2]
        return (1, 1, channels) if self.keepdims else (channels,)

    def reach(self, *inputs: Shape) -> Reach:
        return Reach(whole=True)

    def module(self, *inputs: Shape) -> torch.nn.Module:
        from ._torch import GlobalPool

        return GlobalPool("max", self.keepdims)

    def onnx(
        self, write: OnnxWriter, names: list[str], inputs: list[Shape], weights: dict[str, np.ndarray]
    ) -> str:
        pooled = write.node("GlobalMaxPool", names)
        return pooled if self.keepdims else write.node("Flatten", [pooled])
