"""Softmax as a layer: numbers into shares that add up to 1."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .activation import activation_onnx
from .kind import Kind, OnnxWriter, Shape, ShapeError, kind

if TYPE_CHECKING:
    import numpy as np
    import torch


@kind
class Softmax(Kind):
    """Keras's Softmax over the last axis."""

    axis: int | tuple[int, ...] = -1

    def shape(self, *inputs: Shape) -> Shape:
        if self.axis not in (-1, (-1,), len(inputs[0])):
            raise ShapeError(f"Softmax over axis {self.axis}", "the last axis", "axis=-1")
        return inputs[0]

    def module(self, *inputs: Shape) -> torch.nn.Module:
        from ._torch import Softmax as TorchSoftmax

        return TorchSoftmax()

    def onnx(
        self, write: OnnxWriter, names: list[str], inputs: list[Shape], weights: dict[str, np.ndarray]
    ) -> str:
        return activation_onnx(write, "softmax", names[0], inputs[0])
