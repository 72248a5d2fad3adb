from __future__ import annotations

import json

import numpy as np
import pytest

from convsmith.errors import BadInput
from convsmith.ledger.budget import Budget
from convsmith.nas.loop.arms import Arms
from convsmith.nas.loop.pace import PacingClock
from convsmith.nas.loop.store import Store, Trial
from convsmith.nas.loop.trainings import Trainings
from convsmith.nas.proposal import Proposal
from convsmith.nas.spaces import space
from convsmith.nas.trial import Evaluation, Seen, propose, random_numbers, run_trial
from convsmith.nas.workers.protocol import Pool
from convsmith.runs import Run
from convsmith.runs.files import to_json

DIGITS = space("stages", (8, 8, 1), 10)
ANSWERS = DIGITS.complete({})


def run(evaluate, budget=None, **settings):
    given = {
        "index": 3,
        "arm": "random",
        "arm_index": 2,
        "rung": 0,
        "epochs": 4,
        "seed": 0,
        "latency_ms": None,
    }
    return run_trial(
        DIGITS, ANSWERS, evaluate, budget=budget or Budget(), elapsed=lambda: 9.0, **{**given, **settings}
    )


def test_over_the_budget_is_recorded_and_not_trained():
    def never(graph, *, epochs, seed):
        raise AssertionError("trained")

    trial = run(never, Budget(params=100))
    assert (trial.status, trial.score, trial.seconds) == ("over_budget", None, 0.0)
    assert trial.error is not None
    assert trial.error.startswith("params ")
    slow = run(never, Budget(latency_ms=1.0), latency_ms=lambda graph: 2.5)
    assert (slow.status, slow.latency_ms) == ("over_budget", 2.5)


def test_a_trial_is_a_line_and_comes_back():
    trial = run(lambda graph, *, epochs, seed: Evaluation(0.75, 1.5, 0.4, {"train_loss": np.float32(0.25)}))
    graph = DIGITS.graph(ANSWERS)
    assert (trial.params, trial.macs, trial.bytes) == (graph.params, graph.macs, 4 * graph.params)
    assert (trial.score, trial.loss, trial.seconds, trial.at) == (0.75, 0.4, 1.5, 9.0)
    store_line = json.loads(json.dumps({**trial.to_json(), "more": {"train_loss": 0.25}}))
    assert Trial.from_json(store_line) == trial
    with pytest.raises(BadInput, match="a line that is no trial"):
        Trial.from_json({"index": 3})


def test_training_seeds_differ_by_place_and_not_by_time():
    seeds = []

    def note(graph, *, epochs, seed):
        seeds.append(seed)
        return Evaluation(0.5, 1.0)

    for arm, place, rung in [("random", 0, 0), ("random", 1, 0), ("evolution", 0, 0), ("random", 0, 1)]:
        run(note, arm=arm, arm_index=place, rung=rung)
    run(note, arm="random", arm_index=0, rung=0, index=77)
    assert len(set(seeds)) == 4
    assert seeds[0] == seeds[4]
    assert random_numbers(1, "a", 2).integers(10**9) == random_numbers(1, "a", 2).integers(10**9)


def test_ctrl_c_goes_through():
    def interrupted(graph, *, epochs, seed):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(interrupted)


def test_an_algorithm_that_repeats_itself_is_answered_by_samples():
    first = run(lambda graph, *, epochs, seed: Evaluation(0.5, 1.0))
    rng = np.random.default_rng(0)
    proposal = propose(DIGITS, lambda space, history, rng: ANSWERS, Seen([first]), rng, budget=Budget())
    assert proposal is not None
    assert DIGITS.graph(proposal.answers).fingerprint != first.fingerprint


def test_the_better_of_equal_scores_has_the_lower_loss_then_fewer_multiply_adds():
    def of(score, loss, macs, index):
        return Trial.from_json(
            {**first.to_json(), "score": score, "loss": loss, "macs": macs, "index": index}
        )

    first = run(lambda graph, *, epochs, seed: Evaluation(0.5, 1.0))
    ranked = [
        of(0.9, 0.5, 9, 4),
        of(0.8, 0.1, 9, 3),
        of(0.8, 0.2, 5, 2),
        of(0.8, 0.2, 6, 0),
        of(0.8, 0.2, 6, 1),
    ]
    ranked_again = [ranked[place] for place in (4, 2, 0, 3, 1)]
    ranked_again.sort(key=lambda trial: trial.rank)
    assert ranked_again == ranked


