"""StochasticDepth: in training, a whole branch is left out for an image by chance (ConvNeXt)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .kind import Kind, OnnxWriter, Shape, kind

if TYPE_CHECKING:
    import numpy as np
    import torch


@kind
class StochasticDepth(Kind):
    """Keras's StochasticDepth of keras.applications."""

    drop_path_rate: float

    home = "keras.src.applications.convnext"

    train_only = True

    def module(self, *inputs: Shape) -> torch.nn.Module:
        from ._torch_more import StochasticDepth as Noise

        return Noise(self.drop_path_rate)

    def onnx(
        self, write: OnnxWriter, names: list[str], inputs: list[Shape], weights: dict[str, np.ndarray]
    ) -> str:
        return names[0]
