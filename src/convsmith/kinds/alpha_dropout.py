"""AlphaDropout: dropout that keeps mean and variance behind SELU."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .kind import Kind, OnnxWriter, Shape, kind
from .limits import SHARE

if TYPE_CHECKING:
    import numpy as np
    import torch


@kind
class AlphaDropout(Kind):
    """Keras's AlphaDropout."""

    rate: float
    noise_shape: tuple[int | None, ...] | None = None
    seed: int | None = None

    limits = {"rate": SHARE}
    train_only = True

    def module(self, *inputs: Shape) -> torch.nn.Module:
        import torch

        return torch.nn.AlphaDropout(self.rate)

    def onnx(
        self, write: OnnxWriter, names: list[str], inputs: list[Shape], weights: dict[str, np.ndarray]
    ) -> str:
        return names[0]
