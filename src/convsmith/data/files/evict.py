"""Keeping a cache folder within a size: what was used longest ago goes first."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from ...errors import BadInput

MOST_BYTES = 32_000_000_000
"""Bytes that a cache folder may hold; CONVSMITH_CACHE_GB sets another limit."""

_OURS = ("pixels-*.npy", "seen-*.npz", "listed-*.gz", "unpacked-*.tar", "features-*.npy", "views-*.npy")


def used(path: Path) -> None:
    """Note that a cache file is used now."""
    with suppress(OSError):
        os.utime(path)


def evict(folder: Path, *, keep: Path) -> list[Path]:
    """Remove the cache files of a folder that were used longest ago, until it holds no more than it may.

    Files that somebody has mapped stay readable for them; whoever needs a removed file makes it again.

    Args:
        folder: the cache folder; other files in it are left alone.
        keep: the file that is needed now.

    Returns:
        The files that were removed.
    """
    found = []
    for pattern in _OURS:
        for path in folder.glob(pattern):
            with suppress(OSError):
                stat = path.stat()
                found.append((stat.st_mtime_ns, stat.st_size, path))
    most, removed = limit(), []
    total = sum(size for _, size, _ in found)
    for _, size, path in sorted(found):
        if total <= most:
            break
        if path != keep:
            with suppress(OSError):
                path.unlink()
                path.with_suffix(".sum").unlink(missing_ok=True)
                total -= size
                removed.append(path)
    return removed


def limit() -> int:
    """Bytes that a cache folder may hold.

    Raises:
        BadInput: CONVSMITH_CACHE_GB is not a number above zero.
    """
    text = os.environ.get("CONVSMITH_CACHE_GB")
    if not text:
        return MOST_BYTES
    with suppress(ValueError):
        if float(text) > 0:
            return int(float(text) * 1e9)
    raise BadInput("CONVSMITH_CACHE_GB", f"got {text!r}", "a number of gigabytes", "CONVSMITH_CACHE_GB=10")
