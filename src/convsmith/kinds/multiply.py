"""Multiply: the product of several tensors, as in a squeeze-and-excite gate."""

from __future__ import annotations

from .kind import kind
from .merge import Merge


@kind
class Multiply(Merge):
    """Keras's Multiply."""

    operation = "multiply"
    operator = "Mul"
