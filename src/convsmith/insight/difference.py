"""Whether two shares, or two sets of numbers, differ by more than chance."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from .mistakes import wilson

if TYPE_CHECKING:
    import numpy as np

CHANCE = 0.05
"""Below this chance a difference is called more than chance."""


def fisher(right: int, n: int, other_right: int, other_n: int) -> float:
    """The chance of two shares at least so far apart where nothing differs: Fisher's exact test, both sides.

    Args:
        right, n: of the one set.
        other_right, other_n: of the other.

    Example:
        >>> round(fisher(8, 10, 1, 6), 4)
        0.035
    """
    total, hits = n + other_n, right + other_right
    low, high = max(0, hits - other_n), min(n, hits)
    each = [_log_choose(n, k) + _log_choose(other_n, hits - k) for k in range(low, high + 1)]
    whole, here = _log_choose(total, hits), each[right - low]
    return min(1.0, sum(math.exp(one - whole) for one in each if one <= here + 1e-7))


def mcnemar(only_one: int, only_other: int) -> float:
    """The chance of so unequal counts among the pairs that differ: McNemar's test, exact, both sides.

    Args:
        only_one: pairs in which only the one is right.
        only_other: pairs in which only the other is.

    Example:
        >>> mcnemar(0, 5), mcnemar(3, 3)
        (0.0625, 1.0)
    """
    n, few = only_one + only_other, min(only_one, only_other)
    tail = sum(math.exp(_log_choose(n, k) - n * math.log(2)) for k in range(few + 1))
    return min(1.0, 2 * tail)


def newcombe(right: int, n: int, other_right: int, other_n: int) -> tuple[float, float]:
    """An interval of 95% for the other share minus the one (R. Newcombe, 1998, method 10).

    Example:
        >>> [round(end, 4) for end in newcombe(48, 80, 56, 70)]
        [0.0524, 0.3339]
    """
    one, other = right / n, other_right / other_n
    (low, high), (other_low, other_high) = wilson(right, n), wilson(other_right, other_n)
    middle = other - one
    return (
        middle - math.hypot(other - other_low, high - one),
        middle + math.hypot(other_high - other, one - low),
    )


def holm(chances: list[float]) -> list[float]:
    """Chances of several tests, each as it counts beside the others (S. Holm, 1979).

    Example:
        >>> holm([0.01, 0.5, 0.02])
        [0.03, 0.5, 0.04]
    """
    found, largest = list(chances), 0.0
    for rank, place in enumerate(sorted(range(len(chances)), key=chances.__getitem__)):
        largest = max(largest, min(1.0, (len(chances) - rank) * chances[place]))
        found[place] = largest
    return found


def moved(then_N: np.ndarray, now_M: np.ndarray) -> dict[str, Any]:
    """How far a measured quantity has moved between two sets of images.

    Args:
        then_N: its values in the one set, at least one.
        now_M: in the other, at least one.

    Returns:
        then, now (means), spread (standard deviation in the one set), shift (difference of the means in such
        standard deviations; None where there are none), distance (largest difference of the distributions: A.
        Kolmogorov, N. Smirnov) and p (its chance, by the limit of many images).

    Example:
        >>> import numpy as np
        >>> found = moved(np.arange(100.0), np.arange(100.0) + 50)
        >>> found["now"] - found["then"], found["distance"], found["p"] < 0.001
        (50.0, 0.5, True)
    """
    import numpy as np

    then, now = np.sort(then_N.astype(np.float64)), np.sort(now_M.astype(np.float64))
    every = np.concatenate([then, now])
    gaps = np.searchsorted(then, every, "right") / len(then) - np.searchsorted(now, every, "right") / len(now)
    distance, spread = float(np.abs(gaps).max()), float(then.std())
    shift = float(now.mean() - then.mean())
    return {
        "then": float(then.mean()),
        "now": float(now.mean()),
        "spread": spread,
        "shift": shift / spread if spread > 1e-9 else None,
        "distance": distance,
        "p": _kolmogorov(distance * math.sqrt(len(then) * len(now) / (len(then) + len(now)))),
    }


def _kolmogorov(x: float) -> float:
    """The chance that the limit's largest gap is above x."""
    if x < 0.2:  # there the series ends too early, and the chance is 1 to twelve places
        return 1.0
    terms = (2 * (-1) ** (k - 1) * math.exp(-2 * (k * x) ** 2) for k in range(1, 101))
    return min(1.0, max(0.0, sum(terms)))


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
