"""What a run tells of itself while it goes on, how it failed, and where it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convsmith.errors import BadInput
from convsmith.jobs.running import heartbeat
from convsmith.jobs.running.clock import Clock
from convsmith.jobs.running.heartbeat import CURVE, FILE, TELL_RUN, Heartbeat
from convsmith.jobs.running.progress import Display
from convsmith.jobs.train import train
from convsmith.runs import Run

from .conftest import TWICE, Enough, Spy, watched

SMALL = {"size": (8, 8), "validation": 0.2, "test": 0.2, "augment": "none", "threads": 1, "quiet": True}


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run.create(tmp_path, kind="train", recipe={"epochs": 3})


def now(path: Path) -> dict[str, Any]:
    return json.loads((path / FILE).read_text())


def test_a_step_is_written_at_once_and_figures_at_most_once_a_second(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    time = [100.0]
    monkeypatch.setattr(heartbeat.time, "monotonic", lambda: time[0])
    heart = Heartbeat(run, Clock(run, 2.0))
    display = Display(6, quiet=True)
    display.step("images")
    display.follow(heart)
    assert now(run.path)["step"] == "images"
    display.step("train")
    said = now(run.path)
    assert (said["step"], said["number"], said["steps"], said["left"]) == ("train", 2, 6, 120.0)
    for tenth in range(1, 16):
        time[0] = 100 + tenth / 10
        display.epoch("winner", {"epoch": tenth, "loss": 1 / tenth}, 20)
    said = now(run.path)
    assert (said["training"], said["epoch"], said["epochs"], said["loss"]) == ("winner", 10, 20, 0.1)
    assert [line["epoch"] for line in run.lines(CURVE)] == list(range(1, 11))
    display.step("test")
    said = now(run.path)
    assert "epoch" not in said
    assert [line["epoch"] for line in run.lines(CURVE)] == list(range(1, 16))
    assert run.read_json(FILE) == said


def test_no_limit_on_time_is_said_as_none(run: Run) -> None:
    Heartbeat(run, Clock(run, None)).step("train", 1, 2)
    assert now(run.path)["left"] is None


def test_a_training_leaves_its_curve_as_it_goes(images: Path, tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        spy = watched(patch, ends=False)
        done = train("course_cnn", str(images), epochs=3, runs=str(tmp_path / "runs"), seed=4, **SMALL)
    kept = Run.open(done.path)
    lines = kept.lines(CURVE)
    assert [(line.pop("training"), line) for line in lines] == [
        ("winner", record) for record in spy.calls[0].history
    ]
    assert now(done.path)["step"] == "report"
    answers, metrics = kept.read_json("answers.json"), kept.read_json("metrics.json")
    labels = np.arange(len(np.load(images)["y"])) % 3  # of pictures in order; the last ones are copies
    labels[-TWICE:] = labels[:TWICE]
    counted = np.zeros((3, 3), int)
    np.add.at(counted, (labels[answers["rows"]], answers["predicted"]), 1)
    assert counted.tolist() == metrics["confusion"]
    assert min(answers["confidence"]) >= 1 / 3 - 1e-4


def test_the_folder_is_told_before_anything_is_trained(
    images: Path, tmp_path: Path, spy: Spy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TELL_RUN, str(tmp_path / "told"))
    with pytest.raises(Enough):
        train("course_cnn", str(images), epochs=2, runs=str(tmp_path / "runs"), **SMALL)
    path = Path((tmp_path / "told").read_text().strip())
    assert path == (tmp_path / "runs" / "0001").resolve()
    assert Run.open(path).ended["how"] == "stopped"


def test_why_it_failed_is_in_the_run_until_it_goes_on(tmp_path: Path) -> None:
    with pytest.raises(BadInput), Run.create(tmp_path, kind="train", recipe={}) as run:
        raise BadInput("--max-params", "got 10", "at least 94", "--max-params 94")
    ended = Run.open(run.path).ended
    assert (ended["how"], ended["message"]) == (
        "failed", "--max-params: got 10; expected at least 94; try: --max-params 94",
    )  # fmt: skip
    assert "traceback" not in ended
    with pytest.raises(ZeroDivisionError), Run.resume(run.path):
        raise ZeroDivisionError("division by zero")
    ended = Run.open(run.path).ended
    assert ended["message"] == "ZeroDivisionError: division by zero"
    assert "test_heartbeat.py" in ended["traceback"]
    with Run.resume(run.path) as again:
        assert again.ended == Run.open(run.path).ended == {}
        again.finish()
    with pytest.raises(KeyError), Run.resume(run.path):
        raise KeyError("after the end")
    assert Run.open(run.path).ended == {}
