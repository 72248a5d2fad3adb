"""Permute: the sizes of a shape in another order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .kind import Kind, OnnxWriter, Shape, ShapeError, kind

if TYPE_CHECKING:
    import numpy as np
    import torch


@kind
class Permute(Kind):
    """Keras's Permute: ``dims`` counts from 1."""

    dims: tuple[int, ...]

    def shape(self, *inputs: Shape) -> Shape:
        if sorted(self.dims) != list(range(1, len(inputs[0]) + 1)):
            raise ShapeError(
                f"Permute by {self.dims} of {len(inputs[0])} sizes", "each of them once, counted from 1"
            )
        return tuple(inputs[0][place - 1] for place in self.dims)

    def module(self, *inputs: Shape) -> torch.nn.Module:
        from ._torch_more import Permute as TorchPermute

        return TorchPermute((0, *self.dims))

    def onnx(
        self, write: OnnxWriter, names: list[str], inputs: list[Shape], weights: dict[str, np.ndarray]
    ) -> str:
        image = len(self.dims) == 3
        name = write.node("Transpose", names, perm=[0, 2, 3, 1]) if image else names[0]
        name = write.node("Transpose", [name], perm=[0, *self.dims])
        return write.node("Transpose", [name], perm=[0, 3, 1, 2]) if image else name
