"""How many inner channels of each group stay where a cut is over the budget: what carries most for its cost.

Each channel carries a share of what its group gives to the layer behind it, and costs a share of every limit
that is exceeded. One price for all groups decides: channels that carry less than their cost times the price
are left out, and the price is the lowest with which the network fits. So where parameters bind the deep
groups lose channels, where multiply-adds bind the early ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from ..graph import Graph
from ..ledger.budget import Budget
from ..ledger.memory import BYTES
from .groups import Group, inner
from .inherit import importance
from .members import MULTIPLE

if TYPE_CHECKING:
    from .source import Source

LEAST = 1 / 8
"""Share of a group's channels that stays at least: nothing may be cut off from what lies behind."""


def thinned(
    source: Source, build: Callable[[Mapping[str, float]], Graph], budget: Budget
) -> tuple[dict[str, float], float] | None:
    """Shares of inner channels with which a member keeps a budget.

    Args:
        source: the pretrained network.
        build: makes the member with these shares by the names of groups' first layers (see `members.member`).
        budget: its limits; a limit on latency is not looked at.

    Returns:
        The shares, of the groups that lose channels, and how much of what the groups carry is left, 0 to 1
        (the mean over all groups of the member); None where it cannot fit.

    Example:
        >>> from convsmith.pretrained import open_source
        >>> from convsmith.pretrained.members import member
        >>> source = open_source("efficientnet_lite0")                                     # doctest: +SKIP
        >>> build = lambda keep: member(source, "block7", (96, 96, 3), 10, keep=keep)
        >>> thinned(source, build, Budget(params=100_000))                                 # doctest: +SKIP
        ({'block6_expand': 0.98, 'block7_expand': 0.13}, 0.9)
    """
    budget = budget.without_latency()
    whole = build({})
    found = [group for group in inner(source.graph) if group.first in whole and group.last in whole]
    over = [excess.what for excess in budget.over(whole)]
    if not over or not found:
        return None if over else ({}, 1.0)
    carried = [_carried(group, source) for group in found]
    worth = [
        each / max(1e-12, _cost(group, whole, build, budget, over))
        for group, each in zip(found, carried, strict=True)
    ]

    def counts(price: float) -> list[int]:
        return [max(MULTIPLE, int(np.ceil(LEAST * len(each))), int((each > price).sum())) for each in worth]

    def shares(price: float) -> dict[str, float]:
        return {
            group.first: count / group.channels
            for group, count in zip(found, counts(price), strict=True)
            if count < group.channels
        }

    prices = np.unique(np.concatenate(worth))
    low, high = 0, len(prices) - 1
    if budget.over(build(shares(prices[high]))):
        return None
    while low < high:
        middle = (low + high) // 2
        if budget.over(build(shares(prices[middle]))):
            low = middle + 1
        else:
            high = middle
    left = [each[:count].sum() for each, count in zip(carried, counts(prices[high]), strict=True)]
    return shares(prices[high]), float(np.mean(left))


def _carried(group: Group, source: Source) -> np.ndarray:
    """The share of a group's variance that each of its channels gives to the layer behind, largest first."""
    each = np.sort(importance(group, source.graph, source.weights))[::-1] ** 2
    total = each.sum()
    return each / total if total > 0 else np.full(len(each), 1 / len(each))


def _cost(
    group: Group,
    whole: Graph,
    build: Callable[[Mapping[str, float]], Graph],
    budget: Budget,
    over: list[str],
) -> float:
    """What a channel costs, in shares of the limits that are exceeded."""
    half = build({group.first: 0.5})
    fewer = group.channels - half[group.first].kind.filters  # type: ignore[attr-defined]
    if fewer <= 0:
        return 0.0
    before, after = budget.figures(whole, over), budget.figures(half, over)
    rows = int(whole.shapes[whole[group.last].inputs[0]][0] or 0)
    cost = 0.0
    for name in over:
        each = (before[name] - after[name]) / fewer
        if name == "memory":  # the peak moves from layer to layer: what a channel holds where it is
            each = BYTES["float32"] * rows**2
        cost += each / budget.limits[name]
    return cost
