"""Images in: readers, a report on what was found, splits, working size, cached pixels."""

from __future__ import annotations

from .found import lines
from .images import Images
from .pixels_in import pixels_in
from .program import program
from .read import photo, read
from .resolution import Resolution, resolution
from .split import Split

__all__ = ["Images", "Resolution", "Split", "lines", "photo", "pixels_in", "program", "read", "resolution"]
