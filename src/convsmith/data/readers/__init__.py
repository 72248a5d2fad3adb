"""Readers: one file each, ``(source, *, ...) -> Images``, or None for "not mine"."""

from __future__ import annotations

from collections.abc import Callable

from ...registry import Registry
from ..images import Images

Reader = Callable[..., Images | None]

READERS: Registry[Reader] = Registry("reader", __name__, "convsmith.readers")
"""Every reader by name; each is asked in the order of the names until one does not answer None."""


def as_path(source: object) -> str | None:
    """The source as a path's text, or None when it is an object of another type."""
    import os

    return os.fspath(source) if isinstance(source, (str, os.PathLike)) else None  # type: ignore[return-value]
