"""GlobalMaxPooling3D: the largest value of each channel over a volume."""

from __future__ import annotations

from .kind import kind
from .spatial import SpatialGlobal


@kind
class GlobalMaxPooling3D(SpatialGlobal):
    """Keras's GlobalMaxPooling3D."""

    axes = 3
    operator = "ReduceMax"
