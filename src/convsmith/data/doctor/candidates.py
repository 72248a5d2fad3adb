"""Which pairs of images may be one picture, or a crop of one: found by hashes, without comparing all pairs.

A hash is the signs of the lowest frequencies of a picture. Each picture is hashed as a whole and in windows
that crops may leave of it, so that a crop meets the picture that it was cut from.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np

from .looks import LOOK_SIDE

CELLS = 8
TABLES = 16
NEIGHBOURS = 24
"""How many hashes on either side of a window's own are compared, in each table."""

MOST = 32
"""How many candidates of one image are looked at, the likeliest first: plain grounds have thousands."""

_SIGNS, _LEADING, _APART, _ALIKE = 48, 35, 11, 0.7
_SCALES = ((1.0, 1), (0.9, 3), (0.8, 4))


def _one_axis() -> list[tuple[float, float, float]]:
    """(scale, start, length) of the windows along one side."""
    return [(s, float(o), s) for s, count in _SCALES for o in np.linspace(0, 1 - s, count)]


def _both_axes() -> list[tuple[int, int]]:
    axis = _one_axis()
    return [(a, b) for a in range(len(axis)) for b in range(len(axis)) if axis[a][0] == axis[b][0]]


@cache
def windows() -> np.ndarray:
    """(26, 4): top, left, height, width of every window, as parts of the sides; the first is all of it."""
    axis = _one_axis()
    return np.array([(axis[a][1], axis[b][1], axis[a][2], axis[b][2]) for a, b in _both_axes()])


@cache
def _averages() -> np.ndarray:
    """(8, CELLS, LOOK_SIDE): matrices that average what lies in each cell of each window along one side."""
    out = []
    for _, start, length in _one_axis():
        edges = (start + length * np.linspace(0, 1, CELLS + 1)) * LOOK_SIDE
        pixels = np.arange(LOOK_SIDE)
        shared = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
        shared = np.maximum(shared, 0)
        out.append(shared / shared.sum(axis=1, keepdims=True))
    return np.array(out, np.float32)


@cache
def _waves() -> tuple[np.ndarray, np.ndarray]:
    """(7, CELLS) cosines and the (48, 2) numbers of the lowest frequencies of both axes."""
    waves = np.cos(np.pi * np.arange(7)[:, None] * (np.arange(CELLS) + 0.5) / CELLS)
    grid = [(u, v) for u in range(7) for v in range(7) if u + v]
    lowest = sorted(grid, key=lambda uv: (uv[0] ** 2 + uv[1] ** 2, uv))
    return waves.astype(np.float32), np.array(lowest[:_SIGNS])


def hashes(looks: np.ndarray) -> np.ndarray:
    """(N, 26) uint64: the signs of the 48 lowest frequencies of every window.

    Args:
        looks: uint8 (N, 16, 16), of `looks.look`.
    """
    waves, lowest = _waves()
    reading = waves @ _averages()
    weights = np.uint64(1) << np.arange(_SIGNS, dtype=np.uint64)
    out = np.zeros((len(looks), len(windows())), np.uint64)
    for start in range(0, len(looks), 2048):
        x = looks[start : start + 2048].astype(np.float32)
        for w, (a, b) in enumerate(_both_axes()):
            found = reading[a] @ x @ reading[b].T
            signs = found[:, lowest[:, 0], lowest[:, 1]] > 0
            out[start : start + 2048, w] = (signs * weights).sum(axis=1, dtype=np.uint64)
    return out


