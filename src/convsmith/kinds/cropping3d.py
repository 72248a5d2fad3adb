"""Cropping3D: places cut off before and behind a volume."""

from __future__ import annotations

from typing import Any

from .edges import Cropped, pairs
from .kind import kind


@kind
class Cropping3D(Cropped):
    """Keras's Cropping3D: such a pair for each axis."""

    cropping: Any = ((1, 1), (1, 1), (1, 1))
    data_format: str | None = "channels_last"

    axes = 3

    def __post_init__(self) -> None:
        object.__setattr__(self, "cropping", pairs(self.cropping, 3, "cropping"))
