"""Remembering what was seen in files, so that a second look at a large folder opens only what is new."""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from pathlib import Path

import numpy as np

from ...errors import BadInput
from ..files.npy import members
from ..files.wholefile import whole
from ..items import Files
from .record import RECORD

VERSION = 3  # part of every key: raise it when a look finds something else


def cache_folder() -> Path:
    """Where caches go: CONVSMITH_CACHE, or XDG_CACHE_HOME/convsmith, or ~/.cache/convsmith."""
    named = os.environ.get("CONVSMITH_CACHE")
    if named:
        return Path(named)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "convsmith"


class Memory:
    """The records of one folder's files from the last time, found again by path, size, times and inode.

    Args:
        folder: where to keep them.
        items: the files as they are now.
        max_pixels: the limit in force; another limit, another memory.
    """

    def __init__(self, folder: Path, items: Files, max_pixels: int) -> None:
        root = os.path.realpath(items.root)
        salt = f"{root}|{max_pixels}|{VERSION}|{RECORD.descr}"
        self.path = (
            folder
            / f"seen-{hashlib.blake2b(salt.encode('utf-8', 'replace'), digest_size=16).hexdigest()}.npz"
        )
        self.keys = np.zeros(len(items), "V16")
        for i in range(len(items)):
            with suppress(OSError):
                found = os.stat(items.path(i))
                text = (
                    f"{items.name(i)}|{found.st_size}|{found.st_mtime_ns}|{found.st_ctime_ns}|{found.st_ino}"
                )
                self.keys[i] = np.void(hashlib.blake2b(text.encode(), digest_size=16).digest())

    def recall(self, records: np.ndarray, reasons: dict[int, str]) -> np.ndarray:
        """Fill in what is known; return the positions of the files that must be looked at."""
        count = len(self.keys)
        try:
            arrays = members(str(self.path)) if self.path.exists() else {}
            old, seen = arrays["keys"](), arrays["records"]()
            why = json.loads(bytes(arrays["reasons"]()))
            if old.shape != seen.shape or old.dtype != self.keys.dtype or seen.dtype != RECORD:
                return np.arange(count)
        except (KeyError, BadInput, ValueError):
            return np.arange(count)
        old_numbers, numbers = (keys.view("<u8").reshape(-1, 2) for keys in (old, self.keys))
        order = np.lexsort(old_numbers.T)
        where = _find(old_numbers[order], numbers)
        known = np.flatnonzero((where >= 0) & numbers.any(axis=1))
        source = order[where[known]]
        records[known] = seen[source]
        for i, k in zip(known, source, strict=True) if why else ():
            if str(k) in why:
                reasons[int(i)] = str(why[str(k)])
        left = np.ones(count, bool)
        left[known] = False
        return np.flatnonzero(left)

    def keep(self, records: np.ndarray, reasons: dict[int, str]) -> None:
        """Write down what was seen; a cache that cannot be written is no reason to stop."""
        why = np.frombuffer(json.dumps({str(k): reason for k, reason in reasons.items()}).encode(), np.uint8)
        with suppress(BadInput, OSError), whole(self.path) as draft, open(draft, "wb") as file:
            np.savez(file, keys=self.keys, records=records, reasons=why)


def _find(known: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Position in `known` (sorted by second, then first column) of each row of `wanted`; -1 where absent."""
    where = np.searchsorted(known[:, 1], wanted[:, 1])
    where = np.minimum(where, max(len(known) - 1, 0))
    if not len(known):
        return np.full(len(wanted), -1)
    return np.where((known[where] == wanted).all(axis=1), where, -1)
