"""ZeroPadding1D: zeros added before and behind a sequence."""

from __future__ import annotations

from typing import Any

from .edges import Padded, pairs
from .kind import kind


@kind
class ZeroPadding1D(Padded):
    """Keras's ZeroPadding1D: (before, behind)."""

    padding: Any = (1, 1)
    data_format: str | None = "channels_last"

    axes = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "padding", pairs(self.padding, 1, "padding")[0])
