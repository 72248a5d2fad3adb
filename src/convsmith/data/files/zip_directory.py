"""How many files a zip file lists, counted before Python's reader makes an object of each."""

from __future__ import annotations

import os
import struct
from typing import IO

from ...errors import BadInput
from ...units import show_bytes

MAX_MEMBERS = 2_000_000
"""Files in an archive; ImageNet's training images are 1.3 million."""

MAX_DIRECTORY = 512_000_000
"""Bytes of a zip file's directory, at 100 to 200 for each file."""

_END, _END64, _LOCATOR64, _ENTRY = b"PK\5\6", b"PK\6\6", b"PK\6\7", b"PK\1\2"


def check_directory(path: str, *, most: int | None = None) -> None:
    """See that a zip file's directory is whole and of bounded size.

    PKWARE, "APPNOTE.TXT - .ZIP File Format Specification", 4.3.12 to 4.3.16.

    Args:
        path: the zip file.
        most: files that it may list; `MAX_MEMBERS` without it.

    Raises:
        BadInput: for a directory that is cut off, or lists too many files.
    """
    with open(path, "rb") as file:
        size, end = _directory(file, path)
        if size > MAX_DIRECTORY:
            raise BadInput(path, f"a directory of {show_bytes(size)}", f"at most {show_bytes(MAX_DIRECTORY)}")
        file.seek(max(0, end - size))
        found = file.read(min(size, end))
    limit, at, count = MAX_MEMBERS if most is None else most, 0, 0
    while found.startswith(_ENTRY, at) and len(found) >= at + 46:
        at += 46 + sum(struct.unpack_from("<HHH", found, at + 28))
        count += 1
        if count > limit:
            raise BadInput(
                path,
                f"more than {limit:,} files",
                "fewer in one archive",
                "unpack it: folders may hold more",
            )


def _directory(file: IO[bytes], path: str) -> tuple[int, int]:
    """Bytes of the directory, and where in the file it ends."""
    length = file.seek(0, os.SEEK_END)
    start = max(0, length - 65_557)
    file.seek(start)
    tail = file.read()
    at = tail.rfind(_END)
    if at < 0 or len(tail) < at + 22:
        raise BadInput(
            path, "is a damaged zip file: its end is missing", "a whole file", "download or copy it again"
        )
    size, end = struct.unpack_from("<I", tail, at + 12)[0], start + at
    if tail[max(0, at - 20) : at][:4] == _LOCATOR64:
        end = struct.unpack_from("<Q", tail, at - 12)[0]
        file.seek(min(end, length))
        record = file.read(56)
        if record[:4] != _END64 or len(record) < 56:
            raise BadInput(path, "is a damaged zip file: its end is damaged", "a whole file")
        size = struct.unpack_from("<Q", record, 40)[0]
    return size, end
