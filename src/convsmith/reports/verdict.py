"""Whether one network is better than another on the same test images, said no more strongly than known."""

from __future__ import annotations

import math
from collections.abc import Sequence

from . import words


def difference(
    a: float, interval_a: Sequence[float], b: float, interval_b: Sequence[float]
) -> tuple[float, float, float]:
    """The difference of two shares with its 95% interval, from their Wilson intervals.

    Newcombe's hybrid score interval for independent proportions (R. G. Newcombe, 1998, method 10). Two
    networks tested on the same images are positively correlated, so it is on the safe side: too wide rather
    than too narrow.

    Args:
        a: the first share.
        interval_a: its 95% Wilson interval.
        b: the second share.
        interval_b: its 95% Wilson interval.

    Returns:
        a - b, lower end, upper end.

    Example:
        >>> [round(x, 4) for x in difference(56 / 70, (0.6918, 0.877), 48 / 80, (0.4905, 0.7004))]
        [0.2, 0.0524, 0.3339]
    """
    (low_a, high_a), (low_b, high_b) = interval_a, interval_b
    apart = a - b
    return apart, apart - math.hypot(a - low_a, high_b - b), apart + math.hypot(high_a - a, b - low_b)


def sentence(a: float, interval_a: Sequence[float], b: float, interval_b: Sequence[float], other: str) -> str:
    """One plain sentence on the search against a baseline.

    Example:
        >>> sentence(0.95, (0.93, 0.965), 0.80, (0.765, 0.83), "random search")
        'It beat random search by 15.0 points (95% interval 11.4 to 18.8).'
        >>> print(sentence(0.95, (0.93, 0.965), 0.94, (0.92, 0.955), "random search"))
        It is 1.0 point above random search, within chance on this test set (95% interval −1.5 to 3.5).
    """
    apart, low, high = difference(a, interval_a, b, interval_b)
    between = f"95% interval {_signed(low)} to {_signed(high)}"
    if low > 0:
        return f"It beat {other} by {words.points(apart)} ({between})."
    if high < 0:
        return f"It lost to {other} by {words.points(-apart)} ({between})."
    shown = words.points(abs(apart))
    if shown.startswith("0.0"):
        return f"It equals {other} on this test set ({between})."
    side = "above" if apart > 0 else "below"
    return f"It is {shown} {side} {other}, within chance on this test set ({between})."


def _signed(value: float) -> str:
    return words.points(value).split(" ")[0]
