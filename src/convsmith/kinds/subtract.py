"""Subtract: the first tensor minus the second."""

from __future__ import annotations

from .kind import kind
from .merge import Merge


@kind
class Subtract(Merge):
    """Keras's Subtract."""

    operation = "subtract"
    operator = "Sub"
