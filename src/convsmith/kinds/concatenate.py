"""Concatenate: tensors put side by side along one axis."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .kind import Formula, Kind, OnnxWriter, Shape, ShapeError, kind

if TYPE_CHECKING:
    import numpy as np
    import torch


@kind
class Concatenate(Kind):
    """Keras's Concatenate."""

    axis: int = -1

    def _place(self, shape: Shape) -> int:
        place = self.axis - 1 if self.axis > 0 else len(shape) + self.axis
        if self.axis == 0 or not 0 <= place < len(shape):
            raise ShapeError(
                f"Concatenate along axis {self.axis} of {len(shape)} sizes", "an axis of the shape", "axis=-1"
            )
        return place

    def shape(self, *inputs: Shape) -> Shape:
        place = self._place(inputs[0])
        for other in inputs[1:]:
            if len(other) != len(inputs[0]) or any(
                a != b and None not in (a, b)
                for axis, (a, b) in enumerate(zip(inputs[0], other, strict=True))
                if axis != place
            ):
                raise ShapeError(
                    f"Concatenate of shapes {inputs[0]} and {other}",
                    "equal sizes but for the axis",
                    'padding="same" before it',
                )
        sizes = [shape[place] for shape in inputs]
        joined = None if None in sizes else sum(item for item in sizes if item is not None)
        return (*inputs[0][:place], joined, *inputs[0][place + 1 :])

    def formula(self, *inputs: Shape) -> Formula:
        place = self._place(inputs[0])
        return Formula(
            shape=" + ".join(str(shape[place]) for shape in inputs) + f" = {self.shape(*inputs)[place]}"
        )

    def _torch_axis(self, shape: Shape) -> int:
        place = self._place(shape)
        return (2, 3, 1)[place] if len(shape) == 3 else place + 1

    def module(self, *inputs: Shape) -> torch.nn.Module:
        from ._torch import Merge as TorchMerge

        return TorchMerge("concatenate", self._torch_axis(inputs[0]))

    def onnx(
        self, write: OnnxWriter, names: list[str], inputs: list[Shape], weights: dict[str, np.ndarray]
    ) -> str:
        return write.node("Concat", names, axis=self._torch_axis(inputs[0]))
