from __future__ import annotations

import json
import math

import numpy as np
import pytest

from convsmith.errors import BadInput, BadName, ConvsmithError
from convsmith.graph import notation as keras
from convsmith.ledger.budget import Budget
from convsmith.nas.budget.fitting import Infeasible
from convsmith.nas.choose import Space
from convsmith.nas.search import search
from convsmith.nas.spaces import space
from convsmith.nas.trial import Evaluation
from convsmith.runs import CannotWrite, Run

DIGITS = space("stages", (8, 8, 1), 10)
BUDGET = Budget(params=20_000)


def score_of(graph, epochs, seed):
    """Smooth in the architecture, a little noise from the seed: what a search meets in real life."""
    quality = 1 - 0.02 * abs(len(graph) - 25) - 0.1 * abs(math.log(graph.params / 15_000))
    noise = np.random.default_rng(seed).normal(0, 0.003)
    return float(np.clip(quality * (1 - 0.5 ** (epochs / 3)) + noise, 0, 1))


def cost_of(graph, epochs):
    return epochs * (0.02 + graph.macs / 2e7)


def train(graph, *, epochs, seed):
    return Evaluation(score_of(graph, epochs, seed), cost_of(graph, epochs), loss=0.5)


class FakeClock:
    """A clock that only training moves, so that tests with a clock are exact."""

    def __init__(self):
        self.time = 1000.0
        self.calls = []

    def now(self):
        return self.time

    def evaluate(self, graph, *, epochs, seed):
        self.calls.append((graph, epochs))
        result = train(graph, epochs=epochs, seed=seed)
        self.time += result.seconds
        return result


def timeless(trials):
    return [{**trial.to_json(), "seconds": 0, "at": 0} for trial in trials]


@pytest.mark.parametrize(("trials", "shared"), [(3, 2), (8, 6), (12, 8)])
def test_of_few_trials_some_are_the_algorithms_own(trials, shared):
    found = search(DIGITS, train, budget=Budget(params=20_000), trials=trials)
    arms = [trial.arm for trial in found.trials if trial.rung == 0]
    assert [arms.count(arm) for arm in ("shared", "auto", "random")] == [
        shared, trials - shared, trials - shared
    ]  # fmt: skip


def test_two_arms_over_a_shared_beginning_and_the_largest():
    found = search(
        DIGITS, train, budget=BUDGET, algorithm="evolution", trials=14, epochs=(3, 9), top=2,
        options={"population": 8},
    )  # fmt: skip
    short = [trial.arm for trial in found.trials if trial.rung == 0]
    assert short == ["largest", *["shared"] * 8, *["evolution", "random"] * 6]
    longer = [trial for trial in found.trials if trial.rung == 1]
    assert 3 <= len(longer) <= 5
    assert {trial.epochs for trial in longer} == {9}
    assert set(found.winners) == {"evolution", "random", "largest"}
    assert all(winner.rung == 1 for winner in found.winners.values())
    assert found.best.score == max(trial.score for trial in longer)
    assert found.graph.fingerprint == found.best.fingerprint
    for arm in ("evolution", "random"):
        chosen = [trial for trial in found.trials if trial.rung == 0 and trial.arm in ("shared", arm)]
        best_two = sorted(chosen, key=lambda trial: -trial.score)[:2]
        assert {trial.fingerprint for trial in best_two} <= {trial.fingerprint for trial in longer}


@pytest.mark.parametrize("algorithm", ["random", "evolution"])
@pytest.mark.parametrize(
    "budget",
    [
        Budget(params=20_000),
        Budget(params=1_000, macs=30_000),
        Budget(bytes=40_000, memory=20_000),
        Budget(params=5_000, latency_ms=0.5),
    ],
)
def test_nothing_over_the_budget_is_ever_trained(algorithm, budget):
    seen = []

    def latency_ms(graph):
        return 0.02 * len(graph) + graph.macs / 5e6

    def spy(graph, *, epochs, seed):
        seen.append(graph)
        return train(graph, epochs=epochs, seed=seed)

    found = search(DIGITS, spy, budget=budget, algorithm=algorithm, trials=15, latency_ms=latency_ms)
    clock = FakeClock()
    search(
        DIGITS,
        clock.evaluate,
        budget=budget,
        algorithm=algorithm,
        seconds=8,
        latency_ms=latency_ms,
        now=clock.now,
    )
    seen += [graph for graph, _ in clock.calls]
    assert len(seen) > 25
    for graph in seen:
        assert graph.params <= (budget.params or math.inf)
        assert graph.macs <= (budget.macs or math.inf)
        assert graph.params * 4 <= (budget.bytes or math.inf)
        assert latency_ms(graph) <= (budget.latency_ms or math.inf)
        assert budget.check(graph, latency_ms).kept
    assert all(trial.status == "ok" for trial in found.trials)


