"""Compressed streams, unpacked within bounds."""

from __future__ import annotations

import gzip
import lzma
import zlib
from io import BytesIO
from typing import IO, Any

from ...errors import BadInput
from ...units import show_bytes

BOMB_BYTES = 64_000_000
BOMB_RATIO = 200
"""A file in an archive that unpacks to more than BOMB_BYTES and to BOMB_RATIO times its size is refused."""

MAX_UNPACKED = 64_000_000_000
"""A compressed tar that unpacks to more is refused."""


def copy_bounded(source: Any, out: IO[bytes], limit: int, path: str) -> None:
    """Copy a decompressed stream, and stop when it is longer than `limit` bytes.

    Raises:
        BadInput: when the stream is damaged, or longer.
    """
    done = 0
    while piece := _piece(source, path):
        done += len(piece)
        if done > limit:
            raise BadInput(path, f"unpacks to more than {show_bytes(limit)}", "no decompression bomb")
        out.write(piece)


def _piece(source: Any, path: str) -> bytes:
    """The next megabyte; bz2 says damage with an OSError, which must not be taken for a full disk."""
    try:
        return bytes(source.read(1 << 20))
    except (EOFError, OSError, ValueError, zlib.error, lzma.LZMAError) as error:
        raise BadInput(path, f"is damaged: {error}", "a whole file") from None


def gunzipped(data: bytes, where: str, limit: int = MAX_UNPACKED) -> bytes:
    """`data`, unpacked when it is gzip; never more than `limit` bytes."""
    if not data.startswith(b"\x1f\x8b"):
        return data
    out = BytesIO()
    with gzip.open(BytesIO(data)) as source:
        copy_bounded(source, out, min(limit, max(BOMB_BYTES, 1100 * len(data))), where)
    return out.getvalue()
