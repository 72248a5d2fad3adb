"""More minutes and other budgets on a run: what is kept, what counts, what is done again."""

from __future__ import annotations

import zlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from convsmith.errors import BadInput
from convsmith.jobs.options.target import LIMITED
from convsmith.jobs.running.clock import FILE as CLOCK
from convsmith.jobs.running.reopen import LEAST, SEARCH_SHARE, reopen
from convsmith.jobs.steps.full import Pace
from convsmith.ledger.budget import Budget
from convsmith.nas.loop.pace import FIRST_SHARE
from convsmith.nas.loop.search_result import Found
from convsmith.nas.search import search
from convsmith.nas.spaces import space
from convsmith.nas.workers.protocol import Evaluation
from convsmith.runs import Run

DIGITS = space("stages", (8, 8, 1), 10)
NO_LIMITS = dict.fromkeys(LIMITED)


class Worker:
    """Trains nothing: a clock that only trainings move, and who was trained."""

    def __init__(self) -> None:
        self.time, self.trained = 0.0, list[int]()

    def __call__(self, graph: Any, *, epochs: int, seed: int) -> Evaluation:
        self.trained.append(graph.params)
        self.time += 0.2 * epochs
        score = zlib.crc32(f"{graph.fingerprint} {seed}".encode()) / 2**32
        return Evaluation(score * (1 - 0.5**epochs), 0.2 * epochs)


def begin(folder: Path, **recipe: Any) -> Path:
    asked = {**NO_LIMITS, "minutes": None, "trials": None, **recipe}
    with Run.create(folder, kind="forge", recipe=asked) as run:
        run.write_json("data.json", {"fingerprint": "images"})
        return run.path


def go_on(path: Path, worker: Worker, *, seconds: float | None = None, trials: int | None = None) -> Found:
    """The search of the run as it stands, finished."""
    with Run.resume(path) as run:
        limits = {name: run.read_json("recipe.json")[option] for option, name in LIMITED.items()}
        if run.has("times.json"):
            seconds = run.read_json("times.json")["search"]
        found = search(
            DIGITS, worker, budget=Budget(**limits), algorithm="evolution", seconds=seconds, trials=trials,
            epochs=(2, 6), run=run, now=lambda: worker.time,
        )  # fmt: skip
        run.write_json(CLOCK, {"seconds": found.seconds})
        run.finish()
    return found


def test_more_minutes_go_on_where_the_search_ended(tmp_path):
    path, worker = begin(tmp_path, max_params=9_000, minutes=0.5), Worker()
    first = go_on(path, worker, seconds=15.0)
    before = [trial.to_json() for trial in first.trials]
    reopen(str(path), trials=None, minutes=1.0, limits=NO_LIMITS)
    assert Run.open(path).read_json("recipe.json")["minutes"] == 1.5
    until = Run.open(path).read_json("times.json")["search"]
    assert until == pytest.approx(first.trials[-1].at + SEARCH_SHARE * (90 - first.seconds))
    second = go_on(path, worker)
    after = [trial.to_json() for trial in second.trials]
    assert after[: len(before)] == before
    short = [trial for trial in second.trials[len(before) :] if trial.rung == 0]
    assert len(short) > 10
    assert {trial.arm for trial in short} == {"evolution", "random"}  # neither beginning nor largest again
    known = {trial.fingerprint for trial in first.trials if trial.arm in ("evolution", "shared")}
    assert not known & {trial.fingerprint for trial in short if trial.arm == "evolution"}
    at = [trial.at for trial in second.trials]
    assert at == sorted(at)
    since = first.trials[-1].at
    assert short[-1].at == pytest.approx(since + FIRST_SHARE * (until - since), abs=0.5)
    assert second.seconds <= until
    assert second.best.score >= first.best.score


def test_fewer_minutes_bring_a_search_to_its_end(tmp_path):
    path = begin(tmp_path, max_params=9_000, minutes=60.0)
    with Run.resume(path) as run:
        run.write_json(CLOCK, {"seconds": 600.0})
    reopen(str(path), trials=None, minutes=-49.0, limits=NO_LIMITS)
    assert Run.open(path).read_json("recipe.json")["minutes"] == 11.0
    reopen(str(path), trials=None, minutes=-100.0, limits=NO_LIMITS)
    assert Run.open(path).read_json("recipe.json")["minutes"] == 10.0 + LEAST
    with Run.resume(path) as run:
        run.finish()
    for minutes in (-1.0, 0.0):
        with pytest.raises(BadInput, match=f"got {minutes:g}"):
            reopen(str(path), trials=None, minutes=minutes, limits=NO_LIMITS)


