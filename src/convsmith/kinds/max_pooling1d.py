"""MaxPooling1D: the largest value in each window of a sequence, channel by channel."""

from __future__ import annotations

from .kind import kind
from .spatial import SpatialPool


@kind
class MaxPooling1D(SpatialPool):
    """Keras's MaxPooling1D."""

    pool_size: tuple[int, ...] = (2,)

    axes = 1
    operator = "MaxPool"
