"""What a training costs on this machine: two networks trained for an epoch, before the search begins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from convsmith.graph import Graph

from .budget import Budget, Latency
from .choose import Answers, Space
from .fit import Infeasible, ensure_feasible
from .within import Within

if TYPE_CHECKING:
    import numpy as np

    from .work import Evaluate

_SMALL_MACS = (3_000_000, 12_000_000, 48_000_000)  # the first of these that the space can keep
_LARGER = 10  # times the multiply-adds of the small network, at most
_DRAWN = 15
_CHEAP = 0.02  # of the search's time: what an epoch of a probe may take


@dataclass(frozen=True)
class Cost:
    """Seconds for one epoch: a part for each layer, whatever its size, and a part for each multiply-add.

    Args:
        fixed: seconds for the layers of a network of middling depth.
        per_mac: seconds for each multiply-add of one image.
        typical: seconds of a network of middling size.
        least_macs: of the small network that was measured.
    """

    fixed: float
    per_mac: float
    typical: float
    least_macs: int

    @property
    def least(self) -> float:
        """Seconds of a network of the small one's multiply-adds."""
        return self.fixed + self.per_mac * self.least_macs

    def macs_for(self, seconds: float) -> int:
        """The multiply-adds of a network whose epoch takes so long.

        Never below the small network's, nor below where they take as long as the layers themselves:
        a cap there would make networks worse and hardly faster.
        """
        return max(self.least_macs, int(max(seconds - self.fixed, self.fixed) / self.per_mac))


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
    small = space.graph(anchor)
    for most in _SMALL_MACS:
        try:
            kept = ensure_feasible(space, budget.capped(most), rng, latency_ms)
        except Infeasible:
            continue
        drawn = sorted(_draw(space, budget.capped(most), kept, rng, latency_ms), key=_macs)
        small = drawn[len(drawn) // 2]
        break
    took = evaluate(small, epochs=1, seed=seed).seconds
    if took < _CHEAP * seconds:  # the first training of a process also pays for its start
        took = evaluate(small, epochs=1, seed=seed).seconds
    took, macs, layers = max(took, 1e-6), _macs(small), len(small)
    affordable = budget.capped(macs * min(_LARGER, max(1.0, _CHEAP * seconds / took)))
    answers = ensure_feasible(space, affordable, rng, latency_ms)
    drawn = _draw(space, affordable, answers, rng, latency_ms)
    large = max(drawn, key=lambda graph: _macs(graph) / len(graph))
    middling = sorted(map(len, drawn))[len(drawn) // 2]
    if _macs(large) / len(large) < 1.5 * macs / layers:  # nothing much larger: half of the time to each part
        return Cost(took / 2 * middling / layers, took / 2 / macs, took, int(macs))
    longer = max(evaluate(large, epochs=1, seed=seed).seconds, 1e-6)
    # Seconds of a layer = a part that each pays + multiply-adds of a layer x seconds of one.
    per_mac = (longer / len(large) - took / layers) / (_macs(large) / len(large) - macs / layers)
    # A machine that is busy with other things can make the larger network look cheap, or free.
    per_mac = min(max(per_mac, 0.25 * longer / _macs(large)), longer / _macs(large))
    fixed = max(0.0, (took - per_mac * macs) / layers) * middling
    return Cost(fixed, per_mac, (took * longer) ** 0.5, int(macs))


def _draw(
    space: Space, budget: Budget, anchor: Answers, rng: np.random.Generator, latency_ms: Latency | None
) -> list[Graph]:
    within = Within(space, budget, anchor, latency_ms)
    return [within.graph(within.sample(rng)) for _ in range(_DRAWN)]


def _macs(graph: Graph) -> float:
    return float(max(1, graph.macs or 1))
