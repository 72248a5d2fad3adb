"""Whether two images are one picture: laid over each other and compared pixel by pixel."""

from __future__ import annotations

from functools import cache

import numpy as np

SIDE = 64
"""Pixels a side at which pictures are compared."""

SAME = 0.9
"""Similarity from which two images are called alike: measured in docs/decisions/0034."""

_LEVELS = ((16, 0.6, 3.0, 6), (32, 0.9, 4.0, 6), (64, 0.9, 4.0, 6))
"""Side; standard deviations in pixels of what is smoothed away as noise and removed as smooth; steps."""

_GIVE_UP = (0.5, 0.65)
"""Similarity at the two coarser levels under which a pair is not looked at more closely."""

_CELLS = 4
_QUIET = 2.0
"""Grey levels (root mean square) of detail below which a picture shows nothing that could be compared."""

GREY = np.array([0.299, 0.587, 0.114], np.float32)
"""Parts of red, green and blue in brightness (ITU-R BT.601)."""
_AT_ONCE = 32


@cache
def smoother(side: int, sigma: float) -> np.ndarray:
    """(side, side) float32: a matrix that smooths rows by a Gaussian, edge pixels repeated beyond the edge.

    Args:
        side: pixels.
        sigma: standard deviation in pixels.

    Example:
        >>> bool(np.allclose(smoother(8, 1.0) @ np.ones(8, np.float32), 1))
        True
    """
    reach = int(4 * sigma) + 1
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    out = np.zeros((side, side))
    for i in range(side):
        np.add.at(out[i], np.clip(np.arange(i - reach, i + reach + 1), 0, side - 1), weights)
    return (out / out.sum(axis=1, keepdims=True)).astype(np.float32)


