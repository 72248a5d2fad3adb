"""ELU as a layer: negative numbers bend towards -alpha."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .kind import Kind, OnnxWriter, Shape, kind

if TYPE_CHECKING:
    import numpy as np
    import torch


@kind
class ELU(Kind):
    """Keras's ELU."""

    alpha: float = 1.0

    def module(self, *inputs: Shape) -> torch.nn.Module:
        from torch import nn

        return nn.ELU(self.alpha)

    def onnx(
        self, write: OnnxWriter, names: list[str], inputs: list[Shape], weights: dict[str, np.ndarray]
    ) -> str:
        return write.node("Elu", names, alpha=self.alpha)
