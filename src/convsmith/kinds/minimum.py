"""Minimum: the smallest of several tensors, number by number."""

from __future__ import annotations

from .kind import kind
from .merge import Merge


@kind
class Minimum(Merge):
    """Keras's Minimum."""

    operation = "minimum"
    operator = "Min"
