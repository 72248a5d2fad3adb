"""Average: the mean of several tensors, number by number."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .kind import OnnxWriter, Shape, kind
from .merge import Merge

if TYPE_CHECKING:
    import numpy as np


@kind
class Average(Merge):
    """Keras's Average."""

    operation = "average"
    operator = "Add"

    def onnx(
        self, write: OnnxWriter, names: list[str], inputs: list[Shape], weights: dict[str, np.ndarray]
    ) -> str:
        import numpy as np

        total = super().onnx(write, names, inputs, weights)
        return write.node("Div", [total, write.constant(np.asarray(len(names), dtype=np.float32))])
