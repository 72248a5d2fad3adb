"""GlobalAveragePooling3D: the mean of each channel over a volume."""

from __future__ import annotations

from .kind import kind
from .spatial import SpatialGlobal


@kind
class GlobalAveragePooling3D(SpatialGlobal):
    """Keras's GlobalAveragePooling3D."""

    axes = 3
    operator = "ReduceMean"
