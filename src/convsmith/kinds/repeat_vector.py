"""RepeatVector: one row of features, several times over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .kind import Kind, OnnxWriter, Shape, ShapeError, kind

if TYPE_CHECKING:
    import numpy as np
    import torch


@kind
class RepeatVector(Kind):
    """Keras's RepeatVector."""

    n: int

    def shape(self, *inputs: Shape) -> Shape:
        if len(inputs[0]) != 1:
            raise ShapeError(
                f"RepeatVector of the shape {inputs[0]}", "one row of features", "Flatten before it"
            )
        return (self.n, inputs[0][0])

    def module(self, *inputs: Shape) -> torch.nn.Module:
        from ._torch_more import Repeat

        return Repeat(self.n)

    def onnx(
        self, write: OnnxWriter, names: list[str], inputs: list[Shape], weights: dict[str, np.ndarray]
    ) -> str:
        import numpy as np

        wide = write.node("Unsqueeze", [names[0], write.constant(np.array([1], dtype=np.int64))])
        return write.node("Tile", [wide, write.constant(np.array([1, self.n, 1], dtype=np.int64))])
