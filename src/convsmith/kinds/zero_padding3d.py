"""ZeroPadding3D: zeros added before and behind a volume."""

from __future__ import annotations

from typing import Any

from .edges import Padded, pairs
from .kind import kind


@kind
class ZeroPadding3D(Padded):
    """Keras's ZeroPadding3D: such a pair for each axis."""

    padding: Any = ((1, 1), (1, 1), (1, 1))
    data_format: str | None = "channels_last"

    axes = 3

    def __post_init__(self) -> None:
        object.__setattr__(self, "padding", pairs(self.padding, 3, "padding"))
