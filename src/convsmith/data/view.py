"""Some of a set's pixels, left where they are: for sets that are larger than memory."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

SHARE = 0.25
"""Of the machine's memory that a copy of some of the pixels may take."""


class View:
    """Rows of a memory-mapped array, read when they are asked for.

    Args:
        pixels: (N, H, W, C).
        rows: positions in `pixels`, in the order wanted.

    Example:
        >>> view = View(np.arange(24, dtype=np.uint8).reshape(6, 2, 2, 1), np.array([4, 1]))
        >>> view.shape, view[0, ..., 0].tolist(), view[np.array([1])].ravel().tolist()
        ((2, 2, 2, 1), [[16, 17], [18, 19]], [4, 5, 6, 7])
    """

    def __init__(self, pixels: np.ndarray, rows: np.ndarray) -> None:
        self.pixels, self.rows = pixels, rows
        self.shape = (len(rows), *pixels.shape[1:])
        self.dtype, self.ndim = pixels.dtype, pixels.ndim
        self.nbytes = int(np.prod(self.shape, dtype=np.int64)) * pixels.itemsize

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, which: Any) -> np.ndarray:
        """As an array's: only what is asked for is read."""
        first, rest = (which[0], which[1:]) if isinstance(which, tuple) else (which, ())
        found = self.pixels[self.rows[first]]
        return np.asarray(found[rest if np.ndim(self.rows[first]) == 0 else (slice(None), *rest)])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(self.pixels[self.rows], dtype)


def selected(pixels: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Some of the pixels: copied where memory allows, else as a `View`, which serves as an array here.

    Args:
        pixels: (N, H, W, C), perhaps memory-mapped.
        rows: positions in `pixels`.
    """
    wanted = len(rows) * int(np.prod(pixels.shape[1:], dtype=np.int64)) * pixels.itemsize
    if wanted <= SHARE * _memory():
        return pixels[rows]
    return View(pixels, rows)  # type: ignore[return-value]


def _memory() -> float:
    try:
        return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    except (AttributeError, ValueError, OSError):
        return float("inf")
