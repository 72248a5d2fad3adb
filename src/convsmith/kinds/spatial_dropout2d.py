"""SpatialDropout2D: in training, whole channels are set to zero by chance."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .kind import Kind, OnnxWriter, Shape, kind
from .limits import SHARE

if TYPE_CHECKING:
    import numpy as np
    import torch


@kind
class SpatialDropout2D(Kind):
    """Keras's SpatialDropout2D."""

    rate: float
    seed: int | None = None
    data_format: str | None = "channels_last"

    limits = {"rate": SHARE}
    train_only = True

    def module(self, *inputs: Shape) -> torch.nn.Module:
        import torch

        return torch.nn.Dropout2d(self.rate)

    def onnx(
        self, write: OnnxWriter, names: list[str], inputs: list[Shape], weights: dict[str, np.ndarray]
    ) -> str:
        return names[0]
