"""UpSampling3D: every place of a volume several times over."""

from __future__ import annotations

from .edges import Repeated
from .kind import kind
from .spatial import several


@kind
class UpSampling3D(Repeated):
    """Keras's UpSampling3D."""

    size: tuple[int, ...] = (2, 2, 2)
    data_format: str | None = "channels_last"

    axes = 3

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", several(self.size, 3, "size"))
