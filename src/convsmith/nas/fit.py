"""Networks that keep a budget: repair instead of rejection, the smallest, and the largest that fits.

All of it moves one answer at a time and looks at the Graph; nothing is trained.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from convsmith.errors import BadInput
from convsmith.graph import Graph

from .budget import Budget, Latency, figures_of, show
from .choose import Answers, Space
from .options import Options, index_of, is_ordered

if TYPE_CHECKING:
    import numpy as np

Cost = Callable[[Graph], float]
_ROUNDS = 8  # of shrinking multiply-adds until the measured latency fits
_FULL = 0.995  # of the limit: as good as full


class Infeasible(BadInput):
    """No network of the space keeps the budget."""


def static_excess(graph: Graph, budget: Budget) -> float:
    """How far a network is over every limit but latency: sum of ln(figure / limit); 0 when kept."""
    figures = figures_of(graph, budget.limits)
    return math.fsum(
        math.log(max(1.0, figures[name] / limit))
        for name, limit in budget.limits.items()
        if figures[name] is not None
    )


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
    starts = _starts(space, rng)
    found = [_descend(space, start, lambda graph: static_excess(graph, static)) for start in starts]
    kept = [answers for answers, excess in found if excess == 0]
    if kept and budget.latency_ms is None:
        return kept[0]
    if kept:
        small = [
            _descend(space, kept[0], cost, lambda graph: static_excess(graph, static) == 0)[0]
            for cost in (_macs, lambda graph: float(len(graph)))
        ]
        for answers in (kept[0], *small):
            if budget.check(space.graph(answers), latency_ms).kept:
                return answers
    smallest = _smallest_figures(space, budget, starts, latency_ms)
    least = ", ".join(f"{name} {show(name, figure)}" for name, figure in smallest.items())
    asked = ", ".join(f"{name} {show(name, limit)}" for name, limit in budget.limits.items())
    together = " (each alone; not all together)" if len(smallest) > 1 else ""
    raise Infeasible(
        f"budget for space '{space.name}' at input {'x'.join(map(str, space.input_shape))}",
        f"no network keeps {asked}",
        f"at least {least}{together}, the smallest that the space has",
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
    """The answers moved toward smaller options until the network keeps the budget.

    One answer at a time, in random order, each move kept only if it brings the network nearer to its
    limits; a network that already keeps them comes back unchanged. When the latency measured is over,
    multiply-adds are capped lower and lower. Where moving does not get there, changes of `anchor` do.

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
    tightened = budget
    for _ in range(_ROUNDS):
        moved = shrink(space, answers, tightened, rng)
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
    anchor = ensure_feasible(space, budget, rng, latency_ms) if anchor is None else anchor
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
    best = anchor
    for _ in range(6):  # halve the range of multiply-adds, on a logarithmic scale
        middle = math.sqrt(low * high)
        tried = _climb(space, static.capped(middle), rng, anchor, builds // 8)
        if budget.check(space.graph(tried), latency_ms).kept:
            best, low = tried, middle
        else:
            high = middle
    return best


def _macs(graph: Graph) -> float:
    return float(graph.macs or 0)


def _starts(space: Space, rng: np.random.Generator) -> list[Answers]:
    first = space.walk(lambda _, options: 0).answers
    return [space.complete({}), first, space.sample(rng), space.sample(rng)]


def _moves(space: Space, answers: Answers, name: str) -> Iterator[Answers]:
    """Every genotype that differs in this answer, lower options of a number first."""
    options = space.options(answers).get(name, ())
    for option in sorted(options) if is_ordered(options) else options:
        if index_of(answers[name], options) != index_of(option, options):
            yield space.complete({**answers, name: option})


def _descend(
    space: Space, answers: Answers, cost: Cost, allowed: Callable[[Graph], bool] = lambda graph: True
) -> tuple[Answers, float]:
    """One answer after the other to its cheapest option, until none helps or the cost is 0."""
    least = cost(space.graph(answers))
    improved = True
    while improved and least > 0:
        improved = False
        for name in list(space.options(answers)):
            for moved in list(_moves(space, answers, name)):
                graph = space.graph(moved)
                if (found := cost(graph)) < least and allowed(graph):
                    answers, least, improved = moved, found, True
    return answers, least


def shrink(space: Space, answers: Answers, budget: Budget, rng: np.random.Generator) -> Answers | None:
    """Random moves toward the limits that a Graph decides; None when they end in a dead end."""
    static = budget.without_latency()
    excess = static_excess(space.graph(answers), static)
    while excess > 0:
        before = excess
        names = [name for name, options in space.options(answers).items() if len(options) > 1]
        for position in rng.permutation(len(names)):
            name = names[position]
            options = space.options(answers).get(name, ())
            if len(options) < 2:
                continue  # an earlier move of this round took the question away
            moved = space.complete({**answers, name: _smaller(answers[name], options, rng)}, rng)
            found = static_excess(space.graph(moved), static)
            if found < excess:
                answers, excess = moved, found
            if excess == 0:
                return answers
        if excess == before:
            answers, excess = _descend(space, answers, lambda graph: static_excess(graph, static))
            if excess > 0:
                return None
    return answers


def _smaller(answer: Any, options: Options, rng: np.random.Generator) -> Any:
    index = index_of(answer, options)
    if is_ordered(options) and rng.random() < 0.8:
        lower = [option for option in options if option < answer]
        if lower:
            return lower[int(rng.integers(len(lower)))]
    others = [option for at, option in enumerate(options) if at != index]
    return others[int(rng.integers(len(others)))]


def fill(graph: Graph, budget: Budget) -> float:
    """The mean of figure / limit; without limits the multiply-adds; -1 for a network over a limit."""
    limits = budget.limits
    if not limits:
        return _macs(graph)
    figures = figures_of(graph, limits)
    if any(figures[name] is None or figures[name] > limit for name, limit in limits.items()):
        return -1.0
    return math.fsum(figures[name] / limit for name, limit in limits.items()) / len(limits)


def _climb(space: Space, budget: Budget, rng: np.random.Generator, anchor: Answers, builds: int) -> Answers:
    """Local search for the fullest network, from the middle of the space, then from samples."""
    best, most, left = anchor, fill(space.graph(anchor), budget), builds
    start: Answers | None = space.complete({})
    while left > 0 and not (budget.limits and most >= _FULL):
        start = shrink(space, start or anchor, budget, rng)
        answers, found, left = _climb_from(space, budget, rng, start or anchor, left)
        if found > most:
            best, most = answers, found
        start, left = space.sample(rng), left - 1
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
    space: Space, budget: Budget, starts: list[Answers], latency_ms: Latency | None
) -> dict[str, float]:
    smallest: dict[str, float] = {}
    for name in budget.limits:
        cost = _macs if name == "latency_ms" else partial(_figure, name)
        candidates = [_descend(space, start, cost)[0] for start in starts]
        measure = latency_ms if name == "latency_ms" and latency_ms is not None else cost
        smallest[name] = min(measure(space.graph(answers)) for answers in candidates)
    return smallest


def _figure(name: str, graph: Graph) -> float:
    return float(figures_of(graph, [name])[name] or 0)
