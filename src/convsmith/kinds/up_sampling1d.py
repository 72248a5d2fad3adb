"""UpSampling1D: every place of a sequence several times over."""

from __future__ import annotations

from .edges import Repeated
from .kind import kind
from .spatial import several


@kind
class UpSampling1D(Repeated):
    """Keras's UpSampling1D."""

    size: int = 2

    axes = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", several(self.size, 1, "size")[0])