def test_an_algorithm_that_ignores_the_budget_is_repaired(monkeypatch):
    from convsmith.nas.algorithms import ALGORITHMS

    def huge(space, history, rng):
        return Space(space.function, space.input_shape, space.classes).complete({"width": 64, "depth_0": 3})

    monkeypatch.setitem(ALGORITHMS._things, "huge", huge)
    assert DIGITS.graph(DIGITS.complete({"width": 64, "depth_0": 3})).params > 20_000
    found = search(DIGITS, train, budget=BUDGET, algorithm="huge", trials=4)
    assert [trial.arm for trial in found.trials].count("huge") >= 4
    assert all(trial.params <= 20_000 for trial in found.trials)


@pytest.mark.parametrize("algorithm", ["random", "evolution"])
def test_no_network_is_trained_twice_in_an_arm(algorithm):
    def tiny(choose, input_shape, classes):
        x = inputs = keras.Input(input_shape)
        x = keras.layers.Conv2D(choose("width", (2, 3, 4, 5)), choose("kernel", (1, 3)))(x)
        choose("says nothing", ("a", "b", "c"))
        x = keras.layers.GlobalAveragePooling2D()(x)
        return keras.Model(inputs, keras.layers.Dense(classes, activation="softmax")(x))

    found = search(Space(tiny, (8, 8, 1), 2), train, algorithm=algorithm, trials=30)
    for arm in ("evolution", "random"):
        prints = [
            trial.fingerprint for trial in found.trials if trial.rung == 0 and trial.arm in ("shared", arm)
        ]
        assert len(prints) == len(set(prints)) <= 8
    assert found.best.score == max(trial.score for trial in found.trials if trial.rung == 1)


def test_the_same_seed_gives_the_same_search_and_another_seed_another():
    first, second, other = (search(DIGITS, train, budget=BUDGET, trials=12, seed=seed) for seed in (1, 1, 2))
    assert timeless(first.trials) == timeless(second.trials)
    assert timeless(first.trials) != timeless(other.trials)


def test_the_order_of_arms_does_not_change_their_trials():
    """The random arm proposes the same, whatever else runs beside it."""
    with_evolution = search(DIGITS, train, budget=BUDGET, trials=12, algorithm="evolution")
    without = search(DIGITS, train, budget=BUDGET, trials=12, algorithm="evolution", options={"sample": 2})
    assert [t.answers for t in with_evolution.trials if t.arm == "random" and t.rung == 0] == [
        t.answers for t in without.trials if t.arm == "random" and t.rung == 0
    ]


def test_arms_get_equal_training_seconds():
    clock = FakeClock()
    found = search(DIGITS, clock.evaluate, budget=BUDGET, algorithm="evolution", seconds=60, now=clock.now)
    used = found.training_seconds
    longest = max(trial.seconds for trial in found.trials if trial.rung == 0)
    assert abs(used["evolution"] - used["random"]) <= longest
    assert 0.8 * 60 <= found.seconds <= 1.1 * 60
    assert len(found.trials) > 20
    assert (
        found.winners["evolution"].epochs == found.winners["random"].epochs == found.winners["largest"].epochs
    )