def candidates(looks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pairs that may show one picture.

    Args:
        looks: uint8 (N, 16, 16), of `looks.look`, of images that show something.

    Returns:
        (P, 2) int64 pairs, the picture and what may be its crop, each pair once; (P,) the window of the first
        that the second is most like. Each pair is among the `MOST` likeliest of one of its images.
    """
    marks = hashes(looks)
    found = list(_meetings(marks))
    if not found:
        return np.zeros((0, 2), np.int64), np.zeros(0, np.int64)
    pairs, window = _nearest(np.concatenate(found))
    blocks = [slice(k, k + 8192) for k in range(0, len(pairs), 8192)]
    alike = np.concatenate([_details(looks, pairs[block], window[block]) for block in blocks])
    kept = np.flatnonzero(alike >= _ALIKE)
    kept = kept[_likeliest(pairs[kept], alike[kept])]
    return pairs[kept], window[kept]


def closest(looks: np.ndarray, pairs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The way round and the window in which pairs are most alike, for pairs that are known already.

    Args:
        looks: as in `candidates`.
        pairs: (P, 2).

    Returns:
        As `candidates`.
    """
    used, places = np.unique(pairs, return_inverse=True)
    marks, places = hashes(looks[used]), places.reshape(-1, 2)
    both = []
    for one, other in ((0, 1), (1, 0)):
        apart = np.bitwise_count(marks[places[:, one]] ^ marks[places[:, other], :1])
        both.append((apart.min(axis=1), apart.argmin(axis=1)))
    swap = both[1][0] < both[0][0]
    return np.where(swap[:, None], pairs[:, ::-1], pairs), np.where(swap, both[1][1], both[0][1])


def _meetings(marks: np.ndarray) -> Iterator[np.ndarray]:
    """(M, 4): whole, part, window and differing signs of pairs whose hashes begin alike in a table.

    Locality-sensitive hashing by sorted permutations of the signs (M. Charikar, 2002): neighbours in
    the order share their first signs.
    """
    count = len(marks)
    rng = np.random.default_rng(0)
    leading = int(np.clip(np.ceil(np.log2(max(count, 2))), 12, 24))
    for _ in range(TABLES):
        order = np.concatenate([rng.permutation(_LEADING), np.arange(_LEADING, _SIGNS)])
        keys = np.zeros_like(marks)
        for place, sign in enumerate(order[::-1]):
            keys |= ((marks >> np.uint64(sign)) & np.uint64(1)) << np.uint64(place)
        line = np.argsort(keys[:, 0], kind="stable")
        heads = keys[line, 0]
        for window in range(marks.shape[1]):
            at = np.searchsorted(heads, keys[:, window])
            for way in (1, -1):
                whole = np.arange(count)
                for step in range(NEIGHBOURS):
                    here = at[whole] + (step if way > 0 else -1 - step)
                    inside = (here >= 0) & (here < count)
                    whole, here = whole[inside], here[inside]
                    shared = (heads[here] ^ keys[whole, window]) >> np.uint64(_SIGNS - leading) == 0
                    whole, part = whole[shared], line[here[shared]]
                    if not len(whole):
                        break
                    apart = np.bitwise_count(marks[whole, window] ^ marks[part, 0])
                    near = (apart <= _APART) & (whole != part)
                    if near.any():
                        rest = np.full(near.sum(), window), apart[near]
                        yield np.stack([whole[near], part[near], *rest], axis=1).astype(np.int64)


def _nearest(found: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each pair once, in the way and the window in which fewest signs differ."""
    low, high = found[:, :2].min(axis=1), found[:, :2].max(axis=1)
    order = np.lexsort((found[:, 2], found[:, 0], found[:, 3], high, low))
    new = np.ones(len(order), bool)
    new[1:] = (np.diff(low[order]) != 0) | (np.diff(high[order]) != 0)
    best = found[order[new]]
    return best[:, :2], best[:, 2]


def _details(looks: np.ndarray, pairs: np.ndarray, window: np.ndarray) -> np.ndarray:
    """(P,): how far what is not smooth in the window of the one correlates with the other, -1 to 1."""
    from .alike import smoother

    smooth = smoother(CELLS, 1.2)
    out = np.zeros(len(pairs))
    for w, (a, b) in enumerate(_both_axes()):
        rows = np.flatnonzero(window == w)
        both = []
        for side, (down, across) in enumerate(((a, b), (0, 0))):
            x = looks[pairs[rows, side]].astype(np.float32)
            x = _averages()[down] @ x @ _averages()[across].T
            x = (x - smooth @ x @ smooth.T).reshape(len(rows), CELLS * CELLS)
            both.append(x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), CELLS))
        out[rows] = (both[0] * both[1]).sum(axis=1)
    return out


def _likeliest(pairs: np.ndarray, alike: np.ndarray) -> np.ndarray:
    """Positions of the pairs that are among the `MOST` likeliest of either of their images."""
    stay = np.zeros(len(pairs), bool)
    for side in (0, 1):
        order = np.lexsort((-alike, pairs[:, side]))
        begin = np.r_[True, np.diff(pairs[order, side]) != 0] if len(order) else np.zeros(0, bool)
        starts = np.flatnonzero(begin)
        rank = np.arange(len(order)) - np.repeat(starts, np.diff(np.r_[starts, len(order)]))
        stay[order[rank < MOST]] = True
    return np.flatnonzero(stay)
