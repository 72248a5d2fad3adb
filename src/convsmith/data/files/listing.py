"""Finding the image files below a folder: in order, without leaving it, in little memory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from ...errors import BadInput
from ..decoding.record import Progress
from ..decoding.scan import looks_like_image
from ..items import shown
from .listed import FOLDER, IMAGE, OTHER, Entries, Listed

FOLLOW = "--outside (in Python outside=True)"
"""How to ask for images outside the folder that was named."""

_JUNK = {"thumbs.db", "desktop.ini", "__macosx"}


@dataclass
class Walked:
    """What a walk met besides images.

    Args:
        others: how many files are no images.
        example: one of them.
        outside: how many links that lead out of the folder were not followed.
        linked: one of them.
        closed: folders that cannot be listed.
    """

    others: int = 0
    example: str = ""
    outside: int = 0
    linked: str = ""
    closed: list[str] = field(default_factory=list)

    def outside_links(self) -> str:
        """How many links lead out, in words."""
        links = "1 symbolic link leads" if self.outside == 1 else f"{self.outside:,} symbolic links lead"
        return f"{links} out of the folder (such as {shown(self.linked)})"

    def notes(self) -> list[str]:
        """Sentences for a report."""
        lines = []
        if self.others:
            lines.append(f"{self.others:,} other files ignored (such as {self.example})")
        if self.outside:
            lines.append(f"{self.outside_links()}, not followed: {FOLLOW} follows them")
        return lines + [f"folder {name} cannot be listed" for name in self.closed]


def walk(
    root: Path,
    walked: Walked,
    *,
    outside: bool = False,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> Iterator[str]:
    """Paths of the image files below `root`, relative to it, sorted folder by folder.

    Hidden files are skipped. Symbolic links are followed where they stay inside `root`.

    Args:
        root: the folder.
        walked: filled with what else was met.
        outside: also follow links that lead out of `root`.
        cache: folder where the listing of a large folder is kept, see `listed.Listed`.
        progress: called as ``progress("listing files", done, 0)`` from time to time.
    """
    real = os.path.realpath(root)
    listed = Listed(real, cache)
    within = "" if outside else real
    for count, name in enumerate(_walk(os.fspath(root), "", within, (real,), walked, listed), 1):
        yield name
        if progress and count % 4096 == 0:
            progress("listing files", count, 0)
    listed.keep()


def _walk(
    root: str, below: str, real: str, above: tuple[str, ...], walked: Walked, listed: Listed
) -> Iterator[str]:
    folder = os.path.join(root, below)
    try:
        entries = listed.recall(below, folder)
        if entries is None:
            entries = _look(folder, real, above, walked)
            if entries.keepable:
                listed.add(below, folder, entries.found)
    except OSError as error:
        if not below:
            raise BadInput(root, f"cannot be listed: {error.strerror}", "a readable folder") from None
        walked.closed.append(shown(below))
        return
    for name, kind in entries.found:
        path = os.path.join(below, name)
        if kind == FOLDER:
            inside = os.path.realpath(os.path.join(root, path))
            yield from _walk(root, path, real, (*above, inside), walked, listed)
        elif kind == IMAGE:
            yield path
        else:
            walked.others += 1
            walked.example = walked.example or shown(path)


def _look(folder: str, real: str, above: tuple[str, ...], walked: Walked) -> Entries:
    """What one folder holds, in order; without hidden files, and links that lead out or round in circles."""
    found, links = [], False
    with os.scandir(folder) as entries:
        ordered = sorted(entries, key=lambda entry: entry.name)
    for entry in ordered:
        if entry.name.startswith(".") or entry.name.lower() in _JUNK:
            continue
        link = entry.is_symlink()
        if link:
            links = True
            target = os.path.realpath(entry.path)
            if real and os.path.commonpath([real, target]) != real:
                walked.outside += 1
                walked.linked = walked.linked or entry.name
                continue
            if target in above:  # a link to a folder that it lies in: a loop
                continue
        # a dangling link counts as a file, to be listed as unreadable
        if entry.is_dir():
            found.append((entry.name, FOLDER))
        elif (entry.is_file() or (link and not os.path.exists(entry.path))) and looks_like_image(
            entry.name, partial(_head, entry.path)
        ):
            found.append((entry.name, IMAGE))
        else:
            found.append((entry.name, OTHER))
    return Entries(tuple(found), keepable=not links)


def _head(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(32)
    except OSError:
        return b""