def test_what_the_run_holds_goes_before_a_plan_from_elsewhere(tmp_path):
    run_folder = Run.create(tmp_path, kind="search", recipe={})
    Store(run_folder).decide("shared", lambda: 5)
    store = Store(run_folder, {"shared": 7, "final": {"top": 1}, "latencies_ms": {"abc": 1.5}})
    assert store.decide("shared", lambda: 9) == 5
    assert store.decide("final", lambda: None) == {"top": 1}
    assert store.whole_plan()["latencies_ms"] == {"abc": 1.5}


@pytest.mark.parametrize("loss", [None, float("nan"), float("inf")])
def test_a_loss_that_json_cannot_keep_orders_trials_the_same_after_reading(loss):
    """Equal scores: the one with a known loss is the better, before and after they were written down."""
    settings = {
        "rung": 0, "arm": "auto", "epochs": 1, "seed": 0, "answers": {}, "fingerprint": "a", "status": "ok",
        "score": 0.5, "params": 1, "macs": 1, "bytes": 4, "memory": 4, "latency_ms": None, "seconds": 1.0,
        "at": 1.0, "error": None, "more": {},
    }  # fmt: skip
    unknown = Trial(index=0, arm_index=0, loss=loss, **settings)
    known = Trial(index=1, arm_index=1, loss=0.7, **settings)
    read = [Trial.from_json(json.loads(to_json(one.to_json()))) for one in (unknown, known)]
    for pair in ([unknown, known], read):
        assert [one.index for one in sorted(pair, key=lambda one: one.rank)] == [1, 0]


def test_a_seed_of_the_search_is_in_every_training():
    seeds = []

    def note(graph, *, epochs, seed):
        seeds.append(seed)
        return Evaluation(0.5, 1.0)

    for seed in range(4):
        run(note, seed=seed)
    assert len(set(seeds)) == 4
    drawn = {int(random_numbers(seed, "random", 3).integers(2**60)) for seed in range(4)}
    assert len(drawn) == 4


class Nobody(Pool):
    """Workers who are given tasks and do none."""

    is_alone = True
    slots = 4

    def __init__(self):
        self.given = []

    def submit(self, task):
        self.given.append(task)

    def wait(self):
        raise AssertionError("nothing is under way")


@pytest.mark.parametrize(
    ("budget", "proposal", "is_kept"),
    [
        (Budget(params=100), Proposal(ANSWERS), False),
        (Budget(params=100), Proposal(ANSWERS, size=(16, 16)), False),
        (Budget(), Proposal(ANSWERS, size=(16, 16)), True),
        (Budget(macs=DIGITS.graph(ANSWERS).macs), Proposal(ANSWERS), True),
        (Budget(macs=DIGITS.graph(ANSWERS).macs), Proposal(ANSWERS, size=(16, 16)), False),
        (Budget(memory=2_000_000, macs=DIGITS.graph(ANSWERS).macs), Proposal(ANSWERS, size=(8, 16)), False),
    ],
)
def test_what_a_budget_refuses_is_given_to_nobody(budget, proposal, is_kept):
    """At the proposal's own size of images, too."""
    pool, store = Nobody(), Store(None, None)
    arms = Arms(["random"], store.trials, lambda trial: True)
    trainings = Trainings(
        DIGITS, pool, arms, store, budget=budget, seed=0, latency_ms=None, stop=None,
        progress=lambda event: None, clock=PacingClock(None),
    )  # fmt: skip
    trainings.begin("random", 0, 0, 4, proposal)
    assert len(pool.given) == len(trainings.running) == is_kept
    assert [trial.status for trial in store.trials] == [] if is_kept else ["over_budget"]
    for task in pool.given:
        assert task.graph.input_shape[:2] == (proposal.size or (8, 8))
        assert budget.check(task.graph).kept
