"""The headers of a tar file, read within bounds: POSIX ustar and pax, and GNU's long names.

Python's own reader takes a header's word for sizes, follows extended headers by recursion, and goes back
where a size is negative. This one reads forward only, and a bounded number of bytes of each header.
IEEE Std 1003.1-2017, "pax", sections "ustar Interchange Format" and "pax Header Block".
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import IO

from ...errors import BadInput

BLOCK = 512
MAX_EXTENDED = 1_000_000
"""Bytes that one extended header may have; a path has at most some thousands."""
MAX_IN_A_ROW = 20
"""Extended headers before one file."""

_FILES = (b"0", b"\0", b"7")
_EMPTY = (b"1", b"2", b"3", b"4", b"5", b"6")  # links, devices, folders: a size means nothing
_LONG_NAME, _LONG_LINK, _PAX, _PAX_ALL, _SPARSE = b"L", b"K", b"x", b"g", b"S"


def entries(file: IO[bytes], where: str) -> Iterator[tuple[str, int, int]]:
    """The files in a tar file, in its order: (name, offset of the content, size).

    Args:
        file: the tar file, seekable, at its start.
        where: what to name in an error.

    Raises:
        BadInput: for what is no header, a size below 0, or extended headers without end.
    """
    at, name, size, sparse, extended = 0, "", -1, False, 0
    while True:
        file.seek(at)
        block = file.read(BLOCK)
        if len(block) < BLOCK or not block.strip(b"\0"):
            return
        kind = block[156:157]
        length = _number(block[124:136], where) if kind not in _EMPTY else 0
        if not _is_header(block):
            raise BadInput(where, f"is damaged: no header at byte {at:,}", "an undamaged tar file")
        at += BLOCK
        if kind in (_LONG_NAME, _LONG_LINK, _PAX, _PAX_ALL):
            extended += 1
            if length > MAX_EXTENDED or extended > MAX_IN_A_ROW:
                came = f"extended headers of {length:,} bytes, {extended} in a row, at byte {at:,}"
                raise BadInput(where, came, f"at most {MAX_IN_A_ROW} of {MAX_EXTENDED:,} bytes")
            if kind == _LONG_NAME:
                name = os.fsdecode(file.read(length).split(b"\0")[0])
            elif kind == _PAX:
                known = _records(file.read(length), where)
                name = known.get("path", name)
                size = _whole(known["size"], where) if "size" in known else size
                sparse = any(key.startswith("GNU.sparse") for key in known)
            at += _blocks(length)
            continue
        length = size if size >= 0 and kind not in _EMPTY else length
        if kind == _SPARSE:
            more = bool(block[482])
            while more:
                file.seek(at)
                extra = file.read(BLOCK)
                at, more = at + BLOCK, len(extra) == BLOCK and bool(extra[504])
        named = name or _name(block)
        if kind in _FILES and not sparse and not named.endswith("/"):
            yield named.removeprefix("./"), at, length
        at += _blocks(length)
        name, size, sparse, extended = "", -1, False, 0


def _blocks(length: int) -> int:
    return -(-length // BLOCK) * BLOCK


def _is_header(block: bytes) -> bool:
    """Whether the checksum is right: the sum of all bytes, its own eight as spaces; some add signed bytes."""
    text = block[148:156].strip(b" \0")
    if not text or any(byte not in b"01234567" for byte in text):
        return False
    rest = block[:148] + b" " * 8 + block[156:]
    total = sum(rest)
    return int(text, 8) in (total, total - 256 * sum(byte > 127 for byte in rest))


def _number(text: bytes, where: str) -> int:
    """A field as a number: octal digits, or base 256 where the first bit is set."""
    if text[0] & 0x80:
        value = (
            int.from_bytes(text, "big", signed=True) if text[0] == 0xFF else int.from_bytes(text[1:], "big")
        )
    else:
        digits = text.split(b"\0")[0].strip()
        if any(byte not in b"01234567" for byte in digits):
            raise BadInput(where, f"is damaged: a size of {text!r}", "an undamaged tar file")
        value = int(digits or b"0", 8)
    if not 0 <= value < 1 << 62:
        raise BadInput(where, f"is damaged: a file of {value} bytes", "sizes of 0 and more")
    return value


def _whole(text: str, where: str) -> int:
    if not text.isascii() or not text.isdecimal() or len(text) > 18:
        raise BadInput(where, f"is damaged: a file of '{text[:40]}' bytes", "sizes of 0 and more")
    return int(text)


def _name(block: bytes) -> str:
    name = block[:100].split(b"\0")[0]
    prefix = block[345:500].split(b"\0")[0] if block[257:263] == b"ustar\0" else b""
    return os.fsdecode(prefix + b"/" + name if prefix else name)


def _records(data: bytes, where: str) -> dict[str, str]:
    """The records of a pax header, each ``length key=value newline``."""
    found, at = {}, 0
    while at < len(data) and data[at]:
        length, space, _ = data[at : at + 20].partition(b" ")
        if not space or not length.isdigit() or not len(length) + 3 <= int(length) <= len(data) - at:
            raise BadInput(where, "is damaged: an extended header without records", "an undamaged tar file")
        key, _, value = data[at + len(length) + 1 : at + int(length) - 1].partition(b"=")
        found[os.fsdecode(key)] = os.fsdecode(value)
        at += int(length)
    return found
