"""Embedding: a learned vector for each whole number."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .kind import Formula, Kind, OnnxWriter, Shape, ShapeError, Weight, kind
from .limits import Limit

if TYPE_CHECKING:
    import numpy as np
    import torch


@kind
class Embedding(Kind):
    """Keras's Embedding; it multiplies nothing, so that it has no multiply-adds."""

    input_dim: int
    output_dim: int
    embeddings_initializer: str = "uniform"
    embeddings_regularizer: str | None = None
    activity_regularizer: str | None = None
    embeddings_constraint: str | None = None
    mask_zero: bool = False

    limits = dict.fromkeys(("input_dim", "output_dim"), Limit(1))
    torch_weights = {"embeddings": ("weight", None)}

    def shape(self, *inputs: Shape) -> Shape:
        return (*inputs[0], self.output_dim)

    def weights(self, *inputs: Shape) -> tuple[Weight, ...]:
        return (Weight("embeddings", (self.input_dim, self.output_dim), self.embeddings_initializer),)

    def formula(self, *inputs: Shape) -> Formula:
        return Formula(params=f"{self.input_dim}×{self.output_dim}")

    def _check(self, shape: Shape) -> None:
        if self.mask_zero:
            raise ShapeError("mask_zero=True, which later layers would have to heed", "mask_zero=False")
        if len(shape) not in (1, 2):
            raise ShapeError(f"Embedding of the shape {shape}", "whole numbers in a row, or rows of them")

    def module(self, *inputs: Shape) -> torch.nn.Module:
        from ._torch_attention import Embedding as TorchEmbedding

        self._check(inputs[0])
        return TorchEmbedding(self.input_dim, self.output_dim)

    def onnx(
        self, write: OnnxWriter, names: list[str], inputs: list[Shape], weights: dict[str, np.ndarray]
    ) -> str:
        self._check(inputs[0])
        places = write.node("Cast", [names[0]], to=7)  # INT64 of onnx.TensorProto
        return write.node("Gather", [write.constant(weights["embeddings"]), places], axis=0)