@pytest.mark.parametrize("speed", [0.2, 1.0, 20.0, 60.0])
def test_the_clock_is_kept_whether_training_is_fast_or_slow(speed):
    clock = FakeClock()

    def evaluate(graph, *, epochs, seed):
        clock.time += (speed - 1) * cost_of(graph, epochs)
        result = clock.evaluate(graph, epochs=epochs, seed=seed)
        return Evaluation(result.score, result.seconds * speed)

    found = search(
        space("stages", (28, 28, 1), 10), evaluate, budget=Budget(params=50_000), algorithm="evolution",
        seconds=120, now=clock.now,
    )  # fmt: skip
    # A training begins where a middling one would end nearer to the limit than not beginning it.
    times = sorted(trial.seconds for trial in found.trials if trial.rung == 0)
    assert found.seconds <= 120 + max(0.1 * 120, times[-1] - times[len(times) // 2] / 2)
    assert set(found.winners) == {"evolution", "random", "largest"}
    assert len({winner.epochs for winner in found.winners.values()}) == 1


@pytest.mark.parametrize("baselines", [False, True])
def test_time_that_compares_nothing_goes_to_more_networks(baselines):
    """A longer training of the best one alone, whose score no other one has to beat, would say nothing."""
    clock = FakeClock()

    def evaluate(graph, *, epochs, seed):
        clock.time += 7
        return Evaluation(graph.params / 1e6, 7.0)

    found = search(
        DIGITS, evaluate, budget=BUDGET, seconds=100, now=clock.now, baselines=baselines,
        algorithm="random",
    )  # fmt: skip
    longer = [trial for trial in found.trials if trial.rung == 1]
    assert len(longer) == (2 if baselines else 0)  # the best by chance has to beat the largest
    assert found.plan["final"]["top"] == (1 if baselines else 0)
    assert (70 if baselines else 85) <= found.seconds <= 100
    assert found.best.score == max(trial.score for trial in found.trials)


def test_a_plan_repeats_what_the_clock_decided():
    clock = FakeClock()
    found = search(DIGITS, clock.evaluate, budget=BUDGET, seconds=40, now=clock.now, seed=3)
    plan = json.loads(json.dumps(found.plan))
    slow = FakeClock()

    def ten_times_slower(graph, *, epochs, seed):
        slow.time += 10 * cost_of(graph, epochs)
        return slow.evaluate(graph, epochs=epochs, seed=seed)

    again = search(DIGITS, ten_times_slower, budget=BUDGET, seconds=40, now=slow.now, seed=3, plan=plan)
    assert timeless(again.trials) == timeless(found.trials)
    assert again.best.answers == found.best.answers
    with pytest.raises(BadInput, match="plan: is of a search with seed 3"):
        search(DIGITS, train, budget=BUDGET, seconds=40, seed=4, plan=plan)


def test_a_plan_repeats_measured_latencies_too():
    noise = np.random.default_rng(0)

    def latency_ms(graph):
        return 0.02 * len(graph) * noise.uniform(0.7, 1.4)

    budget = Budget(latency_ms=0.4)
    found = search(DIGITS, train, budget=budget, trials=10, latency_ms=latency_ms)
    again = search(DIGITS, train, budget=budget, trials=10, latency_ms=latency_ms, plan=found.plan)
    assert timeless(again.trials) == timeless(found.trials)
    assert all(trial.latency_ms <= 0.4 for trial in found.trials)


def test_failed_trials_are_records_and_the_search_goes_on(tmp_path):
    calls = []

    def fragile(graph, *, epochs, seed):
        calls.append(graph)
        if len(calls) % 3 == 0:
            raise MemoryError("out of memory")
        if len(calls) % 5 == 0:
            return Evaluation(float("nan"), 0.1)
        return train(graph, epochs=epochs, seed=seed)

    with Run.create(tmp_path, kind="search", recipe={}) as run:
        found = search(DIGITS, fragile, budget=BUDGET, trials=14, run=run)
        lines = run.lines("trials.jsonl")
    failed = [line for line in lines if line["status"] == "failed"]
    assert len(failed) >= 5
    assert any(
        "MemoryError: out of memory" in line["error"] and "Traceback" in line["error"] for line in failed
    )
    assert any(line["error"] == "the score is nan" for line in failed)
    assert all(line["score"] is None for line in failed)
    assert found.best.status == "ok"


@pytest.mark.parametrize("limit", [{"trials": 6}, {"trials": 100}, {"seconds": 10.0}])
def test_when_nothing_works_the_search_ends_and_says_why(limit):
    def broken(graph, *, epochs, seed):
        raise RuntimeError("no such device")

    with pytest.raises(
        ConvsmithError, match=r"none of .* trials worked; the first: RuntimeError: no such device"
    ):
        search(DIGITS, broken, budget=BUDGET, **limit)


def test_a_full_disk_ends_the_search():
    def full(graph, *, epochs, seed):
        raise CannotWrite("weights", "cannot be written: the disk is full")

    with pytest.raises(CannotWrite, match="disk is full"):
        search(DIGITS, full, budget=BUDGET, trials=4)


def test_an_impossible_budget_is_said_before_training():
    def never(graph, *, epochs, seed):
        raise AssertionError("trained")

    with pytest.raises(Infeasible, match=r"no network keeps params 10.*at least params \d+.*smallest"):
        search(DIGITS, never, budget=Budget(params=10), trials=4)


def test_bad_settings():
    for settings, text in [
        ({}, "neither seconds nor trials"),
        ({"seconds": 0}, "search seconds: got 0; expected more than 0"),
        ({"trials": 0}, "search trials: got 0; expected at least 1"),
        ({"trials": 1, "epochs": (0, 3)}, "search epochs"),
        ({"trials": 3, "options": {"popluation": 3}}, "did you mean 'population'"),
        ({"trials": 3, "algorithm": "evolutoin"}, "did you mean 'evolution'"),
        ({"trials": 3, "budget": Budget(latency_ms=1)}, "nothing here measures latency"),
    ]:
        with pytest.raises(BadInput, match=text):
            search(DIGITS, train, **settings)
    with pytest.raises(BadName, match="space: no 'stage'; did you mean 'stages'"):
        space("stage", (8, 8, 1), 10)


def test_auto_beats_random_search_on_a_smooth_landscape():
    """On average over seeds, at equal numbers of trials; the score's noise is 0.3%."""
    wins = []
    for seed in range(4):
        found = search(
            DIGITS, train, budget=Budget(params=60_000), algorithm="auto", trials=24, seed=seed,
            epochs=(3, 3), top=1,
        )  # fmt: skip
        best = {
            arm: max(t.score for t in found.trials if t.rung == 0 and t.arm in ("shared", arm))
            for arm in ("auto", "random")
        }
        wins.append(best["auto"] - best["random"])
    assert np.mean(wins) > 0


def test_progress_tells_each_step():
    events = []
    search(DIGITS, train, budget=BUDGET, trials=3, progress=events.append)
    names = [event["event"] for event in events]
    assert names[:2] == ["feasible", "pace"]
    assert names[-1] == "end"
    assert names.count("trial") == names.count("trial_begins") > 4


@pytest.mark.parametrize(
    ("algorithm", "options", "says"),
    [
        ("nsga2", {"goals": "foo"}, "foo"),
        ("hyperband", {"base": "nonsense"}, "nonsense"),
        ("screened", {"base": "nonsense"}, "nonsense"),
        ("screened", {"proxy": "foo"}, "foo"),
        ("auto", {"population": 0}, "population: got 0"),
        ("evolution", {"sample": 0}, "sample: got 0"),
    ],
)
def test_settings_that_mean_nothing_are_said_before_anything_is_trained(algorithm, options, says):
    def never(graph, *, epochs, seed):
        raise AssertionError("trained")

    with pytest.raises(BadInput, match=says):
        search(DIGITS, never, budget=Budget(params=20_000), algorithm=algorithm, options=options, trials=30)


def test_what_was_trained_to_learn_the_pace_is_recorded_and_keeps_the_budget():
    clock, begun = FakeClock(), []

    def progress(event):
        if event["event"] == "pace":
            begun.extend(clock.calls)

    found = search(DIGITS, clock.evaluate, budget=BUDGET, seconds=60, now=clock.now, progress=progress)
    probes = found.plan["first"]["probes"]
    assert [one["fingerprint"] for one in probes] == [graph.fingerprint for graph, _ in begun]
    assert [one["params"] for one in probes] == [graph.params for graph, _ in begun]
    assert [one["seconds"] for one in probes] == [cost_of(graph, epochs) for graph, epochs in begun]
    assert 1 <= len(probes) <= 3
    assert all(one["params"] <= 20_000 for one in probes)
