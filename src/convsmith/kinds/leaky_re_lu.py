"""LeakyReLU as a layer: negative numbers keep a small slope."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .kind import Kind, OnnxWriter, Shape, kind
from .limits import NOT_NEGATIVE

if TYPE_CHECKING:
    import numpy as np
    import torch


@kind
class LeakyReLU(Kind):
    """Keras's LeakyReLU."""

    negative_slope: float = 0.3

    limits = {"negative_slope": NOT_NEGATIVE}

    @classmethod
    def from_config(cls, config: Any) -> LeakyReLU:
        # Keras 2 called the slope alpha.
        made = cls(config.get("negative_slope", config.get("alpha", 0.3)))
        made.checked()
        return made

    def module(self, *inputs: Shape) -> torch.nn.Module:
        from torch import nn

        return nn.LeakyReLU(self.negative_slope)

    def onnx(
        self, write: OnnxWriter, names: list[str], inputs: list[Shape], weights: dict[str, np.ndarray]
    ) -> str:
        return write.node("LeakyRelu", names, alpha=self.negative_slope)
