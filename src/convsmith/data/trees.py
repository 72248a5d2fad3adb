"""Folders, zip and tar files as one thing: names of files, and their bytes; nothing is ever extracted."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import lzma
import os
import stat
import tarfile
import zipfile
import zlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import IO, Any

import numpy as np

from ..errors import BadInput
from ..units import show_bytes
from .decode import MAX_FILE_BYTES, Unreadable
from .evict import evict, used
from .items import Files, Items, Names, read_bytes, shown
from .listing import Walked, walk
from .memory import cache_folder
from .record import Progress
from .scan import looks_like_image
from .wholefile import whole

BOMB_BYTES = 64_000_000
BOMB_RATIO = 200
"""A file in an archive that unpacks to more than BOMB_BYTES and to BOMB_RATIO times its size is refused."""

MAX_UNPACKED = 64_000_000_000
"""A compressed tar that unpacks to more is refused."""


class Tree(ABC):
    """Files with paths, wherever they are.

    Args:
        path: what the user named.
    """

    def __init__(self, path: str) -> None:
        self.path = path

    @abstractmethod
    def images(
        self, walked: Walked, *, cache: Path | None = None, progress: Progress | None = None
    ) -> Iterator[str]:
        """Names of the files that look like images, in order; what else there is goes to `walked`.

        `cache` and `progress` are those of `listing.walk`.
        """

    @abstractmethod
    def others(self) -> list[str]:
        """Names of the files near the top that are no images: manifests and data files."""

    @abstractmethod
    def read(self, name: str, limit: int = MAX_FILE_BYTES) -> bytes:
        """The bytes of one file; `Unreadable` where there are none."""

    @abstractmethod
    def items(self, names: Iterable[str]) -> Items:
        """The images with these names, missing ones included."""


def tree_of(path: str | None) -> Tree | None:
    """The folder, zip or tar file at a path, or None when there is something else."""
    if path is None:
        return None
    if os.path.isdir(path):
        return Folder(path)
    if not os.path.isfile(path):
        return None
    lower = path.lower()
    if lower.endswith((".npz", ".npy", ".gz", ".parquet")) and not lower.endswith(".tar.gz"):
        return None
    if zipfile.is_zipfile(path):
        return Zip(path)
    if lower.endswith((".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")):
        return Tar(path)
    return None


class Folder(Tree):
    """Files below a folder."""

    def images(
        self, walked: Walked, *, cache: Path | None = None, progress: Progress | None = None
    ) -> Iterator[str]:
        return walk(Path(self.path), walked, cache=cache, progress=progress)

    def others(self) -> list[str]:
        found = []
        for above in (
            "",
            *sorted(entry.name for entry in os.scandir(self.path) if entry.is_dir(follow_symlinks=False)),
        ):
            try:
                for entry in os.scandir(os.path.join(self.path, above)):
                    hidden = entry.name.startswith(".")
                    if not hidden and entry.is_file() and not looks_like_image(entry.name, lambda: b""):
                        found.append(os.path.join(above, entry.name))
            except OSError:
                continue
        return sorted(found)

    def read(self, name: str, limit: int = MAX_FILE_BYTES) -> bytes:
        return read_bytes(os.path.join(self.path, name), limit)

    def items(self, names: Iterable[str]) -> Files:
        return Files(Path(self.path), names)


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

    def _head(self, name: str) -> bytes:
        try:
            return self.read(name)[:32] if self.sizes[name] < 1_000_000 else b""
        except Unreadable:
            return b""

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
            self._zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
            raise BadInput(path, f"cannot be read as zip: {error}", "an undamaged zip file") from None
        self._members = {
            info.filename: info
            for info in self._zip.infolist()
            if not info.is_dir() and not stat.S_ISLNK(info.external_attr >> 16)
        }
        self.sizes = {name: info.file_size for name, info in self._members.items()}

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
            with tarfile.open(self._plain, "r:") as tar:
                while (member := tar.next()) is not None:
                    if member.isreg() and not member.issparse():
                        self._places[member.name.removeprefix("./")] = (member.offset_data, member.size)
                    tar.members.clear()  # type: ignore[attr-defined]
        except (tarfile.TarError, OSError, ValueError, EOFError) as error:
            raise BadInput(path, f"cannot be read as tar: {error}", "an undamaged tar file") from None
        self.sizes = {name: size for name, (_, size) in self._places.items()}

    def read(self, name: str, limit: int = MAX_FILE_BYTES) -> bytes:
        size = self._size(name, limit)
        with open(self._plain, "rb") as file:
            file.seek(self._places[name][0])
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


def copy_bounded(source: Any, out: IO[bytes], limit: int, path: str) -> None:
    """Copy a decompressed stream, and stop when it is longer than `limit` bytes."""
    done = 0
    try:
        while piece := source.read(1 << 20):
            done += len(piece)
            if done > limit:
                raise BadInput(path, f"unpacks to more than {show_bytes(limit)}", "no decompression bomb")
            out.write(piece)
    except (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile) as error:
        raise BadInput(path, f"is damaged: {error}", "a whole file") from None


def gunzipped(data: bytes, where: str, limit: int = MAX_UNPACKED) -> bytes:
    """`data`, unpacked when it is gzip; never more than `limit` bytes."""
    if not data.startswith(b"\x1f\x8b"):
        return data
    out = BytesIO()
    with gzip.open(BytesIO(data)) as source:
        copy_bounded(source, out, min(limit, max(BOMB_BYTES, 1100 * len(data))), where)
    return out.getvalue()
