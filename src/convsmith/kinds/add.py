"""Add: the sum of several tensors, as at the end of a residual block."""

from __future__ import annotations

from .kind import kind
from .merge import Merge


@kind
class Add(Merge):
    """Keras's Add."""

    operation = "add"
    operator = "Add"
