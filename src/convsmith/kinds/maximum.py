"""Maximum: the largest of several tensors, number by number."""

from __future__ import annotations

from .kind import kind
from .merge import Merge


@kind
class Maximum(Merge):
    """Keras's Maximum."""

    operation = "maximum"
    operator = "Max"
