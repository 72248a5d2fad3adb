"""UnitNormalization: numbers divided by the length of what stands along some axes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .kind import Kind, OnnxWriter, Shape, kind, places, torch_axis

if TYPE_CHECKING:
    import numpy as np
    import torch


@kind
class UnitNormalization(Kind):
    """Keras's UnitNormalization over one axis or several."""

    axis: int | tuple[int, ...] = -1

    def shape(self, *inputs: Shape) -> Shape:
        places(self.axis, inputs[0], "UnitNormalization")
        return inputs[0]

    def _axes(self, shape: Shape) -> tuple[int, ...]:
        """The tensor's axes here."""
        found = places(self.axis, shape, "UnitNormalization")
        return tuple(torch_axis(place, len(shape)) for place in found)

    def module(self, *inputs: Shape) -> torch.nn.Module:
        from ._torch_more import UnitNorm

        return UnitNorm(self._axes(inputs[0]))

    def onnx(
        self, write: OnnxWriter, names: list[str], inputs: list[Shape], weights: dict[str, np.ndarray]
    ) -> str:
        import numpy as np

        squares = write.node("Mul", [names[0], names[0]])
        axes = write.constant(np.array(self._axes(inputs[0]), dtype=np.int64))
        total = write.node("ReduceSum", [squares, axes], keepdims=1)
        least = write.node("Max", [total, write.constant(np.asarray(1e-12, dtype=np.float32))])
        return write.node("Div", [names[0], write.node("Sqrt", [least])])
