"""Where the images of a set come from: files, rows of arrays; listed compactly, opened one at a time."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from .decoding.decode import MAX_FILE_BYTES, Unreadable

_SURROGATE = re.compile("[\ud800-\udfff]")


class Items(Protocol):
    """A numbered collection of images that are opened one at a time."""

    def __len__(self) -> int:
        """How many images there are."""
        ...

    def name(self, i: int) -> str:
        """What a person calls image `i`: a path below the folder, or ``x_train[7]``."""
        ...

    def raw(self, i: int) -> bytes | np.ndarray:
        """The file's bytes, or uint8 pixels (height, width, 1 or 3); `Unreadable` where there are none."""
        ...


class Names(Sequence[str]):
    """A million strings in two arrays instead of a million objects.

    Example:
        >>> names = Names(["a.png", "ü.png"])
        >>> len(names), names[1]
        (2, 'ü.png')
    """

    def __init__(self, names: Iterable[str]) -> None:
        blob, ends = bytearray(), []
        offsets = np.zeros(1, np.int64)
        for name in names:
            blob += os.fsencode(name)
            ends.append(len(blob))
            if len(ends) == 65536:
                offsets, ends = np.concatenate([offsets, ends]), []
        self._blob = bytes(blob)
        self._offsets = np.concatenate([offsets, np.asarray(ends, np.int64)])

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def __getitem__(self, i: int) -> str:  # type: ignore[override]
        if not -len(self) <= i < len(self):
            raise IndexError(i)
        i %= len(self)
        return os.fsdecode(self._blob[self._offsets[i] : self._offsets[i + 1]])


def shown(name: str) -> str:
    """A file name that can be printed and put in JSON, also when it is not valid UTF-8.

    Bytes that are not UTF-8 are read as Windows-1252, one by one, so that different names stay different.

    Example:
        >>> shown(os.fsdecode(b"B\\xe4r.png")), shown("ü.png")
        ('Bär.png', 'ü.png')
    """
    if not _SURROGATE.search(name):
        return name
    return _SURROGATE.sub(_as_text, name)


def _as_text(found: re.Match[str]) -> str:
    code = ord(found[0])
    if not 0xDC80 <= code <= 0xDCFF:  # no byte of a file name, but half of a character from JSON
        return "\ufffd"
    byte = bytes([code - 0xDC00])
    try:
        return byte.decode("cp1252")
    except UnicodeDecodeError:
        return byte.decode("latin-1")


class Files:
    """Image files below one folder.

    Args:
        root: the folder.
        names: paths below it, in order.
    """

    def __init__(self, root: Path, names: Iterable[str]) -> None:
        self.root = root
        self._names = Names(names)

    def __len__(self) -> int:
        return len(self._names)

    def name(self, i: int) -> str:
        return shown(self._names[i])

    def path(self, i: int) -> str:
        """The file's path as the operating system knows it."""
        return os.path.join(self.root, self._names[i])

    def raw(self, i: int) -> bytes:
        return read_bytes(self.path(i))


def read_bytes(path: str | Path, limit: int = MAX_FILE_BYTES) -> bytes:
    """The bytes of a file of bounded size.

    Raises:
        Unreadable: when it is missing, forbidden, or larger than `limit` bytes.
    """
    try:
        with open(path, "rb") as file:
            # read(n) asks for n bytes of memory at once, so that it must not be told the limit
            pieces = [file.read(min(limit, os.fstat(file.fileno()).st_size) + 1)]
            total = len(pieces[0])
            while total <= limit and (more := file.read(min(1 << 20, limit + 1 - total))):
                pieces.append(more)
                total += len(more)
            data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
    except OSError as error:
        raise Unreadable(f"cannot be opened: {error.strerror or error}") from None
    except ValueError:
        raise Unreadable("cannot be opened: no file has such a name") from None
    if len(data) > limit:
        raise Unreadable(f"huge file: over the limit of {limit:,} bytes")
    return data


class Rows:
    """Images that are rows of arrays, one or several (such as x_train and x_test) one after the other.

    Args:
        arrays: (name, array); arrays are (N, H, W) or (N, H, W, C) with C 1, 3 or 4, or (N, C, H, W)
            made channels-last by the caller; uint8, or any real type together with `scale`.
        scale: factor from the values to 0..255; None for uint8 as it is.
    """

    def __init__(self, arrays: Sequence[tuple[str, np.ndarray]], scale: float | None = None) -> None:
        self.arrays = tuple((name, x if x.ndim == 4 else x[..., None]) for name, x in arrays)
        self.scale = scale
        self._ends = np.cumsum([len(x) for _, x in self.arrays])

    def __len__(self) -> int:
        return int(self._ends[-1]) if len(self._ends) else 0

    def _find(self, i: int) -> tuple[str, np.ndarray, int]:
        k = int(np.searchsorted(self._ends, i, side="right"))
        name, x = self.arrays[k]
        return name, x, i - (int(self._ends[k - 1]) if k else 0)

    def name(self, i: int) -> str:
        name, _, row = self._find(i)
        return f"{name}[{row}]"

    def raw(self, i: int) -> np.ndarray:
        _, x, row = self._find(i)
        return self.eight_bits(x[row])

    def eight_bits(self, x: np.ndarray) -> np.ndarray:
        """Values as uint8, with alpha (a fourth channel) composited on white."""
        if self.scale is not None:
            x = np.clip(np.rint(np.nan_to_num(x.astype(np.float32)) * self.scale), 0, 255).astype(np.uint8)
        if x.shape[-1] == 4:
            alpha = x[..., 3:].astype(np.float32) / 255
            x = np.rint(x[..., :3] * alpha + 255 * (1 - alpha)).astype(np.uint8)
        return x
