"""SpatialDropout3D: in training, whole channels of a volume are set to zero by chance."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .kind import Kind, OnnxWriter, Shape, kind
from .limits import SHARE

if TYPE_CHECKING:
    import numpy as np
    import torch


@kind
class SpatialDropout3D(Kind):
    """Keras's SpatialDropout3D."""

    rate: float
    seed: int | None = None
    data_format: str | None = "channels_last"

    limits = {"rate": SHARE}
    train_only = True

    def module(self, *inputs: Shape) -> torch.nn.Module:
        from ._torch_spatial import DropChannels

        return DropChannels(self.rate)

    def onnx(
        self, write: OnnxWriter, names: list[str], inputs: list[Shape], weights: dict[str, np.ndarray]
    ) -> str:
        return names[0]
