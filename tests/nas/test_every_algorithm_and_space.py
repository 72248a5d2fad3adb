"""Every algorithm on every space: nothing over the budget is trained or returned, and each trial says so."""

from __future__ import annotations

import zlib

import numpy as np
import pytest

from convsmith.ledger.budget import Budget, figures_of
from convsmith.nas.algorithms import ALGORITHMS, LEARNERS
from convsmith.nas.budget.fitting import ensure_feasible
from convsmith.nas.search import search
from convsmith.nas.spaces import SPACES, space
from convsmith.nas.workers.protocol import Evaluation

TRIALS = 3
AT_ONCE = sorted(name for name, one in ALGORITHMS.items() if one not in LEARNERS)  # others need images
CELLS = ("darts", "enas", "nasnet")  # their networks have hundreds of layers


def tight(found) -> Budget:
    """Limits that most networks of the space break: those of one of its smaller ones, rounded up."""
    rng = np.random.default_rng(0)
    small = found.graph(ensure_feasible(found, Budget(params=10**9), rng))
    drawn = [figures_of(found.graph(found.sample(rng))) for _ in range(3)]
    middling = {name: sorted(one[name] for one in drawn)[1] for name in ("params", "macs")}
    least = figures_of(small)
    return Budget(**{name: int(max(1.05 * least[name], 0.7 * middling[name])) for name in middling})


@pytest.mark.parametrize(
    "name", [pytest.param(one, marks=pytest.mark.slow if one in CELLS else ()) for one in sorted(SPACES)]
)
def test_nothing_over_the_budget(name: str) -> None:
    found = space(name, (12, 12, 1), 4)
    budget = tight(found)
    try:
        ensure_feasible(found, budget, np.random.default_rng(1))
    except Exception:
        budget = Budget(params=budget.params)
    for algorithm in AT_ONCE:
        trained = []

        def spy(graph, *, epochs, seed, trained=trained):
            trained.append(graph)
            return Evaluation(zlib.crc32(graph.fingerprint.encode()) / 2**32, 0.1)

        settings = {"population": 2} if "population" in _options(algorithm) else {}
        result = search(
            found, spy, budget=budget, algorithm=algorithm, options=settings, baselines=False,
            trials=TRIALS, epochs=(2, 4), top=1,
        )  # fmt: skip
        over = [graph for graph in trained if not budget.check(graph).kept]
        assert not over, f"{algorithm} on {name}: {budget.check(over[0])}"
        assert budget.check(result.graph).kept
        assert len(trained) >= 2
        for trial in result.trials:
            figures = figures_of(found.graph(trial.answers))
            assert {one: getattr(trial, one) for one in ("params", "macs", "bytes", "memory")} == {
                one: figures[one] for one in ("params", "macs", "bytes", "memory")
            }
            assert trial.status == "over_budget" or trial.params <= (budget.params or 0)


def pretended_ms(graph) -> float:
    return 0.01 * len(graph) + (graph.macs or 0) / 1e6


@pytest.mark.parametrize("is_timed", [False, True], ids=["trials", "clock"])
@pytest.mark.parametrize("algorithm", AT_ONCE)
def test_nothing_over_any_of_five_limits_when_the_algorithm_proposes(algorithm: str, is_timed: bool) -> None:
    """So many trials that most are the algorithm's own ideas, with small images where it knows such."""
    found, now = space("stages", (16, 16, 1), 4), [0.0]
    budget = Budget(params=6_000, macs=400_000, bytes=23_000, memory=30_000, latency_ms=0.55)
    trained = []

    def spy(graph, *, epochs, seed, on_epoch=None):
        trained.append(graph)
        now[0] += 0.1 * epochs
        return Evaluation(zlib.crc32(graph.fingerprint.encode()) / 2**32, 0.1 * epochs)

    wanted = {"population": 3, "batch": 3, "passes": 1, "smallest": 0.5, "proxy": "params"}
    settings = {one: value for one, value in wanted.items() if one in _options(algorithm)}
    much = {"seconds": 14, "now": lambda: now[0]} if is_timed else {"trials": 9, "epochs": (2, 4)}
    result = search(
        found, spy, budget=budget, algorithm=algorithm, options=settings, latency_ms=pretended_ms, **much
    )
    assert len({graph.fingerprint for graph in trained}) >= 8
    for graph in [*trained, result.graph]:
        verdict = budget.check(graph, pretended_ms)
        assert verdict.kept, str(verdict)
    assert not [trial for trial in result.trials if trial.status != "ok"]
    assert any(trial.arm == algorithm for trial in result.trials)


def _options(algorithm: str) -> set[str]:
    from convsmith.nas.settings import settings_of

    return set(settings_of(algorithm, {}))
