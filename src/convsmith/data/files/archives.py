"""Zip and tar files as trees of files; nothing is ever extracted."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import lzma
import os
import stat
import zipfile
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import BadInput
from ...units import show_bytes
from ..decoding.decode import MAX_FILE_BYTES, Unreadable
from ..decoding.memory import cache_folder
from ..decoding.record import Progress
from ..decoding.scan import looks_like_image
from ..items import Names, shown
from .evict import evict, used
from .listing import Walked
from .tar_headers import entries
from .tree import Tree
from .unpack import BOMB_BYTES, BOMB_RATIO, MAX_UNPACKED, copy_bounded
from .wholefile import whole
from .zip_directory import MAX_MEMBERS, check_directory


class Members:
    """Images in an archive, read one at a time.

    Args:
        names: names of the members that are images.
        read: from a name to bytes.
    """

    def __init__(self, names: Iterable[str], read: Callable[[str], bytes]) -> None:
        self._names = Names(names)
        self._read = read

    def __len__(self) -> int:
        return len(self._names)

    def name(self, i: int) -> str:
        return shown(self._names[i])

    def raw(self, i: int) -> bytes | np.ndarray:
        return self._read(self._names[i])


class _Archive(Tree):
    """What zip and tar have in common: `sizes` maps the names of the real files to their unpacked size."""

    sizes: dict[str, int]

    def images(
        self, walked: Walked, *, cache: Path | None = None, progress: Progress | None = None
    ) -> Iterator[str]:
        for name in sorted(self.sizes):
            if _hidden(name):
                continue
            if looks_like_image(name.rsplit("/", 1)[-1], partial(self._head, name)):
                yield name
            else:
                walked.others += 1
                walked.example = walked.example or shown(name)

    def others(self) -> list[str]:
        return [
            name
            for name in sorted(self.sizes)
            if not _hidden(name) and not looks_like_image(name, lambda: b"")
        ]

    def items(self, names: Iterable[str]) -> Members:
        return Members(names, self.read)

    def has(self, name: str) -> bool:
        return name in self.sizes

    @abstractmethod
    def _head(self, name: str) -> bytes:
        """The first bytes of a file, or none where it cannot be read."""

    def _size(self, name: str, limit: int) -> int:
        if name not in self.sizes:
            raise Unreadable("is not in the archive")
        if self.sizes[name] > limit:
            raise Unreadable(
                f"huge file: {show_bytes(self.sizes[name])}, over the limit of {show_bytes(limit)}"
            )
        return self.sizes[name]


def _hidden(name: str) -> bool:
    return any(step.startswith((".", "__MACOSX")) for step in name.split("/") if step not in ("", ".", ".."))


class Zip(_Archive):
    """Files in a zip file; folders, links and encrypted members are no files."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        try:
            check_directory(path)
            self._zip = zipfile.ZipFile(path)
        except BadInput:
            raise
        except Exception as error:  # zipfile and struct each have their own
            raise BadInput(path, f"cannot be read as zip: {error}", "an undamaged zip file") from None
        self._members = {}
        for info in self._zip.infolist():
            # some programs of Windows write its own separator
            name = info.filename if "/" in info.filename else info.filename.replace("\\", "/")
            if not name.endswith("/") and not stat.S_ISLNK(info.external_attr >> 16):
                self._members[name] = info
        self.sizes = {name: info.file_size for name, info in self._members.items()}

    def _head(self, name: str) -> bytes:
        try:
            with self._zip.open(self._members[name]) as file:
                return file.read(32)
        except Exception:  # as in read, where the reason is said
            return b""

    def read(self, name: str, limit: int = MAX_FILE_BYTES) -> bytes:
        size = self._size(name, limit)
        info = self._members[name]
        if size > BOMB_BYTES and size > BOMB_RATIO * max(info.compress_size, 1):
            raise Unreadable(f"a bomb: {show_bytes(info.compress_size)} that unpack to {show_bytes(size)}")
        try:
            with self._zip.open(info) as file:
                return file.read(size + 1)[:size]
        except RuntimeError:
            raise Unreadable("encrypted") from None
        except Exception as error:  # zlib, lzma, zipfile and struct each have their own
            raise Unreadable(f"damaged in the archive: {error}") from None


class Tar(_Archive):
    """Files in a tar file; a compressed one is unpacked as a whole into one cache file first."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self._plain = _plain_tar(path)
        self._places: dict[str, tuple[int, int]] = {}
        try:
            with open(self._plain, "rb") as file:
                for count, (name, start, size) in enumerate(entries(file, path), 1):
                    self._places[name] = (start, size)
                    if count > MAX_MEMBERS:
                        raise BadInput(path, f"more than {MAX_MEMBERS:,} files", "fewer in one archive")
        except OSError as error:
            raise BadInput(path, f"cannot be read: {error.strerror or error}", "a readable file") from None
        self.sizes = {name: size for name, (_, size) in self._places.items()}

    def _head(self, name: str) -> bytes:
        start, size = self._places[name]
        with open(self._plain, "rb") as file:
            file.seek(start)
            return file.read(min(size, 32))

    def read(self, name: str, limit: int = MAX_FILE_BYTES) -> bytes:
        size = self._size(name, limit)
        start = self._places[name][0]
        with open(self._plain, "rb") as file:
            # before memory is asked for: a header may say any size
            if start + size > os.fstat(file.fileno()).st_size:
                raise Unreadable("truncated: the archive ends too early")
            file.seek(start)
            data = file.read(size)
        if len(data) < size:
            raise Unreadable("truncated: the archive ends too early")
        return data


def _plain_tar(path: str) -> str:
    """The path itself, or for a compressed tar that of the unpacked copy in the cache."""
    with open(path, "rb") as file:
        magic = file.read(6)
    openers: dict[bytes, Callable[[str], Any]] = {
        b"\x1f\x8b": gzip.open,
        b"BZh": bz2.open,
        b"\xfd7zXZ\0": lzma.open,
    }
    opener = next((opener for start, opener in openers.items() if magic.startswith(start)), None)
    if opener is None:
        return path
    found = os.stat(path)
    key = f"{os.path.realpath(path)}|{found.st_size}|{found.st_mtime_ns}|{found.st_ino}"
    copy = cache_folder() / f"unpacked-{hashlib.blake2b(os.fsencode(key), digest_size=16).hexdigest()}.tar"
    if not copy.exists():
        with whole(copy) as draft, opener(path) as source, open(draft, "wb") as out:
            copy_bounded(source, out, min(MAX_UNPACKED, max(BOMB_BYTES, BOMB_RATIO * found.st_size)), path)
        evict(copy.parent, keep=copy)
    used(copy)
    return str(copy)
