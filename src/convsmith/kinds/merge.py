"""What Add, Multiply and their like share: several tensors of like shapes into one, number by number."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from .kind import Kind, OnnxWriter, Shape, ShapeError

if TYPE_CHECKING:
    import numpy as np
    import torch


class Merge(Kind):
    """A layer that combines tensors number by number; sizes of 1 stretch."""

    operation: ClassVar[str]
    operator: ClassVar[str]

    def shape(self, *inputs: Shape) -> Shape:
        name = type(self).__name__
        if len(inputs) < 2:
            raise ShapeError(f"{name} of {len(inputs)} tensors", "at least two", f"{name}()([a, b])")
        out = list(inputs[0])
        for other in inputs[1:]:
            if len(other) != len(out):
                raise ShapeError(
                    f"{name} of shapes {inputs[0]} and {other}", "as many sizes in each", "Reshape before it"
                )
            for axis, (a, b) in enumerate(zip(out, other, strict=True)):
                if a is not None and b is not None and a != b and 1 not in (a, b):
                    raise ShapeError(
                        f"{name} of shapes {tuple(out)} and {other}",
                        "equal sizes, or 1",
                        "a 1×1 convolution on one of them",
                    )
                out[axis] = None if None in (a, b) else b if a == 1 else a
        return tuple(out)

    def module(self, *inputs: Shape) -> torch.nn.Module:
        from ._torch import Merge as TorchMerge

        return TorchMerge(self.operation)

    def onnx(
        self, write: OnnxWriter, names: list[str], inputs: list[Shape], weights: dict[str, np.ndarray]
    ) -> str:
        out = names[0]
        for other in names[1:]:
            out = write.node(self.operator, [out, other])
        return out
