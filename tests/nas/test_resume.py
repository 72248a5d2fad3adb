"""kill -9 at any moment and the same search again: at the end the trials of an undisturbed search."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import textwrap
import time

import pytest

from convsmith.ledger.budget import Budget
from convsmith.nas.search import search
from convsmith.nas.spaces import space
from convsmith.nas.trial import Evaluation
from convsmith.runs import Run

PROGRAM = textwrap.dedent(
    """
    import json, sys, time, zlib
    from convsmith.ledger.budget import Budget
    from convsmith.nas.search import search
    from convsmith.nas.spaces import space
    from convsmith.nas.trial import Evaluation
    from convsmith.runs import Run

    def evaluate(graph, *, epochs, seed):
        time.sleep(0.01)
        if seed % 7 == 0:
            raise ValueError("unlucky seed")
        score = zlib.crc32(f"{graph.fingerprint} {epochs} {seed}".encode()) / 2**32
        return Evaluation(score, 0.001 * graph.macs / 1e6 + 0.01 * epochs)

    def latency_ms(graph):
        return 0.02 * len(graph) * (1 + zlib.crc32(graph.fingerprint.encode()) % 1000 / 2000)

    folder, limit = sys.argv[1], json.loads(sys.argv[2])
    run = Run.find(folder, key="k") or Run.create(folder, kind="search", recipe={}, key="k")
    search(space("stages", (8, 8, 1), 10), evaluate, run=run, latency_ms=latency_ms,
           budget=Budget(params=20_000, latency_ms=1.0), **limit)
    run.finish()
    """
)


def launch(folder, limit):
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(folder), json.dumps(limit)], stderr=subprocess.PIPE, text=True
    )


def trials_of(folder):
    return Run.open(folder / "0001").lines("trials.jsonl")


def count_lines(folder):
    file = folder / "0001" / "trials.jsonl"
    return file.read_bytes().count(b"\n") if file.exists() else 0


def settled(trials):
    """What must be equal: everything but the times."""
    return [{**trial, "seconds": 0, "at": 0} for trial in trials]


@pytest.mark.parametrize("seed", [0])
def test_killed_again_and_again(tmp_path, seed):
    limit = {"trials": 16, "epochs": [2, 4], "seed": seed}
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    calm = launch(whole, limit)
    assert calm.communicate()[1] == ""
    moments = random.Random(seed)
    kills = 0
    while True:
        child = launch(broken, limit)
        target = count_lines(broken) + moments.randint(2, 8)
        while child.poll() is None and count_lines(broken) < target:
            time.sleep(0.002)
        time.sleep(moments.uniform(0, 0.03))
        if child.poll() is None:
            os.kill(child.pid, signal.SIGKILL)
            kills += 1
        _, problem = child.communicate()
        assert problem == ""
        if Run.open(broken / "0001").finished:
            break
    assert kills >= 4
    assert os.listdir(broken) == ["0001"]
    assert Run.open(broken / "0001").finished
    assert settled(trials_of(broken)) == settled(trials_of(whole))


def run_search(run, *, calls=None, stop_after=None, **limit):
    done = []

    def evaluate(graph, *, epochs, seed):
        if stop_after is not None and len(done) == stop_after:
            raise KeyboardInterrupt
        done.append(graph)
        if calls is not None:
            calls.append(graph.fingerprint)
        return Evaluation(1 / (1 + graph.params % 101), 0.1 * epochs)

    return search(space("stages", (8, 8, 1), 10), evaluate, run=run, budget=Budget(params=20_000), **limit)


@pytest.mark.parametrize("stop_after", [0, 1, 5, 9, 15, 24])
def test_ctrl_c_anywhere_and_nothing_finished_is_trained_again(tmp_path, stop_after):
    limit = {"trials": 14, "epochs": (2, 4)}
    whole = run_search(None, **limit)
    run, calls = Run.create(tmp_path, kind="search", recipe={}), []
    with pytest.raises(KeyboardInterrupt):
        run_search(run, calls=calls, stop_after=stop_after, **limit)
    run.close()
    found = run_search(Run.resume(run.path), calls=calls, **limit)
    assert settled(map(dict, (t.to_json() for t in found.trials))) == settled(
        t.to_json() for t in whole.trials
    )
    assert len(calls) == len(found.trials)
    assert found.best.answers == whole.best.answers
    assert found.plan == whole.plan


def test_a_torn_last_line_is_one_trial_lost(tmp_path):
    run = Run.create(tmp_path, kind="search", recipe={})
    whole = run_search(run, trials=6)
    text = (run.path / "trials.jsonl").read_bytes()
    (run.path / "trials.jsonl").write_bytes(text[: len(text) - 40])
    calls: list[str] = []
    found = run_search(run, calls=calls, trials=6)
    assert len(calls) == 1
    assert [trial.fingerprint for trial in found.trials] == [trial.fingerprint for trial in whole.trials]
    assert len(run.lines("trials.jsonl")) == len(whole.trials)


def test_a_finished_search_is_read_not_run(tmp_path):
    run = Run.create(tmp_path, kind="search", recipe={})
    first = run_search(run, trials=6)
    calls: list[str] = []
    second = run_search(run, calls=calls, trials=6)
    assert calls == []
    assert second.best == first.best
    assert second.winners == first.winners


def test_with_a_clock_a_resumed_search_knows_the_time_already_used(tmp_path):
    time_now = [500.0]
    digits = space("stages", (8, 8, 1), 10)

    def evaluate(graph, *, epochs, seed):
        time_now[0] += 0.05 * epochs
        return Evaluation(1 / (1 + graph.params % 101), 0.05 * epochs)

    def interrupted(graph, *, epochs, seed):
        if len(run.lines("trials.jsonl")) == 9:
            raise KeyboardInterrupt
        return evaluate(graph, epochs=epochs, seed=seed)

    run = Run.create(tmp_path, kind="search", recipe={})
    settings = {"seconds": 20.0, "budget": Budget(params=20_000), "run": run, "now": lambda: time_now[0]}
    with pytest.raises(KeyboardInterrupt):
        search(digits, interrupted, **settings)
    used, decided = run.lines("trials.jsonl")[-1]["at"], run.read_json("plan.json")
    time_now[0] += 10_000  # nobody worked on it meanwhile
    found = search(digits, evaluate, **settings)
    assert used < found.seconds <= 20.0 * 1.1
    assert found.plan["first"] == decided["first"]
    assert found.trials[9].at == pytest.approx(used + found.trials[9].seconds)


def test_a_latency_once_measured_is_not_measured_again(tmp_path):
    measured: list[str] = []

    def latency_ms(graph):
        measured.append(graph.fingerprint)
        return 0.03 * len(graph)

    settings = {"budget": Budget(latency_ms=0.6), "latency_ms": latency_ms, "trials": 8}
    digits = space("stages", (8, 8, 1), 10)
    run = Run.create(tmp_path, kind="search", recipe={})

    def interrupted(graph, *, epochs, seed):
        if len(run.lines("trials.jsonl")) == 6:
            raise KeyboardInterrupt
        return Evaluation(0.5, 0.1)

    with pytest.raises(KeyboardInterrupt):
        search(digits, interrupted, run=run, **settings)
    before = len(measured)
    search(digits, lambda graph, *, epochs, seed: Evaluation(0.5, 0.1), run=run, **settings)
    assert len(measured) == len(set(measured)) > before