def promising(
    whole: np.ndarray, part: np.ndarray, windows: np.ndarray, *, level: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Which pairs may be one picture, judged at a coarse size, and where the parts lie.

    Args:
        whole: uint8 (N, S, S), grey, S at least the level's side.
        part: likewise; perhaps a crop of the whole.
        windows: (N, 4), about where: top, left, height, width as parts of the whole's sides.
        level: 0 at 16 pixels a side, 1 at 32.

    Returns:
        (N,) bool, and better windows.
    """
    side = _LEVELS[level][0]
    windows, good = windows.astype(np.float64).copy(), np.zeros(len(whole), bool)
    for block in _blocks(len(whole)):
        a, b = (_shrunk(x[block].astype(np.float32), side) for x in (whole, part))
        windows[block] = registered(a, b, windows[block], level)
        _, noise, smooth, _ = _LEVELS[level]
        a, b = (_detail(x, noise, smooth) for x in (_read(a, windows[block]), b))
        good[block] = _agreement(a[..., None], b[..., None], cells=2) >= _GIVE_UP[level]
    return good, windows


def similarities(whole: np.ndarray, part: np.ndarray, windows: np.ndarray) -> np.ndarray:
    """How much `part` is the picture in `whole`, from -1 to 1, once one is laid over the other.

    The correlation of the details over all three channels (what is smooth says nothing: all plain grounds are
    alike), which must hold in every part of the picture and not only on its strongest edge. Pictures whose
    smooth parts differ by more than one brightness and one contrast for all channels are not alike either.

    Args:
        whole: uint8 (N, 64, 64, 3).
        part: likewise.
        windows: (N, 4), about where: top, left, height, width as parts of the whole's sides.

    Returns:
        (N,) float32: 1 for the same details, 0 for details that have nothing to do with each other, or none.
    """
    out = np.zeros(len(whole), np.float32)
    _, noise, smooth, _ = _LEVELS[-1]
    for block in _blocks(len(whole)):
        a, b = whole[block].astype(np.float32), part[block].astype(np.float32)
        place = registered(a @ GREY, b @ GREY, windows[block], len(_LEVELS) - 1)
        grey = _is_grey(a) | _is_grey(b)
        seen = np.stack([_read(a[..., c], place) for c in range(3)], -1)
        seen, own = (np.where(grey[:, None, None, None], (x @ GREY)[..., None], x) for x in (seen, b))
        fine = [
            np.stack([_detail(np.ascontiguousarray(x[..., c]), noise, smooth) for c in range(3)], -1)
            for x in (seen, own)
        ]
        out[block] = np.minimum(_agreement(fine[0], fine[1]), _smooth_agreement(seen, own))
    return out


def registered(whole: np.ndarray, part: np.ndarray, windows: np.ndarray, level: int) -> np.ndarray:
    """Where in `whole` each `part` lies, from a guess: Gauss-Newton on the difference of their details.

    B. Lucas and T. Kanade, "An iterative image registration technique", 1981; contrast is an unknown, too.

    Args:
        whole: float32 (N, S, S), grey.
        part: likewise.
        windows: (N, 4), the guess.
        level: which of `_LEVELS`.

    Returns:
        (N, 4), better windows.
    """
    side, noise, smooth, steps = _LEVELS[level]
    a, b = _detail(whole, noise, smooth), _detail(part, noise, smooth)
    windows = guess = windows.astype(np.float64)
    places = ((np.arange(side) + 0.5) / side).astype(np.float32)
    for _ in range(steps):
        seen = _read(a, windows)
        gain = (seen * b).sum((1, 2)) / np.maximum((seen * seen).sum((1, 2)), 1e-6)
        gain = np.clip(gain, 0.1, 10)[:, None, None]
        slope = gain * side / windows.astype(np.float32)[:, None, 2:]
        down = np.gradient(seen, axis=1) * slope[..., :1]
        across = np.gradient(seen, axis=2) * slope[..., 1:]
        ways = np.stack([down, across, down * places[:, None], across * places, seen], axis=1)
        ways = ways.reshape(len(seen), 5, -1)
        square = (ways @ ways.transpose(0, 2, 1)).astype(np.float64)
        square += np.eye(5) * (2e-4 * np.trace(square, axis1=1, axis2=2) + 1e-6)[:, None, None]
        missing = (ways @ (b - gain * seen).reshape(len(seen), -1, 1)).astype(np.float64)
        step = np.linalg.solve(square, missing)[:, :4, 0]
        windows = windows + np.clip(step, -0.04, 0.04)
        windows = np.clip(windows, guess - 0.12, guess + 0.12)
        windows[:, 2:] = np.clip(windows[:, 2:], 0.6, 1.1)
    return windows


def _blocks(count: int) -> list[slice]:
    return [slice(start, start + _AT_ONCE) for start in range(0, count, _AT_ONCE)]


def _detail(x: np.ndarray, noise: float, smooth: float) -> np.ndarray:
    """(N, S, S): what lies between two scales: neither noise nor what changes slowly."""
    fine, coarse = smoother(x.shape[-1], noise), smoother(x.shape[-1], smooth)
    return fine @ x @ fine.T - coarse @ x @ coarse.T


def _rows(start: np.ndarray, length: np.ndarray, side: int) -> np.ndarray:
    """(N, side, side): matrices that read from start to start + length (of 1), linearly between pixels."""
    at = (start[:, None] + length[:, None] * (np.arange(side) + 0.5) / side) * side - 0.5
    at = np.clip(at, 0, side - 1)
    return np.maximum(0, 1 - np.abs(at[:, :, None] - np.arange(side))).astype(np.float32)


def _read(x: np.ndarray, windows: np.ndarray) -> np.ndarray:
    """(N, S, S): each picture's window, stretched to the whole."""
    side = x.shape[-1]
    down, across = _rows(windows[:, 0], windows[:, 2], side), _rows(windows[:, 1], windows[:, 3], side)
    return down @ x @ across.transpose(0, 2, 1)


def _shrunk(x: np.ndarray, side: int) -> np.ndarray:
    step = x.shape[-1] // side
    return x if step == 1 else x.reshape(len(x), side, step, side, step).mean((2, 4), dtype=np.float32)


def _is_grey(x: np.ndarray) -> np.ndarray:
    return np.abs(x - x.mean(-1, keepdims=True)).mean((1, 2, 3)) < 2


def _agreement(a: np.ndarray, b: np.ndarray, cells: int = _CELLS) -> np.ndarray:
    """(N,): correlation of (N, S, S, C) details, averaged over cells by how much they show."""
    n, side, channels = len(a), a.shape[1], a.shape[-1]

    def summed(x: np.ndarray) -> np.ndarray:
        return (
            x.reshape(n, cells, side // cells, cells, side // cells, channels).sum((2, 4, 5)).reshape(n, -1)
        )

    both, one, other = summed(a * b), summed(a * a), summed(b * b)
    contrast = np.sqrt(other.sum(1) / np.maximum(one.sum(1), 1e-6))[:, None]
    # what one of them shows in a cell and the other does not is a difference, too
    power = (one * contrast**2 + other) / 2
    weight = np.sqrt(power)
    each = (weight * both * contrast / np.maximum(power, 1e-6)).sum(1) / np.maximum(weight.sum(1), 1e-6)
    least = np.sqrt(np.minimum(one.sum(1), other.sum(1)) / (side * side * channels))
    return np.where(least < _QUIET, 0, each)


def _smooth_agreement(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(N,): 1 for pictures whose smooth parts differ by one brightness and one contrast at most.

    What is as bright or as dark as can be in either was cut off there and says nothing.
    """
    n = len(a)
    a, b = (x.reshape(n, 8, 8, 8, 8, 3).mean((2, 4)).reshape(n, -1) for x in (a, b))
    told = ((a > 10) & (a < 240) & (b > 10) & (b < 240)).astype(np.float32)
    count = np.maximum(told.sum(1, keepdims=True), 1)
    a, b = (told * (x - (told * x).sum(1, keepdims=True) / count) for x in (a, b))
    left = (b * b).sum(1) - (a * b).sum(1) ** 2 / np.maximum((a * a).sum(1), 1e-6)
    spread, off = (np.sqrt(np.maximum(x, 0) / count[:, 0]) for x in ((b * b).sum(1), left))
    return np.where(count[:, 0] < 24, 1, 1 - np.maximum(off - 4, 0) / np.maximum(spread, 40))
