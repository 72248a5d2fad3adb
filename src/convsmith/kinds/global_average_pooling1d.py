"""GlobalAveragePooling1D: the mean of each channel over a sequence."""

from __future__ import annotations

from .kind import kind
from .spatial import SpatialGlobal


@kind
class GlobalAveragePooling1D(SpatialGlobal):
    """Keras's GlobalAveragePooling1D."""

    axes = 1
    operator = "ReduceMean"
