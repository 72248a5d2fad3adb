"""LocalResponseNormalization: each number over a power of its neighbouring channels' squares (AlexNet)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .kind import Kind, OnnxWriter, Shape, image, kind

if TYPE_CHECKING:
    import numpy as np
    import torch


@kind
class LocalResponseNormalization(Kind):
    """x / (bias + alpha/size × the squares of `size` channels around it)^beta; Keras has none.

    Source: A. Krizhevsky, I. Sutskever, G. Hinton, 2012, as ONNX's LRN writes it down.

    Args:
        size: how many channels, the number's own among them.
        alpha, beta, bias: the constants.
    """

    size: int
    alpha: float = 1e-4
    beta: float = 0.75
    bias: float = 1.0

    home = "convsmith"

    def shape(self, *inputs: Shape) -> Shape:
        image(inputs[0], "LocalResponseNormalization")
        return inputs[0]

    def module(self, *inputs: Shape) -> torch.nn.Module:
        from ._torch_more import LocalResponseNorm

        return LocalResponseNorm(self.size, self.alpha, self.beta, self.bias)

    def onnx(
        self, write: OnnxWriter, names: list[str], inputs: list[Shape], weights: dict[str, np.ndarray]
    ) -> str:
        settings = {"alpha": self.alpha, "beta": self.beta, "bias": self.bias}
        return write.node("LRN", names, size=self.size, **settings)
