"""Cropping1D: places cut off before and behind a sequence."""

from __future__ import annotations

from typing import Any

from .edges import Cropped, pairs
from .kind import kind


@kind
class Cropping1D(Cropped):
    """Keras's Cropping1D: (before, behind)."""

    cropping: Any = (1, 1)

    axes = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "cropping", pairs(self.cropping, 1, "cropping")[0])
