"""What a training costs on this machine: two networks trained for an epoch, before the search begins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .budget import Budget, Latency
from .choose import Answers, Space
from .fit import Infeasible, fit_to_budget
from .within import Within

if TYPE_CHECKING:
    import numpy as np

    from .trial import Evaluate

_SMALL_MACS = 3_000_000
_LARGER = 10  # times the multiply-adds of the small network, at most
_DRAWN = 20
_CHEAP = 0.02  # of the search's time: what an epoch of a probe may take


@dataclass(frozen=True)
class Cost:
    """Seconds for one epoch: a part that every network pays, and a part for each multiply-add.

    Args:
        fixed: seconds whatever the size: starting each layer for each batch.
        per_mac: seconds for each multiply-add of one image.
        typical: seconds of a network of middling size.
        least_macs: of the small network that was measured.
    """

    fixed: float
    per_mac: float
    typical: float
    least_macs: int

    def macs_for(self, seconds: float) -> int:
        """The multiply-adds of a network whose epoch takes so long; never below the small one's."""
        return max(self.least_macs, int((seconds - self.fixed) / self.per_mac))


def measure(
    space: Space,
    budget: Budget,
    evaluate: Evaluate,
    rng: np.random.Generator,
    *,
    anchor: Answers,
    seconds: float,
    seed: int,
    latency_ms: Latency | None = None,
) -> Cost:
    """Train a small and a larger network of the space, both within the budget, for an epoch each.

    Args:
        space: the space.
        budget: the limits; nothing over them is trained.
        evaluate: as `search` takes it.
        rng: draws the networks.
        anchor: a genotype known to keep the budget.
        seconds: of the whole search; the probes take a few hundredths of it.
        seed: of the trainings.
        latency_ms: measures a network; needed when latency is limited.
    """
    try:
        middle = space.complete({})
        capped = budget.capped(_SMALL_MACS)
        answers = fit_to_budget(space, middle, capped, rng, latency_ms=latency_ms)
    except Infeasible:
        answers = anchor
    small = space.graph(answers)
    took = evaluate(small, epochs=1, seed=seed).seconds
    if took < _CHEAP * seconds:  # the first training of a process also pays for its start
        took = evaluate(small, epochs=1, seed=seed).seconds
    took, macs = max(took, 1e-6), max(1, small.macs or 1)
    affordable = macs * min(_LARGER, max(1.0, _CHEAP * seconds / took))
    within = Within(space, budget.capped(affordable), answers, latency_ms)
    drawn = [space.graph(within.sample(rng)) for _ in range(_DRAWN)]
    large = max(drawn, key=lambda graph: graph.macs or 0)
    larger = large.macs or 1
    if larger < 2 * macs:
        return Cost(took / 2, took / 2 / macs, took, macs)
    longer = max(evaluate(large, epochs=1, seed=seed).seconds, 1e-6)
    # A machine that is busy with other things can make the larger network look cheap.
    per_mac = max((longer - took) / (larger - macs), 0.25 * longer / larger)
    return Cost(max(0.0, took - per_mac * macs), per_mac, (took * longer) ** 0.5, macs)
