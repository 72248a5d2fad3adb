"""Whether one network is better than another on the same test images, said no more strongly than known."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

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


def not_better(accuracy: float, interval: Sequence[float], counts: Sequence[tuple[str, int]]) -> str:
    """A sentence where a network is not shown to be better than always naming the commonest class; else "".

    Args:
        accuracy: share of the test images that are right.
        interval: its 95% interval.
        counts: each class, and how many test images it has.

    Example:
        >>> not_better(0.62, (0.55, 0.69), [("cat", 80), ("dog", 120)])
        "No better than chance: 62.0% right, and always saying 'dog' is right on 60.0%."
        >>> not_better(0.72, (0.65, 0.78), [("cat", 80), ("dog", 120)])
        ''
    """
    total = sum(count for _, count in counts)
    if not total:
        return ""
    name, most = max(counts, key=lambda pair: pair[1])
    if interval[0] > most / total:
        return ""
    said = f"always saying '{name}' is right on {words.percent(most / total)}"
    grade = "Worse" if interval[1] < most / total else "No better"
    return f"{grade} than chance: {words.percent(accuracy)} right, and {said}."


def same_network(search: Mapping[str, Any]) -> list[str]:
    """The baselines of a search.json that found the very network that the algorithm found."""
    by_arm = {one.get("arm"): one.get("fingerprint") for one in search.get("finalists") or ()}
    own = by_arm.get(search.get("algorithm"))
    return [arm for arm in ("random", "largest") if own is not None and by_arm.get(arm) == own]


def next_command(kind: str, recipe: Mapping[str, Any], folder: object) -> str:
    """The command line that gives a weak run more: time, trials or epochs.

    Args:
        kind: of the run: "forge" or "train".
        recipe: its recipe.json.
        folder: the run.
    """
    if kind == "forge":
        if recipe.get("minutes"):
            return f"convsmith forge --resume {folder} --more-minutes {max(10, round(3 * recipe['minutes']))}"
        return f"convsmith forge --resume {folder} --more-trials {3 * int(recipe.get('trials') or 10)}"
    network = recipe.get("network")
    named = network if isinstance(network, str) else "NETWORK"
    epochs = 5 * int(recipe.get("epochs") or 20)
    return f"convsmith train {named} {recipe.get('data') or 'IMAGES'} --epochs {epochs}"


def _signed(value: float) -> str:
    return words.points(value).split(" ")[0]
