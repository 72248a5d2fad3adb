"""What a training costs on this machine: two networks trained for an epoch, before the search begins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from convsmith.graph import Graph
from convsmith.ledger.budget import Budget, Latency
from convsmith.ledger.effort import effort

from ..budget.fitting import Infeasible, ensure_feasible, fit_to_budget
from ..budget.forecast import Forecast
from ..choose import Answers, Space
from ..within import Within

if TYPE_CHECKING:
    import numpy as np

    from ..workers.protocol import Evaluate

_SMALL = (6_000_000, 24_000_000, 96_000_000, 384_000_000)  # effort: the first that the space can keep
_LARGER = 10  # times the effort of the small network, at most
_DRAWN = 15
_CHEAP = 0.02  # of the search's time: what an epoch of a probe may take


@dataclass(frozen=True)
class Cost:
    """Seconds for one epoch: a part for each layer, whatever its size, and a part for the layers' work.

    Args:
        fixed: seconds for the layers of a network of middling depth.
        rate: seconds for each unit of a network's work (`ledger.effort`).
        typical: seconds of a network of middling size.
        least_effort: of the small network that was measured.
    """

    fixed: float
    rate: float
    typical: float
    least_effort: int

    @property
    def least(self) -> float:
        """Seconds of a network of the small one's work."""
        return self.fixed + self.rate * self.least_effort

    def effort_for(self, seconds: float) -> int:
        """The work of a network whose epoch takes so long.

        Never below the small network's, nor below where it takes as long as the layers themselves:
        a cap there would make networks worse and hardly faster.
        """
        return max(self.least_effort, int(max(seconds - self.fixed, self.fixed) / self.rate))


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
    expected_ms: Forecast | None = None,
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
        expected_ms: forecasts what it would measure, for the networks of which two are chosen.
    """

    def draw(limits: Budget, kept: Answers) -> list[tuple[Graph, Answers]]:
        expected: Latency | None = latency_ms
        if expected_ms is not None and limits.latency_ms is not None:
            expected = expected_ms.keeping(limits.latency_ms, space.graph(kept))
        within = Within(space, limits, kept, expected)
        drawn = [within.sample(rng) for _ in range(_DRAWN)]
        return [(space.graph(answers), answers) for answers in drawn]

    def certain(answers: Answers, limits: Budget, kept: Answers) -> Answers:
        return fit_to_budget(space, answers, limits, rng, latency_ms=latency_ms, anchor=kept)

    known = anchor
    for most in _SMALL:
        limits = budget.within_effort(most)
        try:
            kept = ensure_feasible(space, limits, rng, latency_ms)
        except Infeasible:
            continue
        drawn = sorted(draw(limits, kept), key=lambda one: effort(one[0]))
        known = certain(drawn[len(drawn) // 2][1], limits, kept)
        break
    small = space.graph(known)
    took = evaluate(small, epochs=1, seed=seed).seconds
    if took < _CHEAP * seconds:  # the first training of a process also pays for its start
        took = evaluate(small, epochs=1, seed=seed).seconds
    took, work, layers = max(took, 1e-6), max(1, effort(small)), len(small)
    affordable = budget.within_effort(work * min(_LARGER, max(1.0, _CHEAP * seconds / took)))
    drawn = draw(affordable, known)
    densest = max(drawn, key=lambda one: effort(one[0]) / len(one[0]))
    large = space.graph(certain(densest[1], affordable, known))
    middling = sorted(len(graph) for graph, _ in drawn)[len(drawn) // 2]
    each = max(1, effort(large)) / len(large)
    if each < 1.5 * work / layers:  # nothing much larger: half of the time to each part
        return Cost(took / 2 * middling / layers, took / 2 / work, took, work)
    longer = max(evaluate(large, epochs=1, seed=seed).seconds, 1e-6)
    # Seconds of a layer = a part that each pays + work of a layer x seconds of a unit.
    rate = (longer / len(large) - took / layers) / (each - work / layers)
    # A machine that is busy with other things can make the larger network look cheap, or free.
    rate = min(max(rate, 0.25 * longer / effort(large)), longer / effort(large))
    fixed = max(0.0, (took - rate * work) / layers) * middling
    return Cost(fixed, rate, (took * longer) ** 0.5, work)
