"""Finding the image files below a folder: in order, without leaving it, in little memory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from ..errors import BadInput
from .items import shown
from .scan import looks_like_image

_JUNK = {"thumbs.db", "desktop.ini", "__macosx"}


@dataclass
class Walked:
    """What a walk met besides images.

    Args:
        others: how many files are no images.
        example: one of them.
        outside: how many links lead out of the folder.
        closed: folders that cannot be listed.
    """

    others: int = 0
    example: str = ""
    outside: int = 0
    closed: list[str] = field(default_factory=list)

    def notes(self) -> list[str]:
        """Sentences for a report."""
        lines = []
        if self.others:
            lines.append(f"{self.others:,} other files ignored (such as {self.example})")
        if self.outside:
            lines.append(f"{self.outside:,} symbolic links that lead out of the folder not followed")
        return lines + [f"folder {name} cannot be listed" for name in self.closed]


def walk(root: Path, walked: Walked) -> Iterator[str]:
    """Paths of the image files below `root`, relative to it, sorted folder by folder.

    Hidden files are skipped. Symbolic links are followed only where they stay inside `root`.

    Args:
        root: the folder.
        walked: filled with what else was met.
    """
    real = os.path.realpath(root)
    yield from _walk(os.fspath(root), "", real, (real,), walked)


def _walk(root: str, below: str, real: str, above: tuple[str, ...], walked: Walked) -> Iterator[str]:
    try:
        with os.scandir(os.path.join(root, below)) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError as error:
        if not below:
            raise BadInput(root, f"cannot be listed: {error.strerror}", "a readable folder") from None
        walked.closed.append(shown(below))
        return
    for entry in entries:
        name = os.path.join(below, entry.name)
        if entry.name.startswith(".") or entry.name.lower() in _JUNK:
            continue
        link = entry.is_symlink()
        if link:
            target = os.path.realpath(entry.path)
            if os.path.commonpath([real, target]) != real:
                walked.outside += 1
                continue
            if target in above:  # a link to a folder that it lies in: a loop
                continue
        # a dangling link counts as a file, to be listed as unreadable
        if entry.is_dir():
            inside = os.path.realpath(entry.path)
            yield from _walk(root, name, real, (*above, inside), walked)
        elif (entry.is_file() or (link and not os.path.exists(entry.path))) and looks_like_image(
            entry.name, partial(_head, entry.path)
        ):
            yield name
        else:
            walked.others += 1
            walked.example = walked.example or shown(name)


def _head(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(32)
    except OSError:
        return b""
