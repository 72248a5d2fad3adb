"""Telling images apart: digests of bytes and of pixels, and a small picture of how an image looks."""

from __future__ import annotations

import hashlib

import numpy as np

from ..decoding.decode import is_grey

NEAR_SIDE = 64
"""Below this many pixels a side images of one class look alike anyway: only exact copies count."""

LOOK_SIDE = 16
"""Pixels a side of what is kept of an image's looks."""


def digest(data: bytes | memoryview) -> bytes:
    """16 bytes that stand for the content (BLAKE2b)."""
    return hashlib.blake2b(data, digest_size=16).digest()


def pixel_digest(pixels: np.ndarray) -> bytes:
    """16 bytes that stand for decoded uint8 (H, W, C) pixels; grey is the same in one channel and in three.

    Example:
        >>> grey = np.arange(6, dtype=np.uint8).reshape(2, 3, 1)
        >>> pixel_digest(grey) == pixel_digest(grey.repeat(3, axis=2))
        True
        >>> pixel_digest(grey) == pixel_digest(grey.reshape(3, 2, 1))
        False
    """
    if pixels.shape[2] == 3 and is_grey(pixels):
        pixels = pixels[:, :, :1]
    maker = hashlib.blake2b(repr(pixels.shape).encode(), digest_size=16)
    maker.update(np.ascontiguousarray(pixels).data)
    return maker.digest()


def look(grey: np.ndarray) -> np.ndarray:
    """What is kept of how a picture looks: the squashed picture, 16 pixels a side.

    Args:
        grey: uint8 (H, W), the brightness of the picture.

    Returns:
        uint8 (16, 16); all 0 for a picture that shows nothing.
    """
    from PIL import Image

    thumb = np.asarray(Image.fromarray(grey).resize((LOOK_SIDE, LOOK_SIDE), Image.Resampling.BOX))
    return thumb if int(thumb.max()) - int(thumb.min()) >= 8 else np.zeros_like(thumb)


def firsts(contents: np.ndarray) -> np.ndarray:
    """(N,) int64: for each image the first one of the same pixels.

    Args:
        contents: (N, 2) uint64, digests of the decoded pixels.

    Example:
        >>> firsts(np.array([[1, 1], [2, 1], [1, 1]], np.uint64)).tolist()
        [0, 1, 0]
    """
    _, first, inverse = np.unique(contents, axis=0, return_index=True, return_inverse=True)
    return first[inverse.reshape(-1)].astype(np.int64)


def connected(count: int, pairs: np.ndarray) -> np.ndarray:
    """(count,) int64: the smallest number that each number is connected with by pairs, (P, 2).

    Example:
        >>> connected(5, np.array([[1, 2], [2, 4]])).tolist()
        [0, 1, 1, 3, 1]
    """
    parent = np.arange(count)
    for a, b in pairs:
        _join(parent, int(a), int(b))
    return np.array([_root(parent, i) for i in range(count)], np.int64)


def _root(parent: np.ndarray, i: int) -> int:
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = int(parent[i])
    return i


def _join(parent: np.ndarray, a: int, b: int) -> None:
    a, b = _root(parent, a), _root(parent, b)
    parent[max(a, b)] = min(a, b)


def joined(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Numbers for the finest grouping that keeps together what either grouping keeps together.

    Example:
        >>> joined(np.array([0, 0, 2, 3]), np.array([5, 6, 6, 7]))
        array([0, 0, 0, 3])
    """
    parent = np.arange(len(a))
    for grouping in (a, b):
        _, first, inverse = np.unique(grouping, return_index=True, return_inverse=True)
        for i, k in enumerate(first[inverse.reshape(-1)]):
            _join(parent, i, int(k))
    return np.array([_root(parent, i) for i in range(len(a))], np.int64)
