"""GlobalMaxPooling1D: the largest value of each channel over a sequence."""

from __future__ import annotations

from .kind import kind
from .spatial import SpatialGlobal


@kind
class GlobalMaxPooling1D(SpatialGlobal):
    """Keras's GlobalMaxPooling1D."""

    axes = 1
    operator = "ReduceMax"
