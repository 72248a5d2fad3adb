"""What the driver does with proposals, learning curves, several workers and earlier searches."""

from __future__ import annotations

import json
import zlib
from collections import deque

import pytest

from convsmith.ledger.budget import Budget
from convsmith.nas.algorithms import ALGORITHMS
from convsmith.nas.loop.search_result import Warm
from convsmith.nas.loop.store import Store
from convsmith.nas.proposal import Proposal
from convsmith.nas.search import search
from convsmith.nas.spaces import space
from convsmith.nas.workers.protocol import Evaluation, Here, Outcome, Pool, Task, perform
from convsmith.runs import Run

DIGITS = space("stages", (8, 8, 1), 10)
BUDGET = Budget(params=20_000)


def train(graph, *, epochs, seed):
    score = zlib.crc32(f"{graph.fingerprint} {epochs} {seed}".encode()) / 2**32
    return Evaluation(score, 0.01 * epochs)


class LastFirst(Pool):
    """Three workers, of which the one that began last is done first."""

    def __init__(self, evaluate=train) -> None:
        self._evaluate, self.running, self.most = evaluate, deque(), 0

    @property
    def slots(self) -> int:
        return 3

    def submit(self, task: Task) -> None:
        self.running.append(task)
        self.most = max(self.most, len(self.running))

    def wait(self) -> Outcome:
        return perform(self._evaluate, self.running.pop())


def add(monkeypatch, name, method):
    monkeypatch.setitem(ALGORITHMS._things, name, method)


def test_a_proposal_says_how_long_and_on_how_large_images(monkeypatch):
    trained = []

    def small_then_large(space, history, rng):
        first = [trial for trial in history if trial["size"] is not None]
        if len(first) <= len(history) - len(first):
            return Proposal(space.sample(rng), epochs=2, size=(4, 4))
        best = max(first, key=lambda trial: trial["score"])
        return Proposal(best["answers"], epochs=5 + len(history))

    def spy(graph, *, epochs, seed):
        trained.append((tuple(graph.input_shape), epochs))
        return train(graph, epochs=epochs, seed=seed)

    add(monkeypatch, "small_then_large", small_then_large)
    found = search(
        DIGITS, spy, budget=BUDGET, algorithm="small_then_large", baselines=False, trials=6, epochs=(3, 9)
    )
    short = [trial for trial in found.trials if trial.rung == 0]
    assert [(trial.size, trial.epochs) for trial in short] == [
        ([4, 4], 2), (None, 6), ([4, 4], 2), (None, 8), ([4, 4], 2), (None, 10),
    ]  # fmt: skip
    assert trained[:2] == [((4, 4, 1), 2), ((8, 8, 1), 6)]
    assert all((trial.size, trial.epochs) == (None, 9) for trial in found.trials if trial.rung == 1)
    assert json.loads(json.dumps(short[0].to_json()))["size"] == [4, 4]


def test_algorithms_see_what_is_running_and_what_failed(monkeypatch):
    seen = []

    def note(space, history, rng):
        seen.append([(trial["status"], trial["score"] is None) for trial in history])
        return space.sample(rng)

    def fragile(graph, *, epochs, seed):
        if seed % 3 == 0:
            raise MemoryError("out of memory")
        return train(graph, epochs=epochs, seed=seed)

    add(monkeypatch, "note", note)
    pool = LastFirst(fragile)
    search(DIGITS, pool, budget=BUDGET, algorithm="note", baselines=False, trials=12, epochs=(2, 4))
    assert pool.most == 3
    assert [len(history) for history in seen] == list(range(12))
    assert all(sum(status == "running" for status, _ in history) <= 2 for history in seen)
    assert seen[-1][-1] == ("running", True)
    assert ("failed", True) in seen[-1]


def test_a_learning_curve_ends_a_short_training_and_no_long_one():
    def evaluate(graph, *, epochs, seed, on_epoch=None):
        score = 0.0
        for epoch in range(1, epochs + 1):
            score = 0.1 * epoch if seed % 2 else 0.3 - 0.1 * epoch
            if on_epoch is not None and on_epoch(score):
                break
        return Evaluation(score, 0.1 * epoch)

    asked = []

    def stop(curve, epochs, history):
        asked.append([trial["curve"] for trial in history])
        return len(curve) == 2 and curve[1] < curve[0]

    found = search(DIGITS, evaluate, budget=BUDGET, trials=8, epochs=(4, 6), stop=stop, baselines=False)
    short = [trial for trial in found.trials if trial.rung == 0]
    ended = [trial for trial in short if trial.epochs == 2]
    assert ended
    assert all(trial.curve == pytest.approx([0.2, 0.1]) for trial in ended)
    assert all(trial.more == {"epochs_asked": 4} and trial.status == "ok" for trial in ended)
    assert all(len(trial.curve) == trial.epochs == 4 for trial in short if trial not in ended)
    assert all((trial.epochs, trial.curve) == (6, []) for trial in found.trials if trial.rung == 1)
    assert [list(trial.curve) for trial in short[:-1]] == asked[-1]


