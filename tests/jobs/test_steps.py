"""Steps are a table: done in their order, read where they are done already, the clock kept after each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import FrozenInstanceError, dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from convsmith.jobs.options.forge import ForgeOptions
from convsmith.jobs.options.train import TrainOptions
from convsmith.jobs.running.clock import FILE as CLOCK
from convsmith.jobs.running.clock import Clock
from convsmith.jobs.running.job import Job, Prepared
from convsmith.jobs.running.reopen import reopen
from convsmith.jobs.running.runner import Step, run_steps
from convsmith.jobs.steps.forging import STEPS as FORGING
from convsmith.jobs.steps.training import STEPS as TRAINING
from convsmith.runs import Run


@dataclass(frozen=True)
class Made:
    job: Any
    words: tuple[str, ...] = ()


def step(name: str, *makes: str, is_read: bool = True, fails: bool = False) -> Step[Made]:
    def work(made: Made) -> Made:
        for file in makes:
            made.job.run.write(file, name)
        if fails:
            raise KeyboardInterrupt
        return replace(made, words=(*made.words, f"{name} done"))

    def read(made: Made) -> Made:
        return replace(made, words=(*made.words, f"{name} read"))

    return Step(name, work, makes, read=read if is_read and makes else None)


@pytest.fixture
def begun(tmp_path: Path) -> Callable[[], Made]:
    Run.create(tmp_path, kind="train", recipe={}).close()

    def begin() -> Made:
        run, said = Run.resume(tmp_path / "0001"), []
        display = SimpleNamespace(step=said.append, said=said)
        return Made(SimpleNamespace(run=run, display=display, clock=Clock(run, None)))

    return begin


def test_what_is_there_is_read_and_the_rest_is_done(begun: Callable[[], Made]) -> None:
    names = ("images", "train", "explain")
    first = begun()
    with first.job.run, pytest.raises(KeyboardInterrupt):
        run_steps((step("images", "a"), step("train", "b", "c"), step("explain", fails=True)), first)
    assert first.job.display.said == ["train", "explain"]  # the first is under way
    assert first.job.run.has(CLOCK)
    assert not first.job.run.finished
    second = begun()
    with second.job.run:
        made = run_steps(
            (step("images", "a", is_read=False), step("train", "b", "c"), step("explain", "d")), second
        )
    assert made.words == ("images done", "train read", "explain done")
    assert second.words == ()
    assert second.job.run.finished
    (second.job.run.path / "c").unlink()
    third = begun()
    with third.job.run:
        assert run_steps([step(name, *"bc") for name in names], third).words[0] == "images done"


def test_files_that_do_not_suffice_are_made_again(begun: Callable[[], Made]) -> None:
    made = begun()
    with made.job.run:
        made.job.run.write("a", "")
        half = replace(step("export", "a"), read=lambda made: None)
        assert run_steps((half,), made).words == ("export done",)


def test_a_job_is_what_it_was_asked_for_and_what_is_known_by_now() -> None:
    job: Job[Any] = Job(None, TrainOptions(precision="bfloat16"), None, None, None)  # type: ignore[arg-type]
    with pytest.raises(FrozenInstanceError):
        job.source = None  # type: ignore[misc]
    with pytest.raises(AssertionError, match="the step of the images comes first"):
        _ = job.split
    ready = replace(job, prepared=Prepared("split", "working", "pixels"))  # type: ignore[arg-type]
    assert (ready.split, ready.working, ready.pixels_NHWC) == ("split", "working", "pixels")
    assert job.prepared is None
    assert job.budget.limits == {}  # the precision of a training is none of a budget
    forged = replace(job, options=ForgeOptions(max_params=9, latency_batch=4))
    assert forged.budget.limits == {"params": 9}
    assert forged.target.latency_batch == 4


def test_a_run_that_is_reopened_decides_again_what_the_table_says(tmp_path: Path) -> None:
    recipe = ForgeOptions(max_params=9_000, trials=4).to_json() | {"data": "digits"}
    with Run.create(tmp_path, kind="forge", recipe=recipe) as run:
        run.write_json("data.json", {"fingerprint": "x", "classes": ["a", "b"]})
        files = [file for one in FORGING for file in (*one.makes, *one.decides)]
        for file in {*files} - {"data.json", "graph.json"}:
            run.write(file, "{}")
        run.finish()
    reopen(str(run.path), trials=2, minutes=None, limits={})
    gone = {file for one in FORGING for file in one.decides}
    assert {file for file in files if not (run.path / file).exists()} == gone | {"graph.json"}
    assert {"explain/evidence.json", "export.json", "result.json", "answer_rule.json"} <= gone
    assert Run.open(run.path).read_json("recipe.json")["trials"] == 6


def test_steps_have_names_of_their_own() -> None:
    for table in (FORGING, TRAINING):
        names = [one.name for one in table]
        assert len(set(names)) == len(names)
        assert names[0] == "images"
