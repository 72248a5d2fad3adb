"""A finished run as the teacher of a forge: what it says is what is learned, and it is never a candidate."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import convsmith
from convsmith.cli.main import run as command
from convsmith.engine.predict import predict
from convsmith.engine.weights import initial
from convsmith.formats.weights_file import write_weights_file
from convsmith.jobs.forge import forge
from convsmith.jobs.inputs.trained import trained
from convsmith.jobs.running.run_result import Done
from convsmith.jobs.steps.teaching import own_teacher
from convsmith.jobs.train import train
from convsmith.zoo import network

from .conftest import Enough, Spy, watched

SMALL: dict[str, Any] = {"size": (8, 8), "threads": 1, "quiet": True}
LIMITS: dict[str, Any] = {"max_params": 3_000, "trials": 3, "epochs": 20}


@pytest.fixture(scope="module")
def first(images: Path, tmp_path_factory: pytest.TempPathFactory) -> Done:
    with pytest.MonkeyPatch.context() as patch:
        watched(patch, ends=False)
        runs = str(tmp_path_factory.mktemp("teacher"))
        return train("course_cnn", str(images), epochs=1, runs=runs, **SMALL)


def test_what_it_says_of_each_view_is_learned_by_the_winner_and_its_baselines(
    first: Done, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own_teacher, "VIEWS", 3)
    spy = watched(monkeypatch, ends=False)
    done = forge(str(images), teacher=str(first.path), runs=str(tmp_path), **LIMITS, **SMALL)
    known, many = trained(first.path), len(spy.tasks)
    assert known.graph.params > LIMITS["max_params"]
    assert all(call.options["teacher"] is None for call in spy.calls[:many])
    finals = spy.calls[many:]
    assert len(finals) >= 2
    for call in finals:
        assert (call.options["views"], call.options["augment"]) == (3, "none")
        said = call.options["teacher"].source[::3]  # of the first view, which is the whole image
        whole = predict(known.graph, np.asarray(call.x)[::3], weights=known.weights)
        odds = np.exp(said - said.max(1, keepdims=True))
        assert odds / odds.sum(1, keepdims=True) == pytest.approx(whole, abs=2e-3)
        assert call.graph.params <= LIMITS["max_params"]
    told = json.loads((done.path / "teacher.json").read_text())
    assert told["params"] == known.graph.params
    assert 0 <= told["validation"] <= 1
    for page in ("report.html", "README.md"):
        text = (done.path / page).read_text()
        assert "neither a candidate nor returned" in text.replace("\n", " ")
        assert first.path.name in text
    # Another file in its place is not what the run began with.
    told["sha256"] = "0" * 64
    (done.path / "teacher.json").write_text(json.dumps(told))
    again = forge(str(images), resume=str(done.path), quiet=True)
    assert again.result == done.result  # finished: nothing is learned any more


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        ("other", "tells 3 classes apart; expected the classes of these images, 0 and 1"),
        ("names", "tells a and b apart; expected the classes of these images, 0 and 1"),
        ("seen", "learned from"),
        ("broken", "net.keras"),
        ("nobody", "--teacher: no 'nobody'; known: auto, none"),
        ("runs/0009", "--teacher: no file or folder 'runs/0009'"),
    ],
)
def test_who_cannot_teach_is_one_line(
    wanted: str, says: str, first: Done, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    with np.load(images) as kept:
        two = kept["y"] < 2
        np.savez("two.npz", x=kept["x"][two], y=kept["y"][two])
    data, teacher, seed = "two.npz", wanted, "0"
    graph = network("course_cnn", (28, 28, 1), 2)
    if wanted == "other":
        teacher = "net.safetensors"
        three = network("course_cnn", (28, 28, 1), 3)
        write_weights_file(teacher, three, initial(three, 0))
    elif wanted == "names":
        teacher = "net.safetensors"
        write_weights_file(teacher, graph, initial(graph, 0), classes=("a", "b"))
    elif wanted == "broken":
        teacher = "net.keras"
        Path(teacher).write_bytes(b"no network")
    elif wanted == "seen":
        data, teacher, seed = str(images), str(first.path), "5"
    line = ["forge", data, "--max-params", "3k", "--trials", "2", "--size", "8x8", "--quiet", "--seed", seed]
    assert command([*line, "--teacher", teacher]) == 2
    said = capsys.readouterr().err
    assert says in said
    assert said.count("\n") == 1


def test_search_takes_one_too(first: Done, images: Path, tmp_path: Path, spy: Spy) -> None:
    options = {"max_params": 3_000, "trials": 2, "runs": str(tmp_path)} | SMALL
    with pytest.raises(Enough):
        convsmith.search("stages", str(images), teacher=str(first.path), **options)
    assert spy.searches
    assert json.loads(next(tmp_path.glob("*/recipe.json")).read_text())["teacher"] == str(first.path)
