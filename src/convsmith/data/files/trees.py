"""Folders, zip and tar files as one thing: names of files, and their bytes; nothing is ever extracted."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from ..decoding.decode import MAX_FILE_BYTES
from ..decoding.record import Progress
from ..decoding.scan import looks_like_image
from ..items import Files, read_bytes
from .archives import Tar, Zip
from .listing import Walked, walk
from .tree import Tree


def tree_of(path: str | None, *, outside: bool = False) -> Tree | None:
    """The folder, zip or tar file at a path, or None when there is something else.

    Args:
        path: what the user named.
        outside: also follow links that lead out of the folder.

    Raises:
        BadInput: for a damaged archive.
    """
    if path is None:
        return None
    if os.path.isdir(path):
        return Folder(path, outside=outside)
    if not os.path.isfile(path):
        return None
    lower = path.lower()
    if lower.endswith((".npz", ".npy", ".gz", ".parquet")) and not lower.endswith(".tar.gz"):
        return None
    if _begins(path, b"PK\x03\x04"):
        return Zip(path)
    if lower.endswith((".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")):
        return Tar(path)  # a zip that lies in it uncompressed would be found by its end
    return Zip(path) if zipfile.is_zipfile(path) else None


def _begins(path: str, magic: bytes) -> bool:
    try:
        with open(path, "rb") as file:
            return file.read(len(magic)) == magic
    except OSError:
        return False


class Folder(Tree):
    """Files below a folder.

    Args:
        path: the folder.
        outside: also follow links that lead out of it.
    """

    sep = os.sep

    def __init__(self, path: str, *, outside: bool = False) -> None:
        super().__init__(path)
        self.outside = outside

    def images(
        self, walked: Walked, *, cache: Path | None = None, progress: Progress | None = None
    ) -> Iterator[str]:
        return walk(Path(self.path), walked, outside=self.outside, cache=cache, progress=progress)

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

    def has(self, name: str) -> bool:
        return "\0" not in name and os.path.lexists(os.path.join(self.path, name))

    def items(self, names: Iterable[str]) -> Files:
        return Files(Path(self.path), names)


__all__ = ["Folder", "Tar", "Tree", "Zip", "tree_of"]
