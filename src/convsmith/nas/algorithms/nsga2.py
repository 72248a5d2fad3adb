"""Many goals at once: the trials that nothing beats on every goal breed, crowded ones less often.

Source: Deb, Pratap, Agarwal, Meyarivan, "A Fast and Elitist Multiobjective Genetic Algorithm: NSGA-II",
2002; one child at a time instead of whole generations, so that no worker waits.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from convsmith.errors import BadName

from ..choose import Answers, Space
from . import ALGORITHMS
from ._history import at_least_one, finished, untried

if TYPE_CHECKING:
    import numpy as np

_COSTS = ("params", "macs", "bytes", "memory", "latency_ms", "seconds")


@ALGORITHMS.register()
def nsga2(
    space: Space,
    history: Sequence[dict[str, Any]],
    rng: np.random.Generator,
    *,
    goals: str = "params,macs",
    population: int = 12,
    crossover: float = 0.5,
) -> Answers:
    """A child of two winners of tournaments among the best trials so far, by fronts and then by crowding.

    Args:
        space: where to draw, cross and mutate.
        history: trials, oldest first.
        rng: draws parents and changes.
        goals: what to keep small beside a high score, with commas: params, macs, bytes, memory, latency_ms,
            seconds.
        population: how many of all trials breed; until there are so many, genotypes are drawn.
        crossover: how often a child has two parents; each child is changed in one answer.

    Raises:
        BadName: a goal that trials do not have.
        BadInput: `population` below 1.

    Example:
        >>> points = [(0, 3), (1, 1), (3, 0), (2, 2)]  # smaller is better; only the last is beaten
        >>> fronts(points)
        [[0, 1, 2], [3]]
    """
    at_least_one("nsga2", population=population)
    names = [name.strip() for name in goals.split(",") if name.strip()]
    for name in names:
        if name not in _COSTS:
            raise BadName("goal of nsga2", name, _COSTS)
    done = finished(history)
    if len(done) < population:
        return space.sample(rng)
    points = [(-trial["score"], *(_cost(trial, name) for name in names)) for trial in done]
    living: list[tuple[int, float, int]] = []  # sorts the best first: front, less crowded, place
    for number, front in enumerate(fronts(points)):
        room = crowding([points[place] for place in front])
        living += sorted((number, -space_left, place) for place, space_left in zip(front, room, strict=True))
        if len(living) >= population:
            break
    living = living[:population]

    def parent() -> Answers:
        drawn = min(living[int(place)] for place in rng.integers(len(living), size=2))
        return dict(done[drawn[2]]["answers"])

    def child() -> Answers:
        mixed = space.crossover(parent(), parent(), rng) if rng.random() < crossover else parent()
        return space.mutate(mixed, rng)

    return untried(child, space, history, rng)


def _cost(trial: dict[str, Any], name: str) -> float:
    cost = trial.get(name)
    return math.inf if cost is None else float(cost)


def fronts(points: Sequence[Sequence[float]]) -> list[list[int]]:
    """Places of the points that no point beats, then of those that only these beat, and so on.

    Args:
        points: numbers to keep small, the same number for each point; one beats another when it is
            nowhere larger and somewhere smaller.
    """
    import numpy as np

    values = np.asarray(points, dtype=float)
    no_larger = np.all(values[:, None] <= values[None], axis=-1)
    beats = np.asarray(no_larger & np.any(values[:, None] < values[None], axis=-1))
    left, sorted_out = np.arange(len(values)), []
    while len(left):
        free = ~beats[np.ix_(left, left)].any(0)
        sorted_out.append([int(place) for place in left[free]])
        left = left[~free]
    return sorted_out


def crowding(points: Sequence[Sequence[float]]) -> list[float]:
    """How much room each point of a front has: its neighbours' distance, over all goals; ends have infinite.

    Example:
        >>> crowding([(0, 4), (1, 2), (4, 0)])
        [inf, 2.0, inf]
    """
    room = [0.0] * len(points)
    for goal in range(len(points[0])):
        order = sorted(range(len(points)), key=lambda place: points[place][goal])
        low, high = points[order[0]][goal], points[order[-1]][goal]
        room[order[0]] = room[order[-1]] = math.inf
        if not 0 < high - low < math.inf:
            continue
        for before, place, after in zip(order, order[1:], order[2:], strict=False):
            room[place] += (points[after][goal] - points[before][goal]) / (high - low)
    return room
