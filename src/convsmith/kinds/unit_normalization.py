"""UnitNormalization: each position's channels divided by their length."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .kind import Kind, OnnxWriter, Shape, ShapeError, kind

if TYPE_CHECKING:
    import numpy as np
    import torch


@kind
class UnitNormalization(Kind):
    """Keras's UnitNormalization over the last axis."""

    axis: int | tuple[int, ...] = -1

    def shape(self, *inputs: Shape) -> Shape:
        if self.axis not in (-1, (-1,), len(inputs[0]), (len(inputs[0]),)):
            raise ShapeError(f"UnitNormalization over axis {self.axis}", "the last axis", "axis=-1")
        return inputs[0]

    def module(self, *inputs: Shape) -> torch.nn.Module:
        from ._torch_more import UnitNorm

        return UnitNorm()

    def onnx(
        self, write: OnnxWriter, names: list[str], inputs: list[Shape], weights: dict[str, np.ndarray]
    ) -> str:
        import numpy as np

        axis = 1 if len(inputs[0]) == 3 else -1
        squares = write.node("Mul", [names[0], names[0]])
        axes = write.constant(np.array([axis], dtype=np.int64))
        total = write.node("ReduceSum", [squares, axes], keepdims=1)
        least = write.node("Max", [total, write.constant(np.asarray(1e-12, dtype=np.float32))])
        return write.node("Div", [names[0], write.node("Sqrt", [least])])
