"""SpatialDropout1D: in training, whole channels of a sequence are set to zero by chance."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .kind import Kind, OnnxWriter, Shape, kind
from .limits import SHARE

if TYPE_CHECKING:
    import numpy as np
    import torch


@kind
class SpatialDropout1D(Kind):
    """Keras's SpatialDropout1D."""

    rate: float
    seed: int | None = None

    limits = {"rate": SHARE}
    train_only = True

    def module(self, *inputs: Shape) -> torch.nn.Module:
        from ._torch_spatial import DropChannels

        return DropChannels(self.rate)

    def onnx(
        self, write: OnnxWriter, names: list[str], inputs: list[Shape], weights: dict[str, np.ndarray]
    ) -> str:
        return names[0]
