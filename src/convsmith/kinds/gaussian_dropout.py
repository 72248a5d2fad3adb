"""GaussianDropout: in training, numbers are multiplied by random ones around 1."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .kind import Kind, OnnxWriter, Shape, kind
from .limits import SHARE

if TYPE_CHECKING:
    import numpy as np
    import torch


@kind
class GaussianDropout(Kind):
    """Keras's GaussianDropout."""

    rate: float
    seed: int | None = None

    limits = {"rate": SHARE}
    train_only = True

    def module(self, *inputs: Shape) -> torch.nn.Module:
        from ._torch_more import GaussianDropout as Noise

        return Noise(self.rate)

    def onnx(
        self, write: OnnxWriter, names: list[str], inputs: list[Shape], weights: dict[str, np.ndarray]
    ) -> str:
        return names[0]
