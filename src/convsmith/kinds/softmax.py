"""Softmax as a layer: numbers into shares that add up to 1."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .activation import activation_onnx
from .kind import Kind, OnnxWriter, Shape, kind, places, torch_axis

if TYPE_CHECKING:
    import numpy as np
    import torch


@kind
class Softmax(Kind):
    """Keras's Softmax over one axis or several."""

    axis: int | tuple[int, ...] = -1

    def shape(self, *inputs: Shape) -> Shape:
        self._axes(inputs[0])
        return inputs[0]

    def _axes(self, shape: Shape) -> tuple[int, ...]:
        """The tensor's axes here; (-1,) where none but the last is meant, whatever the shape."""
        if self.axis in (-1, (-1,)):
            return (-1,)
        found = places(self.axis, shape, "Softmax")
        return (-1,) if found == (len(shape) - 1,) else tuple(torch_axis(each, len(shape)) for each in found)

    def module(self, *inputs: Shape) -> torch.nn.Module:
        from ._torch import Softmax as TorchSoftmax
        from ._torch_more import SoftmaxOver

        axes = self._axes(inputs[0])
        return TorchSoftmax() if axes == (-1,) else SoftmaxOver(axes)

    def onnx(
        self, write: OnnxWriter, names: list[str], inputs: list[Shape], weights: dict[str, np.ndarray]
    ) -> str:
        import numpy as np

        axes = self._axes(inputs[0])
        if axes == (-1,):
            return activation_onnx(write, "softmax", names[0], inputs[0])
        if len(axes) == 1:
            return write.node("Softmax", names, axis=axes[0])
        over = write.constant(np.array(axes, dtype=np.int64))
        total = write.node("ReduceLogSumExp", [names[0], over], keepdims=1)
        return write.node("Exp", [write.node("Sub", [names[0], total])])
