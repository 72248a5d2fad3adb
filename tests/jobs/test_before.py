"""Runs that an earlier convsmith began, whose recipes lack what came later, open and go on as they were."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import convsmith
from convsmith.engine.weights import open_weights
from convsmith.errors import BadInput
from convsmith.jobs.forge import forge
from convsmith.jobs.train import train
from convsmith.jobs.trials import trials
from convsmith.runs import run_key

from .conftest import Enough, Spy, numbered, watched

LATER = ("pretrained", "teacher")
FORGE: dict[str, Any] = {"max_params": 3_000, "trials": 3, "epochs": 20, "threads": 1, "quiet": True}


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Images that are large enough for a pretrained network."""
    x, y = numbered()
    path = tmp_path_factory.mktemp("large") / "images.npz"
    np.savez(path, x=x.repeat(4, 1).repeat(4, 2), y=y)
    return str(path)


def aged(path: Path, **before: Any) -> Path:
    """The run as an earlier convsmith would have begun it."""
    recipe = json.loads((path / "recipe.json").read_text())
    recipe = {name: value for name, value in recipe.items() if name not in LATER} | before
    about = json.loads((path / "run.json").read_text())
    about["key"] = run_key(recipe, json.loads((path / "data.json").read_text())["fingerprint"])
    (path / "recipe.json").write_text(json.dumps(recipe))
    (path / "run.json").write_text(json.dumps(about))
    return path


def test_a_forge_goes_on_without_a_pretrained_network(large: str, tmp_path: Path, spy: Spy) -> None:
    with pytest.raises(Enough):
        forge(large, runs=str(tmp_path), pretrained="none", **FORGE)
    path = aged(tmp_path / "0001")
    with pytest.raises(BadInput, match=r"--pretrained: got efficientnet_lite0, and .* was given none"):
        forge(resume=str(path), pretrained="efficientnet_lite0", quiet=True)
    with pytest.raises(Enough):
        forge(resume=str(path), quiet=True)
    assert len(spy.searches) == 2
    assert not (path / "pretrained.json").exists()
    assert not (tmp_path / "0002").exists()


def test_a_finished_forge_is_read_and_has_more_trials(images: Path, tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        watched(patch, ends=False)
        done = forge(str(images), size=(8, 8), runs=str(tmp_path), **FORGE)
        path = aged(done.path)
        assert forge(resume=str(path), quiet=True).result == done.result
        (path / "report.html").unlink()
        assert "Test accuracy" in Path(convsmith.report(str(path))).read_text()
        assert len(trials(str(path)).render("csv").splitlines()) == len(done.trials) + 1
        assert convsmith.explain(str(path), split="test", most=1, method="gradient")
        count = len(done.trials)
        more = forge(resume=str(path), more_trials=2, quiet=True)
    assert more.path == path
    assert len(more.trials) > count
    assert not (path / "pretrained.json").exists()


def test_a_training_goes_on_with_the_weights_that_it_was_given(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options: dict[str, Any] = {"size": (8, 8), "threads": 1, "quiet": True, "runs": str(tmp_path)}
    with pytest.MonkeyPatch.context() as patch:
        watched(patch, ends=False)
        first = train("course_cnn", str(images), epochs=1, **options)
    spy = watched(monkeypatch)
    with pytest.raises(Enough):
        train("course_cnn", str(images), pretrained=str(first.path), **options)
    path = aged(tmp_path / "0002", weights=str(first.path), teacher=None)
    with pytest.raises(Enough):
        train("course_cnn", str(images), resume=str(path), quiet=True)
    known = open_weights(first.path / "weights.safetensors")
    for call in spy.calls:
        assert all(np.array_equal(call.options["weights"][name], array) for name, array in known.items())
        assert call.options["teacher"] is None
    assert len(spy.calls) == 2
