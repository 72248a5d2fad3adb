"""A space that stays within a budget by itself; what algorithms are given."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from convsmith.ledger.budget import Budget, Latency

from .budget.fitting import fill, fit_to_budget
from .budget.repair import repair, static_excess
from .choose import Answers, Space

if TYPE_CHECKING:
    import numpy as np

_PLAIN = 30  # uniform draws, before one is repaired
_GROWING = 20  # moves tried toward the limits
_LEAST_SHARE = 0.4
_NEAR = 0.8  # of a share: as good as all of it


class Within(Space):
    """A space that stays within a budget by itself: all that it samples, mutates or crosses keeps it.

    Args:
        space: the space.
        budget: the limits.
        anchor: a genotype known to keep them (`ensure_feasible`).
        latency_ms: measures a network; needed when latency is limited.

    Example:
        >>> import numpy as np
        >>> from convsmith.nas.budget.fitting import ensure_feasible
        >>> from convsmith.nas.spaces import space
        >>> rng, budget = np.random.default_rng(0), Budget(params=2_000)
        >>> digits = space("stages", (8, 8, 1), 10)
        >>> within = Within(digits, budget, ensure_feasible(digits, budget, rng))
        >>> all(budget.check(within.graph(within.sample(rng))).kept for _ in range(20))
        True
    """

    def __init__(
        self, space: Space, budget: Budget, anchor: Answers, latency_ms: Latency | None = None
    ) -> None:
        super().__init__(space.function, space.input_shape, space.classes, name=space.name)
        self.budget, self._anchor, self._latency_ms, self._free = budget, anchor, latency_ms, space

    def _fit(self, answers: Answers, rng: np.random.Generator) -> Answers:
        return fit_to_budget(
            self._free, answers, self.budget, rng, latency_ms=self._latency_ms, anchor=self._anchor
        )

    def sample(self, rng: np.random.Generator) -> Answers:
        """The first of some uniform draws that keeps the budget, grown toward a share of the limits.

        Where none keeps it, one is repaired to a share of the limits from 0.8 to 1: what fits such a budget
        is near it. How far a network is grown is drawn from 0.4 to 1; a cap on the effort of a training is
        kept, but nothing is grown toward it.
        """
        static = self.budget.without_latency()
        for _ in range(_PLAIN):
            drawn = self._free.sample(rng)
            if static_excess(self._free.graph(drawn), static) == 0:
                break
        else:
            near = replace(static.times(rng.uniform(_NEAR, 1.0)), effort=static.effort)
            drawn = repair(self._free, drawn, near, rng, self._anchor) or drawn
        if static_excess(self._free.graph(drawn), static) == 0:
            drawn = _grow(self._free, drawn, static, rng.uniform(_LEAST_SHARE, 1.0), rng)
        return self._fit(drawn, rng)

    def mutate(self, answers: Answers, rng: np.random.Generator) -> Answers:
        """One answer changed, and as many more as the budget then asks for."""
        return self._fit(self._free.mutate(answers, rng), rng)

    def crossover(self, first: Answers, second: Answers, rng: np.random.Generator) -> Answers:
        """Each answer from one parent or the other, then fitted to the budget."""
        return self._fit(self._free.crossover(first, second, rng), rng)


def _grow(space: Space, answers: Answers, budget: Budget, share: float, rng: np.random.Generator) -> Answers:
    """Random moves toward the limits, none beyond, until a share of them is used."""
    asked = replace(budget, effort=None)
    filled = fill(space.graph(answers), asked)
    for _ in range(_GROWING if asked.limits else 0):
        if filled >= _NEAR * share:
            break
        options = {name: some for name, some in space.options(answers).items() if len(some) > 1}
        if not options:
            break
        name = list(options)[int(rng.integers(len(options)))]
        moved = space.complete({**answers, name: options[name][int(rng.integers(len(options[name])))]}, rng)
        graph = space.graph(moved)
        if (found := fill(graph, asked)) > filled and budget.check(graph).kept:
            answers, filled = moved, found
    return answers
