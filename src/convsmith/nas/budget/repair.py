"""Repair: the most of a genotype's answers that a budget allows, the others from a genotype that keeps it.

Answers are put onto the one that keeps the budget in halves, as delta debugging finds what makes a program
fail (Zeller and Hildebrandt, 2002): a half that still keeps it stays, another is halved again. Few answers of
a genotype are to blame for its size, so a repair looks at some ten to thirty networks, and wherever it ends
it is within the budget.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from convsmith.graph import Graph
from convsmith.ledger.budget import Budget

from ..choose import Answers, Space
from ..space.options import index_of, is_ordered, thawed

if TYPE_CHECKING:
    import numpy as np


_LOOKS = 24  # networks looked at in one repair, and a few more between two answers


def static_excess(graph: Graph, budget: Budget) -> float:
    """How far a network is over every limit but latency: sum of ln(figure / limit); 0 when kept."""
    figures = budget.figures(graph, budget.limits)
    return math.fsum(
        math.log(max(1.0, figures[name] / limit))
        for name, limit in budget.limits.items()
        if figures[name] is not None
    )


def repair(
    space: Space, answers: Answers, budget: Budget, rng: np.random.Generator, anchor: Answers
) -> Answers | None:
    """Most of the answers, within the limits that a Graph decides; all of them where they keep these.

    Args:
        space: where the answers belong.
        answers: a genotype.
        budget: the limits; one on latency is not looked at.
        rng: draws the order, which decides what comes first where not everything fits.
        anchor: a genotype that keeps the limits.

    Returns:
        A genotype within the limits, or None where the anchor is over them.
    """
    static = budget.without_latency()

    def keeps(genotype: Answers) -> bool:
        return static_excess(space.graph(genotype), static) == 0

    if keeps(answers):
        return answers
    if not keeps(anchor):
        return None
    names, current = list(answers), anchor
    groups = _halves([names[place] for place in rng.permutation(len(names))])
    looks = 0
    while groups and looks < _LOOKS:
        group = [name for name in groups.pop() if answers[name] != current.get(name)]
        if not group:
            continue
        put = {name: answers[name] for name in group}
        moved, looks = space.complete({**answers, **current, **put}, rng), looks + 1
        if keeps(moved):
            current = moved
        elif len(group) > 1:
            groups += _halves(group)
        else:
            current = _between(space, current, group[0], answers, static, rng)
    return current


def _halves(names: list[str]) -> list[list[str]]:
    return [names[len(names) // 2 :], names[: len(names) // 2]]


def _between(
    space: Space, current: Answers, name: str, wanted: Answers, budget: Budget, rng: np.random.Generator
) -> Answers:
    """The answer of `current` moved toward the wanted number, as far as halving the way finds it can go."""
    options = space.options(current).get(name, ())
    if not is_ordered(options) or index_of(wanted[name], options) is None:
        return current
    ranked = sorted(options)
    near, far = ranked.index(current[name]), ranked.index(wanted[name])
    while abs(far - near) > 1:
        middle = (near + far) // 2
        moved = space.complete({**wanted, **current, name: thawed(ranked[middle])}, rng)
        if static_excess(space.graph(moved), budget) == 0:
            near, current = middle, moved
        else:
            far = middle
    return current