def test_a_tighter_budget_returns_nothing_that_is_over_it_and_a_looser_one_all_again(tmp_path):
    path, worker = begin(tmp_path, max_params=9_000, trials=12), Worker()
    first = go_on(path, worker, trials=12)
    assert max(trial.params for trial in first.trials if trial.arm == "evolution") > 5_000
    reopen(str(path), trials=6, minutes=None, limits={**NO_LIMITS, "max_params": 5_000})
    count = len(worker.trained)
    tight = go_on(path, worker, trials=18)
    assert max(worker.trained[count:]) <= 5_000
    assert tight.best.params <= 5_000
    assert all(trial.params <= 5_000 for trial in tight.winners.values())
    assert len(tight.trials) > len(first.trials)  # those over it stay in the record
    reopen(str(path), trials=6, minutes=None, limits={**NO_LIMITS, "max_params": 30_000})
    count = len(worker.trained)
    loose = go_on(path, worker, trials=24)
    assert max(worker.trained[count:]) > 9_000
    new = [trial for trial in loose.trials[len(tight.trials) :] if trial.rung == 0]
    assert sorted(trial.arm for trial in new) == ["evolution"] * 6 + ["largest"] + ["random"] * 6
    longest = max(trial.score for trial in loose.trials if trial.rung == 1 and trial.epochs == 6)
    assert loose.best.score == longest  # of three budgets, all of which keep the last one
    assert loose.winners["largest"].params == max(t.params for t in loose.trials if t.arm == "largest")


def test_a_budget_that_no_trial_keeps_wants_more_of_them(tmp_path):
    path = begin(tmp_path, max_params=9_000, trials=4)
    go_on(path, Worker(), trials=4)
    plan = (path / "plan.json").read_bytes()
    tight = {**NO_LIMITS, "max_params": 300}
    with pytest.raises(BadInput, match=r"none of \d+ trials .* keeps it; .*--more-trials 10"):
        reopen(str(path), trials=None, minutes=None, limits=tight)
    assert (path / "plan.json").read_bytes() == plan
    assert Run.open(path).finished
    reopen(str(path), trials=2, minutes=None, limits=tight)
    assert not Run.open(path).finished


@pytest.mark.parametrize(("seconds", "epochs"), [(8.0, 16), (0.5, 1), (2.0, 4)])
def test_a_training_planned_for_one_epoch_goes_on_where_there_is_time(tmp_path, seconds, epochs):
    """A short training of a second or two is mostly its beginning; an estimate from it is far too long."""
    run = Run.create(tmp_path, kind="forge", recipe={})
    job: Any = SimpleNamespace(
        run=run,
        options=SimpleNamespace(plan=None, epochs=None),
        clock=SimpleNamespace(limit=60.0),
    )
    pace = Pace(job, "winner", each=1e-9, seconds=seconds, epochs=60)
    pace.first = pace.total = 1
    epoch, total = 0, 1
    while epoch < total:
        epoch += 1
        total = pace({"epoch": epoch, "seconds": 0.5 * epoch}) or total
    assert total == epochs
    run.close()


def test_a_run_without_a_search_wants_time_for_another_budget(tmp_path):
    from convsmith.engine.weights import initial, save
    from convsmith.zoo import network

    path = begin(tmp_path, max_params=90_000, minutes=0.5)
    graph = network("lenet5")
    with Run.resume(path) as run:
        for name in ("arms.json", "chosen.json", "teacher.json", "tuned.json"):
            (path / name).write_text("{}")
        run.write_json("graph.json", graph.to_json())
        save(path / "weights.safetensors", initial(graph, 0))
        run.finish()
    tight = {**NO_LIMITS, "max_params": 5_000}
    with pytest.raises(BadInput, match=r"has no time left; expected time for it; try: --more-minutes 10"):
        reopen(str(path), trials=None, minutes=None, limits=tight)
    assert Run.open(path).finished
    reopen(str(path), trials=None, minutes=2.0, limits={**NO_LIMITS, "max_params": 80_000})
    assert not Run.open(path).finished
    assert not list(path.glob("[act]*.json"))  # decided again; what the network costs is kept
    assert (path / "weights.safetensors").exists()
    reopen(str(path), trials=None, minutes=2.0, limits=tight)
    assert not (path / "weights.safetensors").exists()  # over the new limit: no longer a result
    assert Run.open(path).read_json("recipe.json")["minutes"] == 4.5
