"""AveragePooling1D: the mean in each window of a sequence, channel by channel."""

from __future__ import annotations

from .kind import kind
from .spatial import SpatialPool


@kind
class AveragePooling1D(SpatialPool):
    """Keras's AveragePooling1D."""

    pool_size: tuple[int, ...] = (2,)

    axes = 1
    operator = "AveragePool"
