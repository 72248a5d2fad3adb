"""Images in: readers, a report on what was found, splits, working size, cached pixels."""

from __future__ import annotations

from .found import lines
from .images import Images
from .read import photo, read
from .resolution import Resolution, resolution
from .split import Split

__all__ = ["Images", "Resolution", "Split", "lines", "photo", "read", "resolution"]
