"""GaussianNoise: in training, random numbers are added."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .kind import Kind, OnnxWriter, Shape, kind
from .limits import SHARE

if TYPE_CHECKING:
    import numpy as np
    import torch


@kind
class GaussianNoise(Kind):
    """Keras's GaussianNoise."""

    stddev: float
    seed: int | None = None

    limits = {"stddev": SHARE}
    train_only = True

    def module(self, *inputs: Shape) -> torch.nn.Module:
        from ._torch_more import GaussianNoise as Noise

        return Noise(self.stddev)

    def onnx(
        self, write: OnnxWriter, names: list[str], inputs: list[Shape], weights: dict[str, np.ndarray]
    ) -> str:
        return names[0]
