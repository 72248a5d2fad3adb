"""AveragePooling3D: the mean in each window of a volume, channel by channel."""

from __future__ import annotations

from .kind import kind
from .spatial import SpatialPool


@kind
class AveragePooling3D(SpatialPool):
    """Keras's AveragePooling3D."""

    pool_size: tuple[int, ...] = (2, 2, 2)

    axes = 3
    operator = "AveragePool"