@pytest.mark.parametrize("stop_after", [2, 7, 13])
def test_several_workers_interrupted_finish_the_same_trials(tmp_path, stop_after):
    limit = {"budget": BUDGET, "algorithm": "random", "trials": 12, "epochs": (2, 4), "top": 2}
    whole = search(DIGITS, LastFirst(), **limit)
    run = Run.create(tmp_path, kind="search", recipe={})
    calls = []

    def broken(graph, *, epochs, seed):
        calls.append(seed)
        if len(calls) == stop_after:
            raise KeyboardInterrupt
        return train(graph, epochs=epochs, seed=seed)

    with pytest.raises(KeyboardInterrupt):
        search(DIGITS, LastFirst(broken), run=run, **limit)
    kept = run.lines("trials.jsonl")
    running = [line for line in run.lines("proposed.jsonl") if line["rung"] == 0]
    found = search(DIGITS, LastFirst(), run=run, **limit)
    assert [trial.to_json() for trial in found.trials[: len(kept)]] == [{**line} for line in kept]
    assert {(t.key, t.score) for t in found.trials} == {(t.key, t.score) for t in whole.trials}
    done = {(trial.arm, trial.arm_index): trial.answers for trial in found.trials if trial.rung == 0}
    assert all(done[line["arm"], line["arm_index"]] == line["answers"] for line in running)
    one = search(DIGITS, Here(train), **limit)
    assert {(t.key, t.score) for t in one.trials} == {(t.key, t.score) for t in whole.trials}


def test_workers_that_become_more_leave_no_trial_out_when_everything_ends(tmp_path):
    """The first training is alone, the second is begun beside it, and then everything ends."""

    class Growing(LastFirst):
        slots = 1

        def submit(self, task):
            if len(self.running) == self.slots:
                raise KeyboardInterrupt
            super().submit(task)
            self.slots = 2

        def wait(self):
            if not self.finishing:
                raise KeyboardInterrupt
            return super().wait()

        finishing = False

    limit = {"budget": BUDGET, "algorithm": "random", "trials": 6, "epochs": (2, 4), "top": 2}
    run = Run.create(tmp_path, kind="search", recipe={})
    with pytest.raises(KeyboardInterrupt):
        search(DIGITS, Growing(), run=run, **limit)
    assert len(run.lines("proposed.jsonl")) == 2
    found, whole = search(DIGITS, LastFirst(), run=run, **limit), search(DIGITS, Here(train), **limit)
    assert sorted(t.key for t in found.trials) == sorted(t.key for t in whole.trials)


def test_a_warm_start_that_was_interrupted_takes_the_rest(tmp_path, monkeypatch):
    limit = {"algorithm": "evolution", "epochs": (2, 4), "top": 2, "budget": BUDGET}
    first = search(DIGITS, train, trials=8, **limit)
    warm = Warm(tuple(sorted((t for t in first.trials if t.status == "ok"), key=lambda t: t.rank)), True)
    whole = search(DIGITS, train, trials=6, seed=1, warm=warm, **limit)
    run, add_trial = Run.create(tmp_path, kind="search", recipe={}), Store.add

    def killed(self, trial):
        if len(self.trials) == 3:
            raise KeyboardInterrupt
        add_trial(self, trial)

    monkeypatch.setattr(Store, "add", killed)
    with pytest.raises(KeyboardInterrupt):
        search(DIGITS, train, trials=6, seed=1, warm=warm, run=run, **limit)
    monkeypatch.setattr(Store, "add", add_trial)
    found = search(DIGITS, train, trials=6, seed=1, warm=warm, run=run, **limit)
    assert sum(trial.arm == "earlier" for trial in found.trials) > 3
    assert [(t.key, t.score) for t in found.trials] == [(t.key, t.score) for t in whole.trials]


def test_scores_of_the_same_images_count_in_a_warm_start():
    limit = {"algorithm": "evolution", "epochs": (2, 4), "top": 2}
    first = search(DIGITS, train, budget=BUDGET, trials=12, **limit)
    ranked = sorted((t for t in first.trials if t.status == "ok"), key=lambda t: (-t.rung, t.rank))
    trained = []

    def spy(graph, *, epochs, seed):
        trained.append((graph.fingerprint, epochs))
        return Evaluation(0.1 * train(graph, epochs=epochs, seed=seed).score, 0.1)  # worse than all before

    second = search(DIGITS, spy, budget=BUDGET, trials=10, seed=1, warm=Warm(tuple(ranked), True), **limit)
    earlier = [trial for trial in second.trials if trial.arm == "earlier"]
    assert sum(trial.rung == 0 for trial in earlier) == sum(trial.rung == 0 for trial in first.trials)
    own = {trial.fingerprint for trial in second.trials if trial.arm == "evolution" and trial.rung == 0}
    assert not own & {trial.fingerprint for trial in earlier}
    best = sorted((trial for trial in earlier if trial.rung == 0), key=lambda trial: trial.rank)[:2]
    assert {(trial.fingerprint, 4) for trial in best} <= set(trained)  # without a short training
    assert not any(trial.arm == "earlier" for trial in search(
        DIGITS, train, budget=BUDGET, trials=4, seed=1, algorithm="random", epochs=(3, 4),
        warm=Warm(tuple(ranked), True),
    ).trials)  # fmt: skip


def test_other_images_only_say_what_to_try_first():
    limit = {"algorithm": "evolution", "trials": 14, "epochs": (2, 4)}
    larger = space("stages", (16, 16, 3), 4)
    first = search(larger, train, budget=Budget(params=60_000), **limit)
    ranked = sorted((t for t in first.trials if t.status == "ok"), key=lambda t: (-t.rung, t.rank))
    found = search(DIGITS, train, budget=BUDGET, warm=Warm(tuple(ranked), False), **limit)
    own = [trial for trial in found.trials if trial.arm == "evolution" and trial.rung == 0][:3]
    for trial, before in zip(own, ranked[:3], strict=True):
        assert trial.params <= 20_000
        kept = sum(trial.answers.get(name) == answer for name, answer in before.answers.items())
        assert kept >= len(before.answers) / 2
    assert not any(trial.arm == "earlier" for trial in found.trials)
