"""Damage that decoders pass over in silence, found by the checksums that a file carries."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any

_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def png_damage(data: bytes) -> str | None:
    """What the checksums of a PNG file say (PNG specification, third edition, 5.3: each chunk has a CRC-32).

    Pillow checks those before the pixels alone, libpng all of them.

    Args:
        data: the file.

    Returns:
        What is wrong in a few words, or None.

    Example:
        >>> from io import BytesIO
        >>> from PIL import Image
        >>> file = BytesIO()
        >>> Image.new("L", (3, 2)).save(file, "PNG")
        >>> whole = bytearray(file.getvalue())
        >>> png_damage(bytes(whole))
        >>> whole[-20] ^= 1
        >>> png_damage(bytes(whole))
        'wrong checksum in the chunk IDAT'
    """
    view, at = memoryview(data), len(_SIGNATURE)
    while at + 12 <= len(data):
        length, kind = int.from_bytes(view[at : at + 4], "big"), bytes(view[at + 4 : at + 8])
        end = at + 12 + length
        if end > len(data):
            return "truncated"
        if zlib.crc32(view[at + 4 : end - 4]) != int.from_bytes(view[end - 4 : end], "big"):
            return f"wrong checksum in the chunk {kind.decode('ascii', 'replace')}"
        if kind == b"IEND":
            return None
        at = end
    return "truncated"


def tiff_damage(data: bytes, tags: Mapping[int, Any], most: int) -> str | None:
    """What zlib's own checksums say of a TIFF file whose pixels are deflated; libtiff stops before them.

    Args:
        data: the file.
        tags: its tags, by number.
        most: bytes that its pixels can be inflated to.

    Returns:
        What is wrong in a few words, or None.
    """
    if tags.get(259) not in (8, 32946):  # Compression: deflate, by its new and its old number
        return None
    starts, sizes = tags.get(273) or tags.get(324), tags.get(279) or tags.get(325)  # of strips or tiles
    view = memoryview(data)
    for start, size in zip(starts or (), sizes or (), strict=False):
        inflater, rest = zlib.decompressobj(), view[start : start + size]
        try:
            while not inflater.eof:
                piece = inflater.decompress(inflater.unconsumed_tail or rest, 1 << 20)
                rest, most = rest[:0], most - len(piece)
                if most < 0:
                    return "more pixels than its header declares"
                if not piece and not inflater.unconsumed_tail:
                    break
        except zlib.error as error:
            return str(error)
        if not inflater.eof:
            return "truncated"
    return None
