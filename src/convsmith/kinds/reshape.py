"""Reshape: the same numbers in another shape."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .kind import Kind, OnnxWriter, Shape, ShapeError, kind, size

if TYPE_CHECKING:
    import numpy as np
    import torch


@kind
class Reshape(Kind):
    """Keras's Reshape; one size may be -1, worked out from the others."""

    target_shape: tuple[int, ...]

    def shape(self, *inputs: Shape) -> Shape:
        total = size(inputs[0])
        known = size(tuple(item for item in self.target_shape if item != -1)) or 1
        if total is None:
            return tuple(None if item == -1 else item for item in self.target_shape)
        if total % known or (-1 not in self.target_shape and total != known):
            raise ShapeError(
                f"{total} numbers into {self.target_shape}",
                f"sizes whose product is {total}",
                "-1 for one of them",
            )
        return tuple(total // known if item == -1 else item for item in self.target_shape)

    def module(self, *inputs: Shape) -> torch.nn.Module:
        from ._torch import ChannelsLast

        return ChannelsLast(tuple(item or 0 for item in self.shape(*inputs)))

    def onnx(
        self, write: OnnxWriter, names: list[str], inputs: list[Shape], weights: dict[str, np.ndarray]
    ) -> str:
        import numpy as np

        target = self.shape(*inputs)
        name = write.node("Transpose", names, perm=[0, 2, 3, 1]) if len(inputs[0]) == 3 else names[0]
        name = write.node("Reshape", [name, write.constant(np.array([0, *target], dtype=np.int64))])
        return write.node("Transpose", [name], perm=[0, 3, 1, 2]) if len(target) == 3 else name
