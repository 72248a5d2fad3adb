"""Networks that keep a budget: repair instead of rejection, the smallest, and the largest that fits.

All of it moves one answer at a time and looks at the Graph; nothing is trained.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from convsmith.errors import BadInput
from convsmith.graph import Graph
from convsmith.ledger.budget import Budget, Latency, show

from ..choose import Answers, Space
from ..space.options import index_of, is_ordered
from .repair import repair, static_excess

if TYPE_CHECKING:
    import numpy as np

Cost = Callable[[Graph], float]
_ROUNDS = 8  # of shrinking multiply-adds until the measured latency fits
_FULL = 0.995  # of the limit: as good as full
_LOOKS = 300  # random changes looked at for the smallest network
_DRAWN = 5  # samples repaired for each climb
_MEASURED = 30  # changes tried at the end with the latency itself


class Infeasible(BadInput):
    """No network of the space keeps the budget."""


def ensure_feasible(
    space: Space, budget: Budget, rng: np.random.Generator, latency_ms: Latency | None = None
) -> Answers:
    """A network of the space that keeps the budget, found before anything is trained.

    Args:
        space: where to look.
        budget: the limits.
        rng: draws some of the starting points.
        latency_ms: measures a network; needed when latency is limited.

    Raises:
        Infeasible: none was found; names the smallest figure found for each limit.
    """
    static = budget.without_latency()
    answers, excess = _least(space, partial(static_excess, budget=static), rng)
    if excess == 0:
        if budget.check(space.graph(answers), latency_ms).kept:
            return answers
        for cost in (_macs, lambda graph: float(len(graph))):
            small, _ = _descend(space, answers, cost, lambda graph: static_excess(graph, static) == 0)
            if budget.check(space.graph(small), latency_ms).kept:
                return small
    smallest = _smallest_figures(space, budget, rng, latency_ms)
    least = ", ".join(f"{name} {show(name, figure)}" for name, figure in smallest.items())
    asked = ", ".join(f"{name} {show(name, limit)}" for name, limit in budget.limits.items())
    together = " (each alone; not all together)" if len(smallest) > 1 else ""
    raise Infeasible(
        f"budget for space '{space.name}' at input {'x'.join(map(str, space.input_shape))}",
        f"no network keeps {asked}",
        f"at least {least}{together}, the smallest found in the space",
        "a larger limit, a smaller input size, or another space",
    )


def fit_to_budget(
    space: Space,
    answers: Answers,
    budget: Budget,
    rng: np.random.Generator,
    *,
    latency_ms: Latency | None = None,
    anchor: Answers | None = None,
) -> Answers:
    """Most of the answers, the others moved toward those of `anchor` until the network keeps the budget.

    A network that already keeps it comes back unchanged. When the latency measured is over, multiply-adds are
    capped lower and lower. Where that does not get there, changes of `anchor` do.

    Args:
        space: where the answers belong.
        answers: a genotype.
        budget: the limits.
        rng: draws the order and the moves; the same seed gives the same answers.
        latency_ms: measures a network; needed when latency is limited.
        anchor: a genotype known to keep the budget; found by `ensure_feasible` when absent.

    Raises:
        Infeasible: as `ensure_feasible`.
    """
    if not budget.limits or (budget.latency_ms is None and static_excess(space.graph(answers), budget) == 0):
        return answers
    anchor = ensure_feasible(space, budget, rng, latency_ms) if anchor is None else anchor
    tightened = budget
    for _ in range(_ROUNDS):
        moved = repair(space, answers, tightened, rng, anchor)
        if moved is None:
            break
        answers = moved
        if budget.latency_ms is None:
            return answers
        graph = space.graph(answers)
        verdict = budget.check(graph, latency_ms)
        if verdict.kept:
            return answers
        ratio = budget.latency_ms / verdict.figures["latency_ms"]
        tightened = budget.capped(_macs(graph) * min(0.9, max(0.3, ratio)))
    answers = anchor
    for _ in range(_ROUNDS):
        changed = space.mutate(answers, rng)
        if budget.check(space.graph(changed), latency_ms).kept:
            answers = changed
    return answers


def largest_that_fits(
    space: Space,
    budget: Budget,
    rng: np.random.Generator,
    *,
    latency_ms: Latency | None = None,
    anchor: Answers | None = None,
    builds: int = 1200,
) -> Answers:
    """The network that fills the budget most, by local search from the middle of the space.

    Filling means the mean of figure / limit over the limits that a Graph decides; with a limit on
    latency alone, multiply-adds. A baseline: what somebody would take who believes that larger is better.

    Args:
        space: where to look.
        budget: the limits; at least one.
        rng: draws the order of moves; the same seed gives the same network.
        latency_ms: measures a network; needed when latency is limited.
        anchor: a genotype known to keep the budget; found by `ensure_feasible` when absent.
        builds: how many networks may be looked at.

    Raises:
        Infeasible: as `ensure_feasible`.
    """
    anchor = ensure_feasible(space, budget, rng, latency_ms) if anchor is None else anchor
    static = budget.without_latency()
    best = _climb(space, static, rng, anchor, builds if budget.latency_ms is None else builds // 4)
    if budget.latency_ms is None or budget.check(space.graph(best), latency_ms).kept:
        return best
    low, high = max(1.0, _macs(space.graph(anchor))), _macs(space.graph(best))

    def used(answers: Answers) -> float:
        """How full the whole budget is with the latency as measured; -1 when over."""
        verdict = budget.check(space.graph(answers), latency_ms)
        if not verdict.kept:
            return -1.0
        return math.fsum(verdict.figures[name] / limit for name, limit in budget.limits.items())

    best, most = anchor, used(anchor)
    for _ in range(6):  # halve the range of multiply-adds, on a logarithmic scale
        middle = math.sqrt(low * high)
        tried = _climb(space, static.capped(middle), rng, anchor, builds // 8)
        if (found := used(tried)) < 0:
            high = middle
            continue
        low = middle
        if found > most:
            best, most = tried, found
    for _ in range(_MEASURED):
        tried = space.mutate(best, rng)
        if static_excess(space.graph(tried), static) == 0 and (found := used(tried)) > most:
            best, most = tried, found
    return best


def _macs(graph: Graph) -> float:
    return float(graph.macs or 0)


def _least(space: Space, cost: Cost, rng: np.random.Generator) -> tuple[Answers, float]:
    """The cheapest answers found: downhill from two starts, then by random changes that cost no more."""
    ends = [_descend(space, space.complete({}, place=place), cost) for place in (0.0, 0.5)]
    answers, least = min(ends, key=lambda end: end[1])
    for _ in range(_LOOKS):
        if least <= 0:
            break
        moved = answers
        for _ in range(int(rng.integers(1, 4))):
            moved = space.mutate(moved, rng)
        if (found := cost(space.graph(moved))) <= least:
            answers, least = moved, found
    return answers, least


def _moves(space: Space, answers: Answers, name: str, place: float = 0.5) -> Iterator[Answers]:
    """Every genotype that differs in this answer, lower options of a number first."""
    options = space.options(answers).get(name, ())
    for option in sorted(options) if is_ordered(options) else options:
        if index_of(answers[name], options) != index_of(option, options):
            yield space.complete({**answers, name: option}, place=place)


def _descend(
    space: Space, answers: Answers, cost: Cost, allowed: Callable[[Graph], bool] = lambda graph: True
) -> tuple[Answers, float]:
    """One answer after the other to its cheapest option, until none helps or the cost is 0."""
    least = cost(space.graph(answers))
    improved = True
    while improved and least > 0:
        improved = False
        for name in list(space.options(answers)):
            for moved in list(_moves(space, answers, name, place=0)):
                graph = space.graph(moved)
                if (found := cost(graph)) < least and allowed(graph):
                    answers, least, improved = moved, found, True
                    if least <= 0:
                        return answers, least
    return answers, least


def fill(graph: Graph, budget: Budget) -> float:
    """The mean of figure / limit; without limits the multiply-adds; -1 for a network over a limit."""
    limits = budget.limits
    if not limits:
        return _macs(graph)
    figures = budget.figures(graph, limits)
    if any(figures[name] is None or figures[name] > limit for name, limit in limits.items()):
        return -1.0
    return math.fsum(figures[name] / limit for name, limit in limits.items()) / len(limits)


def _climb(space: Space, budget: Budget, rng: np.random.Generator, anchor: Answers, builds: int) -> Answers:
    """Local search for the fullest network, from the fullest of a few repaired ones, again and again."""
    best, most, left = anchor, fill(space.graph(anchor), budget), builds
    drawn = [space.complete({})]
    while left > 0 and not (budget.limits and most >= _FULL):
        drawn += [space.sample(rng) for _ in range(_DRAWN)]
        starts = [repair(space, one, budget, rng, anchor) or anchor for one in drawn]
        start = max(starts, key=lambda answers: fill(space.graph(answers), budget))
        answers, found, left = _climb_from(space, budget, rng, start, left - 10 * len(drawn))
        if found > most:
            best, most = answers, found
        drawn = []
    return best


def _climb_from(
    space: Space, budget: Budget, rng: np.random.Generator, answers: Answers, left: int
) -> tuple[Answers, float, int]:
    best, improved = fill(space.graph(answers), budget), True
    while left > 0 and improved and not (budget.limits and best >= _FULL):
        improved = False
        names = list(space.options(answers))
        for position in rng.permutation(len(names)):
            for moved in list(_moves(space, answers, names[position])):
                left -= 1
                if (found := fill(space.graph(moved), budget)) > best:
                    answers, best, improved = moved, found, True
        for _ in range(0 if improved else 60):  # no single answer helps: two at once
            left -= 1
            moved = space.mutate(space.mutate(answers, rng), rng)
            if (found := fill(space.graph(moved), budget)) > best:
                answers, best, improved = moved, found, True
                break
    return answers, best, left


def _smallest_figures(
    space: Space, budget: Budget, rng: np.random.Generator, latency_ms: Latency | None
) -> dict[str, float]:
    smallest: dict[str, float] = {}
    for name in budget.limits:
        cost = _macs if name == "latency_ms" else partial(_figure, budget, name)
        answers, least = _least(space, cost, rng)
        measured = latency_ms if name == "latency_ms" else None
        smallest[name] = least if measured is None else measured(space.graph(answers))
    return smallest


def _figure(budget: Budget, name: str, graph: Graph) -> float:
    return float(budget.figures(graph, [name])[name] or 0)
