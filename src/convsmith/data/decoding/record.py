"""What is kept about each image that has been looked at."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

RECORD = np.dtype(
    [
        ("raw", "<u8", 2),  # digest of the file's bytes
        ("content", "<u8", 2),  # digest of the decoded pixels
        ("look", "u1", (16, 16)),  # the picture, small and grey; 0 where it means nothing
        ("height", "<u4"),
        ("width", "<u4"),
        ("bytes", "<u8"),
        ("mode", "S8"),
        ("format", "S8"),
        ("notes", "<u4"),  # bit k: the k-th key of NOTES
        ("mean", "<f4"),  # grey level 0..255
        ("spread", "<f4"),  # standard deviation of the grey level
        ("channels", "u1"),
    ]
)
"""One image's scan, 356 bytes; digests are two little-endian 64-bit halves."""

PAIR = np.dtype([("one", "<i8"), ("other", "<i8"), ("similarity", "<f4")])
"""Two images that look alike, and how much: 1 for the same details."""

Progress = Callable[[str, int, int], None]
"""Called as ``progress("looking at images", done, total)``; total is 0 where it is not known yet."""
