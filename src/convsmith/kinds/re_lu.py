"""ReLU as a layer: negative numbers become zero (or a slope), large ones a maximum."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .kind import Kind, OnnxWriter, Shape, kind
from .limits import NOT_NEGATIVE

if TYPE_CHECKING:
    import numpy as np
    import torch


@kind
class ReLU(Kind):
    """Keras's ReLU."""

    max_value: float | None = None
    negative_slope: float = 0.0
    threshold: float = 0.0

    limits = dict.fromkeys(("max_value", "negative_slope", "threshold"), NOT_NEGATIVE)

    def module(self, *inputs: Shape) -> torch.nn.Module:
        from torch import nn

        from ._torch import ClampedReLU

        if self.threshold == 0 and self.negative_slope == 0 and self.max_value in (None, 6):
            return nn.ReLU() if self.max_value is None else nn.ReLU6()
        return ClampedReLU(self.max_value, self.negative_slope, self.threshold)

    def onnx(
        self, write: OnnxWriter, names: list[str], inputs: list[Shape], weights: dict[str, np.ndarray]
    ) -> str:
        import numpy as np

        number = lambda x: write.constant(np.asarray(x, dtype=np.float32))  # noqa: E731
        value = names[0]
        if self.threshold == 0:
            out = (
                write.node("LeakyRelu", [value], alpha=self.negative_slope)
                if self.negative_slope
                else write.node("Relu", [value])
            )
        else:
            shifted = write.node("Sub", [value, number(self.threshold)])
            below = write.node("Mul", [shifted, number(self.negative_slope)])
            above = write.node("GreaterOrEqual", [value, number(self.threshold)])
            out = write.node("Where", [above, value, below])
        return out if self.max_value is None else write.node("Min", [out, number(self.max_value)])
