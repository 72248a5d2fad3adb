"""What a .tflite file says of itself beside its network: convsmith's JSON among the metadata."""

from __future__ import annotations

import struct
from typing import Any

from ..errors import BadInput
from ..strict_json import parse
from .tflite import IDENTIFIER

NAME = b"convsmith"
LARGEST = 4_000_000
"""Bytes of metadata that are read, at most."""
_MOST_METADATA = 100


def about_tflite(content: bytes, where: str) -> dict[str, Any]:
    """The metadata called ``convsmith`` of a file; empty where there is none.

    Args:
        content: the file.
        where: what it is called, for messages.

    Raises:
        BadInput: for what is no .tflite file, or is damaged.

    Example:
        >>> from convsmith.device.program import Op, Program, Tensor
        >>> from convsmith.device.tflite import to_tflite
        >>> tensors = (Tensor("x", (1, 2, 2, 1)), Tensor("y", (1, 2, 2, 1)))
        >>> program = Program("net", tensors, (Op("RELU", (0,), 1),), (0,), (1,))
        >>> about_tflite(to_tflite(program, {"classes": ["cat", "dog"]}), "net.tflite")
        {'classes': ['cat', 'dog']}
    """
    if content[4:8] != IDENTIFIER:
        raise BadInput(where, "is no .tflite file", "what `convsmith export RUN net.tflite` writes")
    try:
        text = _text(content)
    except (struct.error, IndexError, ValueError):
        raise BadInput(where, "is a damaged .tflite file", "the file as it was written") from None
    if text is None:
        return {}
    found = parse(text, f"{where}, metadata")
    return found if isinstance(found, dict) else {}


def _text(content: bytes) -> bytes | None:
    """The bytes of the buffer that the metadata called `NAME` point to."""
    model = _uint(content, 0)
    metadata, buffers = _vector(content, model, 6), _vector(content, model, 4)
    for table in metadata[:_MOST_METADATA]:
        place = _field(content, table, 0)
        if place is None or _bytes(content, place + _uint(content, place)) != NAME:
            continue
        number = _field(content, table, 1)
        data = _field(content, buffers[_uint(content, number) if number is not None else 0], 0)
        return None if data is None else _bytes(content, data + _uint(content, data))
    return None


def _uint(content: bytes, place: int) -> int:
    return int(struct.unpack_from("<I", content, place)[0])


def _field(content: bytes, table: int, slot: int) -> int | None:
    """Where a field of a table stands; None where it has its default."""
    directory = table - struct.unpack_from("<i", content, table)[0]
    if directory < 0:
        raise ValueError
    if 4 + 2 * slot >= struct.unpack_from("<H", content, directory)[0]:
        return None
    offset = struct.unpack_from("<H", content, directory + 4 + 2 * slot)[0]
    return table + offset if offset else None


def _vector(content: bytes, table: int, slot: int) -> list[int]:
    """Where the tables stand that a field lists."""
    field = _field(content, table, slot)
    if field is None:
        return []
    start = field + _uint(content, field)
    count = _uint(content, start)
    if start + 4 + 4 * count > len(content):
        raise ValueError
    places = range(start + 4, start + 4 + 4 * count, 4)
    return [place + _uint(content, place) for place in places]


def _bytes(content: bytes, start: int) -> bytes:
    count = _uint(content, start)
    if count > LARGEST or start + 4 + count > len(content):
        raise ValueError
    return content[start + 4 : start + 4 + count]
