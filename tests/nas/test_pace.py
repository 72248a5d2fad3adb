from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from convsmith.ledger.budget import Budget
from convsmith.ledger.effort import effort
from convsmith.nas.budget.fitting import ensure_feasible
from convsmith.nas.loop import pace
from convsmith.nas.loop.arms import Arms
from convsmith.nas.loop.probe import Cost, measure
from convsmith.nas.proposal import Proposal
from convsmith.nas.spaces import space
from convsmith.nas.trial import Evaluation


@pytest.mark.parametrize(
    ("shape", "budget", "per_layer", "rate"),
    [
        ((8, 8, 1), Budget(params=20_000), 5e-3, 2e-7),
        ((64, 64, 3), Budget(params=100_000), 5e-3, 1e-7),
        ((64, 64, 3), Budget(params=100_000, macs=5_000_000), 1e-4, 1e-6),
        ((224, 224, 3), Budget(), 5e-3, 1e-8),
    ],
)
def test_two_probes_find_the_planted_cost(shape, budget, per_layer, rate):
    seen = []

    def evaluate(graph, *, epochs, seed):
        seen.append(graph)
        return Evaluation(0.5, epochs * (per_layer * len(graph) + rate * effort(graph)))

    images = space("stages", shape, 10)
    rng = np.random.default_rng(0)
    anchor = ensure_feasible(images, budget, rng)
    cost = measure(images, budget, evaluate, rng, anchor=anchor, seconds=300, seed=0)
    assert len(seen) <= 3
    assert all(budget.check(graph).kept for graph in seen)
    if len({graph.fingerprint for graph in seen}) == 2:
        assert cost.rate == pytest.approx(rate, rel=0.01) or cost.rate * effort(seen[-1]) <= 0.26 * (
            per_layer * len(seen[-1]) + rate * effort(seen[-1])
        )
    assert sum(per_layer * len(graph) + rate * effort(graph) for graph in seen) < 0.1 * 300


def test_a_cap_never_cuts_where_layers_and_not_multiply_adds_take_the_time():
    cost = Cost(fixed=0.4, rate=1e-7, typical=0.5, least_effort=200_000)
    assert cost.effort_for(0.1) == cost.effort_for(0.8) == 4_000_000
    assert cost.effort_for(2.4) == 20_000_000
    assert Cost(fixed=0.0, rate=1e-7, typical=0.5, least_effort=200_000).effort_for(0.01) == 200_000


def test_slow_trainings_get_smaller_networks_before_they_get_too_few_epochs():
    slow = Cost(fixed=0.1, rate=1e-7, typical=10.0, least_effort=1_000_000)
    assert pace.first_rung(300, slow, 8)["epochs"] == 8
    assert pace.first_rung(30, slow, 100)["epochs"] < 100  # but some eight trainings there must be
    assert pace.first_rung(300, slow, 8)["cap_effort"] < pace.first_rung(3000, slow, 8)["cap_effort"]


def test_the_clock_goes_on_where_it_stopped():
    now = [5.0]
    clock = pace.PacingClock(100, 30, lambda: now[0])
    now[0] = 12.0
    assert (clock.elapsed, clock.left) == (37.0, 63.0)
    assert pace.PacingClock(None).left == float("inf")


def test_turns():
    assert pace.next_arm({"a": 2.0, "b": 1.0}, {"a": 1, "b": 9}, ["a", "b"]) == "b"
    assert pace.next_arm({"a": 1.0, "b": 1.0}, {"a": 2, "b": 1}, ["a", "b"]) == "b"
    assert pace.next_arm({"a": 0.0, "b": 0.0}, {"a": 0, "b": 0}, ["a", "b"]) == "a"
    assert pace.is_time_for_another(90, 100, [10, 10, 50])
    assert not pace.is_time_for_another(96, 100, [10, 10, 50])


def test_an_epoch_of_small_images_counts_for_as_many_large_ones():
    on_small = SimpleNamespace(size=(8, 8), seconds=6.0, epochs=3)
    assert pace.seconds_of_epoch(on_small, (16, 16)) == 8.0
    assert pace.seconds_of_epoch(SimpleNamespace(size=None, seconds=6.0, epochs=3), (16, 16)) == 2.0


def test_what_runs_counts_as_a_trial_of_middling_length():
    arms = Arms(["a", "b"], [], lambda trial: True)
    for seconds in (1.0, 4.0, 9.0):
        arms.add(SimpleNamespace(arm="b", seconds=seconds, rung=1))
    assert arms.spent("a") == 0.0
    for place in range(2):
        arms.begin(SimpleNamespace(key=(0, "a", place), arm="a", to_json=lambda: {"fingerprint": "x"}))
    assert (arms.spent("a"), arms.spent("b")) == (8.0, 0.0)


def test_the_same_epochs_are_no_new_proposal():
    done = {"fingerprint": "x", "epochs": 4, "size": None}
    found = [Proposal({}, epochs=epochs).is_done_by(done, "x") for epochs in (3, 4, 5)]
    assert found == [True, True, False]
