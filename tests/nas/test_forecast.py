from __future__ import annotations

import numpy as np
import pytest

from convsmith.ledger.budget import Budget
from convsmith.ledger.effort import moved
from convsmith.nas.budget.fitting import ensure_feasible
from convsmith.nas.budget.forecast import Forecast, forecast
from convsmith.nas.search import search
from convsmith.nas.spaces import space
from convsmith.nas.trial import Evaluation
from convsmith.nas.within import Within

PLANTED = Forecast(layer=2e-3, mac=3e-8, moved=1e-7)


def test_planted_milliseconds_are_found():
    images, rng, budget = space("stages", (32, 32, 3), 10), np.random.default_rng(0), Budget(latency_ms=2.0)
    anchor = ensure_feasible(images, budget, rng, PLANTED)
    found = forecast(images, budget, rng, anchor=anchor, latency_ms=PLANTED)
    for seed in range(10):
        graph = images.graph(images.sample(np.random.default_rng(seed)))
        assert found(graph) == pytest.approx(PLANTED(graph), rel=1e-6)
    assert Forecast(**found.to_json()) == found


def test_noise_of_a_tenth_stays_a_tenth():
    noise = np.random.default_rng(1)
    images, rng, budget = space("stages", (32, 32, 3), 10), np.random.default_rng(0), Budget(latency_ms=2.0)
    anchor = ensure_feasible(images, budget, rng, PLANTED)
    found = forecast(
        images, budget, rng, anchor=anchor, latency_ms=lambda graph: PLANTED(graph) * noise.normal(1, 0.1)
    )
    graphs = [images.graph(images.sample(np.random.default_rng(seed))) for seed in range(20)]
    errors = [abs(np.log(found(graph) / PLANTED(graph))) for graph in graphs]
    assert np.median(errors) < 0.1
    assert max(errors) < 0.3


def test_what_is_known_to_keep_the_limit_is_forecast_to_keep_it():
    """A latency that the three parts cannot explain must not leave candidates without a way back."""
    images, rng = space("stages", (32, 32, 3), 10), np.random.default_rng(0)
    budget = Budget(latency_ms=1.0)

    def strange(graph):
        return 0.9 if moved(graph) < 300_000 else 50.0

    anchor = ensure_feasible(images, budget, rng, strange)
    found = forecast(images, budget, rng, anchor=anchor, latency_ms=strange)
    assert found(images.graph(anchor)) <= 0.9 + 1e-9


@pytest.mark.parametrize("algorithm", ["auto", "evolution"])
def test_a_search_measures_what_it_proposes_and_trains_nothing_over_the_limit(algorithm):
    measured = set()
    strange = np.random.default_rng(2)

    def milliseconds(graph):
        """Not what the forecast can explain: up to a half off, but the same at every asking."""
        measured.add(graph.fingerprint)
        off = np.random.default_rng(int(graph.fingerprint[:8], 16)).uniform(0.5, 1.5)
        return PLANTED(graph) * off

    trained = []

    def evaluate(graph, *, epochs, seed):
        trained.append(graph)
        return Evaluation(float(strange.uniform(0.5, 0.9)), 1.0)

    found = search(
        space("stages", (32, 32, 3), 10), evaluate, budget=Budget(params=50_000, latency_ms=0.6), seed=0,
        algorithm=algorithm, options={"population": 6}, trials=16, latency_ms=milliseconds,
    )  # fmt: skip
    assert all(milliseconds(graph) <= 0.6 for graph in trained)
    assert all(trial.latency_ms <= 0.6 for trial in found.trials)
    # A dozen for the forecast, a few for each proposal that the forecast was wrong about, not dozens.
    assert len(measured) < 20 + 6 * len(found.trials)


def test_a_forecast_is_lowered_where_it_contradicts_what_is_known():
    """Else every way back from a candidate over the limit would be closed too."""
    images, rng, budget = space("stages", (32, 32, 3), 10), np.random.default_rng(0), Budget(latency_ms=1.0)
    anchor = ensure_feasible(images, budget, rng, PLANTED)
    known = images.graph(anchor)
    high = Forecast(*(1.1 / PLANTED(known) * part for part in (PLANTED.layer, PLANTED.mac, PLANTED.moved)))
    assert high(known) > 1.0
    assert high.keeping(1.0, known)(known) == pytest.approx(0.9)
    assert high.keeping(2.0, known) is high
    drawn = {}
    for name, made in (("as it is", high), ("kept", high.keeping(1.0, known))):
        within = Within(images, budget, anchor, made)
        drawn[name] = {within.graph(within.sample(rng)).fingerprint for _ in range(10)}
    assert len(drawn["kept"]) > len(drawn["as it is"])
