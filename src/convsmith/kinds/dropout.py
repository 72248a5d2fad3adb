"""Dropout: in training, numbers are set to zero by chance, and the others grow to keep the mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .kind import Kind, OnnxWriter, Shape, kind
from .limits import SHARE

if TYPE_CHECKING:
    import numpy as np
    import torch


@kind
class Dropout(Kind):
    """Keras's Dropout."""

    rate: float
    noise_shape: tuple[int | None, ...] | None = None
    seed: int | None = None

    limits = {"rate": SHARE}
    train_only = True

    def module(self, *inputs: Shape) -> torch.nn.Module:
        from torch import nn

        return nn.Dropout(self.rate)

    def onnx(
        self, write: OnnxWriter, names: list[str], inputs: list[Shape], weights: dict[str, np.ndarray]
    ) -> str:
        return names[0]
