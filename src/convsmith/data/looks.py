"""Telling images apart: exact digests of bytes and of pixels, and a hash of how an image looks."""

from __future__ import annotations

import hashlib

import numpy as np

from .decode import is_grey

NEAR_SIDE = 64
"""Below this many pixels a side images of one class look alike to any hash: only exact copies count."""

AHEAD = 300
"""Neighbours that are compared in a band that many looks share; keeps a million images quick."""

NEAR_BITS = 10
"""Two photos whose looks differ in at most this many of 128 bits are near duplicates.

Over the 294,528 pairs of 768 Caltech-101 photos, the 6 pairs up to 11 bits are the same picture edited, from
12 on other objects of the same shape on white come up.
"""


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


def look(grey: np.ndarray) -> int:
    """A 128-bit difference hash: which neighbours are brighter on a 9x9 thumbnail, across and down.

    dHash (N. Krawetz, 2013, "Kind of like that") in both directions. 0 for a picture without structure.

    Args:
        grey: uint8 (H, W), the brightness of the picture.

    Returns:
        128 bits; pictures that differ only in size, compression or slight colour differ in few of them.
    """
    from PIL import Image

    thumb = np.asarray(Image.fromarray(grey).resize((9, 9), Image.Resampling.BOX), np.int16)
    if int(thumb.max()) - int(thumb.min()) < 8:
        return 0
    bits = np.concatenate(
        [(thumb[:8, 1:] > thumb[:8, :-1]).ravel(), (thumb[1:, :8] > thumb[:-1, :8]).ravel()]
    )
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def groups_of(
    contents: np.ndarray, looks: np.ndarray, near: np.ndarray, *, bits: int = NEAR_BITS
) -> np.ndarray:
    """Number images so that copies share a number.

    Args:
        contents: (N, 2) uint64, digests of the decoded pixels.
        looks: (N, 2) uint64, the perceptual hashes; rows of zeros take no part.
        near: (N,) bool, which images are large enough for a perceptual hash to mean something.
        bits: most differing bits of near duplicates; -1 for exact copies only.

    Returns:
        (N,) int64: the index of the first image of each image's group.
    """
    count = len(contents)
    if not count:
        return np.zeros(0, np.int64)
    _, first, inverse = np.unique(contents, axis=0, return_index=True, return_inverse=True)
    parent = first[inverse.reshape(-1)].astype(np.int64)
    if bits < 0:
        return parent
    # all copies of one picture have one look: the first stands for them
    rows = np.flatnonzero(near & looks.any(axis=1) & (parent == np.arange(count)))
    for a, b in _near_pairs(looks[rows], bits):
        _join(parent, int(rows[a]), int(rows[b]))
    for i in range(count):
        parent[i] = _root(parent, i)
    return parent


def _root(parent: np.ndarray, i: int) -> int:
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = int(parent[i])
    return i


def _join(parent: np.ndarray, a: int, b: int) -> None:
    a, b = _root(parent, a), _root(parent, b)
    parent[max(a, b)] = min(a, b)


def _near_pairs(looks: np.ndarray, bits: int) -> np.ndarray:
    """Pairs of rows within `bits` of each other, found among those that agree in one of eight 16-bit bands.

    All pairs of up to 7 bits are found, and 97% of those of 10: a band has to differ everywhere to hide one.
    """
    pairs = []
    octets = looks.astype(">u8").view(np.uint8).reshape(len(looks), 16)
    for band in octets.view(">u2").T:
        order = np.argsort(band, kind="stable")
        here = np.arange(len(order))
        for ahead in range(1, AHEAD):
            here = here[here + ahead < len(order)]
            here = here[band[order[here]] == band[order[here + ahead]]]
            if not len(here):
                break
            a, b = order[here], order[here + ahead]
            close = np.bitwise_count(octets[a] ^ octets[b]).sum(axis=1) <= bits
            pairs.append(np.stack([a[close], b[close]], axis=1))
    return np.unique(np.concatenate(pairs), axis=0) if pairs else np.zeros((0, 2), np.int64)


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
