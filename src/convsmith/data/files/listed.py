"""Remembering what large folders hold, so that a second walk lists only the folders that have changed."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ...errors import BadInput
from .evict import evict
from .wholefile import whole

FOLDER, IMAGE, OTHER = "d", "i", "o"

FROM = 2000
"""Files from which a listing is worth keeping."""

_RACY = 2_000_000_000  # nanoseconds: a folder changed this shortly before it was listed may change unseen
_MOST_BYTES = 1_000_000_000


@dataclass(frozen=True)
class Entries:
    """What one folder holds.

    Args:
        found: (name, FOLDER, IMAGE or OTHER), in order.
        keepable: whether the folder's own time says when this changes; not so with links in it.
    """

    found: tuple[tuple[str, str], ...]
    keepable: bool = True


class Listed:
    """The folders below `root` as they were last time; each is trusted while its time and inode are the same.

    Args:
        root: the real path of the folder.
        cache: where to keep the listing; None for nowhere.
    """

    def __init__(self, root: str, cache: Path | None) -> None:
        name = hashlib.blake2b(os.fsencode(root), digest_size=16).hexdigest()
        self._path = None if cache is None else cache / f"listed-{name}-v1.gz"
        self._lines = self._read()
        self._new: dict[str, bytes] = {}
        self._files = self._changed = 0

    def _read(self) -> dict[str, bytes]:
        """One line a folder: its path, a tab, and JSON that stays text until it is asked for."""
        if self._path is None or not self._path.exists():
            return {}
        found = {}
        try:
            with gzip.open(self._path) as file:
                for line in file.read(_MOST_BYTES).splitlines():
                    found[json.loads(line[: line.index(b"\t")])] = line[line.index(b"\t") + 1 :]
        except (OSError, EOFError, ValueError):
            return {}
        return found

    def recall(self, below: str, folder: str) -> Entries | None:
        """What the folder holds, or None where it must be listed anew."""
        line = self._lines.get(_text(below))
        if line is None:
            return None
        try:
            stamp, names, kinds = json.loads(line)
            if stamp != _stamp(folder) or len(names) != len(kinds):
                return None
            real = (os.fsdecode(name.encode("latin-1")) for name in names)
            found = tuple(zip(real, kinds, strict=True))
        except (ValueError, TypeError, AttributeError):
            return None
        self._new[_text(below)] = line
        self._files += len(found)
        return Entries(found)

    def add(self, below: str, folder: str, found: tuple[tuple[str, str], ...]) -> None:
        """Note what a folder holds now."""
        stamp = _stamp(folder)
        self._files += len(found)
        if self._path is None or stamp[0] > time.time_ns() - _RACY:
            return
        names = [_text(name) for name, _ in found]
        self._new[_text(below)] = json.dumps([stamp, names, "".join(kind for _, kind in found)]).encode()
        self._changed += 1

    def keep(self) -> None:
        """Write the listing down where it is large and new; a cache that cannot be written stops nothing."""
        if self._path is None or self._files < FROM or not self._changed:
            return
        with suppress(BadInput, OSError), whole(self._path) as draft, gzip.open(draft, "wb", 1) as file:
            for below, line in self._new.items():
                file.write(json.dumps(below).encode() + b"\t" + line + b"\n")
        evict(self._path.parent, keep=self._path)


def _stamp(folder: str) -> list[int]:
    found = os.stat(folder)
    return [found.st_mtime_ns, found.st_ino]


def _text(name: str) -> str:
    """A file name's bytes as text that JSON keeps exactly, whatever they are."""
    return os.fsencode(name).decode("latin-1")
