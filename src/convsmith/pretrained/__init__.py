"""Weights to start from: where they come from, under which licence, and where their networks may be cut."""

from .cuts import Cut, block_ends
from .opening import how_to_get, on_this_machine, open_source
from .source import Source
from .sources import SOURCES, Published

__all__ = [
    "SOURCES", "Cut", "Published", "Source", "block_ends", "how_to_get", "on_this_machine", "open_source",
]  # fmt: skip
