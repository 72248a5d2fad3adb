"""Images that a page sends: many files in one request, each written whole, never run or served.

A body is a row of files: two bytes with the length of the name, the name in UTF-8, four bytes with the length
of the content, the content (big-endian numbers). One request a file took ten times as long.
"""

from __future__ import annotations

import os
import shutil
import struct
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from .refusal import Refused

FILE = 64_000_000
"""Bytes of one file, at most."""
BATCH = FILE + 17_000_000
"""Bytes of one request, at most: one file of any size, or some sixteen megabytes of small ones."""
FILES = 200_000
"""Files of one set, at most."""
KEEP_FREE = 5_000_000_000
"""Bytes of the disk that stay free."""
NAME, DEEPEST = 200, 8
SUFFIXES = (
    ".jpg", ".jpeg", ".png", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm",
    ".avif", ".jp2", ".ico", ".tga", ".csv", ".tsv", ".jsonl",
)  # fmt: skip
"""Endings that are taken; whether a file is an image is decided by its content, when it is looked at."""


def safe(name: str) -> list[str] | None:
    """The steps of a path that was sent; None for one that is not taken.

    Example:
        >>> safe("cats/1.jpg"), safe("../1.jpg"), safe("cats/.hidden/1.jpg"), safe("run.py")
        (['cats', '1.jpg'], None, None, None)
    """
    steps = name.replace("\\", "/").split("/")
    if len(steps) > DEEPEST or not name.lower().endswith(SUFFIXES):
        return None
    for step in steps:
        if (
            not step
            or step.startswith(".")
            or step != step.strip()
            or len(step.encode("utf-8", "replace")) > NAME
        ):
            return None
        if any(ord(letter) < 32 or letter in ':\x7f"<>|?*' for letter in step):
            return None
    return steps


class Room:
    """What may still be written to a set: files, and bytes of the disk."""

    def __init__(self, folder: Path, files: int) -> None:
        self._folder, self.files = folder, files

    def check(self, size: int) -> None:
        """See that one more file of that size may come.

        Raises:
            Refused: too many files, or the disk would be full.
        """
        if self.files >= FILES:
            raise Refused(
                413,
                "upload",
                f"{FILES:,} files are there",
                "at most that many",
                "name the folder by its path",
            )
        if shutil.disk_usage(self._folder).free - size < KEEP_FREE:
            raise Refused(
                507, "upload", "the disk is nearly full", "5 GB that stay free", "name the folder by its path"
            )
        self.files += 1


async def receive(stream: AsyncIterator[bytes], folder: Path, room: Room) -> dict[str, Any]:
    """Write the files of one request.

    Args:
        stream: the body.
        folder: where they go.
        room: what may still come.

    Returns:
        ``saved`` (how many), ``bytes``, and ``refused`` (name and why of each that was not taken).

    Raises:
        Refused: a body that is none, or no room.
    """
    held = bytearray()
    saved = total = 0
    refused: list[dict[str, str]] = []

    async def take(count: int) -> bytes:
        while len(held) < count:
            try:
                held.extend(await anext(stream))
            except StopAsyncIteration:
                raise Refused(
                    400, "upload", "ends in the middle of a file", "whole files", "send them again"
                ) from None
        piece = bytes(held[:count])
        del held[:count]
        return piece

    async def is_over() -> bool:
        while not held:
            try:
                held.extend(await anext(stream))
            except StopAsyncIteration:
                return True
        return False

    while not await is_over():
        (length,) = struct.unpack(">H", await take(2))
        name = (await take(length)).decode("utf-8", "replace")
        (size,) = struct.unpack(">I", await take(4))
        if size > FILE:
            raise Refused(
                413, f"upload of {name:.80}", f"{size:,} bytes", f"at most {FILE:,}", "a smaller copy"
            )
        content = await take(size)
        steps = safe(name)
        if steps is None or "\ufffd" in name:
            refused.append({"name": name[:300], "why": "no image or table, or a name that is not taken"})
            continue
        room.check(size)
        _write(folder, steps, content)
        saved, total = saved + 1, total + size
    return {"saved": saved, "bytes": total, "refused": refused}


def _write(folder: Path, steps: list[str], content: bytes) -> None:
    """Write a file whole below a folder."""
    path = folder.joinpath(*steps)
    if not Path(os.path.normpath(path)).is_relative_to(folder):
        raise Refused(400, "upload", "leads out of its folder", "a path below it")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name[:60]}.part")
        part.write_bytes(content)
        part.replace(path)
    except OSError as error:
        raise Refused(507, "upload", f"cannot be written: {error.strerror}", "a disk with room") from None


def missing(folder: Path, wanted: list[Any]) -> list[int]:
    """Which of the files are not there yet, by place: what a page sends that goes on after a break.

    Args:
        folder: of the set.
        wanted: name and size of each.
    """
    found = []
    for place, one in enumerate(wanted[: FILES + 1]):
        if not (isinstance(one, list) and len(one) == 2 and isinstance(one[0], str)):
            raise Refused(400, "upload", "the list is none", "pairs of name and size")
        steps = safe(one[0])
        if steps is None:
            continue
        try:
            is_there = os.lstat(folder.joinpath(*steps)).st_size == one[1]
        except OSError:
            is_there = False
        if not is_there:
            found.append(place)
    return found


async def receive_piece(stream: AsyncIterator[bytes], path: Path, start: int) -> int:
    """Write a piece of one large file, such as an archive; returns how long the file is now.

    Raises:
        Refused: the piece does not begin where the file ends, or there is no room.
    """
    have = path.stat().st_size if path.exists() else 0
    if start != have:
        raise Refused(
            409, "upload", f"a piece from byte {start:,}", f"from byte {have:,}", "go on from there"
        )
    with open(path, "ab") as file:
        async for piece in stream:
            if shutil.disk_usage(path.parent).free - len(piece) < KEEP_FREE:
                raise Refused(507, "upload", "the disk is nearly full", "5 GB that stay free")
            file.write(piece)
        return file.tell()
