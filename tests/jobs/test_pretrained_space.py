"""A search among the members of a pretrained network: inherited weights in every training, bit for bit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import convsmith
from convsmith.engine.weights import open_weights, save
from convsmith.errors import BadInput, BadName
from convsmith.graph import Graph
from convsmith.jobs.latency_table import latency_table
from convsmith.jobs.steps import full
from convsmith.jobs.steps import train as steps_train
from convsmith.jobs.steps.pretrained import known
from convsmith.jobs.steps.pretrained.inheriting import fine_tuning
from convsmith.jobs.steps.pretrained.source import own_network
from convsmith.jobs.steps.searching.trainer import trainer
from convsmith.nas.choose import Space
from convsmith.pretrained import open_source
from convsmith.pretrained.inherit import inherited
from convsmith.pretrained.members import member
from convsmith.pretrained.packed import packed
from convsmith.pretrained.space import members_of

from .conftest import watched


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "weights"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images of 24 x 24 pixels that lie, stand or are absent, and a small network that knows photographs."""
    path = tmp_path_factory.mktemp("tiny")
    rng, y = np.random.default_rng(0), np.arange(48) % 3
    wave = np.where(np.arange(24) // 4 % 2, 30.0, -30.0)
    plain = np.stack([wave[:, None] + 0 * wave, wave + 0 * wave[:, None], np.zeros((24, 24))])
    x = 128 + plain[y][..., None] + rng.normal(0, 40, (48, 24, 24, 3))
    np.savez(path / "stripes.npz", x=x.clip(0, 255).astype(np.uint8), y=y)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "weights"))
        lite0 = open_source("efficientnet_lite0")
    graph = member(lite0, "block2", (32, 32, 3), 4)
    about = {"licence": "Apache-2.0", "origin": "EfficientNet-Lite0"}
    save(path / "tiny.safetensors", inherited(graph, lite0), about)
    (path / "tiny.json").write_text(json.dumps(graph.to_json()))
    return path


def options(folder: Path, runs: Path, **more: Any) -> dict[str, Any]:
    return {
        "space": "pretrained", "pretrained": str(folder / "tiny.safetensors"), "max_params": 5_000,
        "max_macs": 1_500_000, "trials": 2, "epochs": 2, "threads": 1, "validation": 0.25,
        "teacher": "none", "size": (24, 24), "augment": "none", "runs": str(runs), "quiet": True, **more,
    }  # fmt: skip


def test_every_training_begins_with_inherited_weights(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spy = watched(monkeypatch, ends=False)
    run = convsmith.forge(str(folder / "stripes.npz"), **options(folder, tmp_path))
    assert len(spy.calls) >= 6  # trials of two arms, finalists, the full trainings
    began = open_weights(folder / "tiny.safetensors")
    for call in spy.calls:
        weights = call.options["weights"]
        assert (call.options["optimizer"], call.options["learning_rate"]) == ("adamw", 0.003)
        assert call.graph.params <= 5_000
        norms = [name for name in weights if name.endswith("/gamma")]
        assert norms
        for name in norms:
            assert np.isin(weights[name], began[name]).all()  # those of the channels that stay
    chosen = json.loads((run.path / "chosen.json").read_text())
    assert chosen["inherits"]
    page, card = (run.path / "report.html").read_text(), (run.path / "README.md").read_text()
    for text in (page, card):
        assert "Apache-2.0" in text
        assert "is left out:" not in text
    if chosen["winner"] == "search":
        assert "is a member of" in page


def test_two_workers_and_a_stop_change_no_bit(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = str(folder / "stripes.npz")
    monkeypatch.setattr(known, "_search_goes_on", lambda *given: True)
    asked = options(folder, tmp_path, workers=2)
    whole_training = steps_train.full

    def stopped(job: Any, name: str, *given: Any, **settings: Any) -> Any:
        if name == "winner":  # in the middle of it: its first epoch is kept
            patch.setattr(full.Pace, "__call__", _stop)
        return whole_training(job, name, *given, **settings)

    with monkeypatch.context() as patch:
        patch.setattr(steps_train, "full", stopped)
        with pytest.raises(KeyboardInterrupt):
            convsmith.forge(data, **asked)
    run = convsmith.forge(data, **asked)
    assert run.path == tmp_path / "0001"

    kept, split = np.load(data), np.load(run.path / "split.npz")
    source = _source(folder)
    about, numbers = packed(source)
    evaluate = trainer(
        augment="none", threads=1, pixels=kept["x"], labels=kept["y"], train=np.sort(split["train"]),
        validation=np.sort(split["validation"]), source=about, numbers=numbers,
    )  # fmt: skip
    space = Space(members_of(source), (24, 24, 3), 3)
    trials = [json.loads(line) for line in (run.path / "trials.jsonl").read_text().splitlines()]
    for trial in trials[:3]:
        again = evaluate(space.graph(trial["answers"]), epochs=trial["epochs"], seed=trial["seed"])
        assert (again.score, again.loss) == (trial["score"], trial["loss"])

    from convsmith.engine.loop import fit

    graph = Graph.from_json(json.loads((run.path / "graph.json").read_text()))
    rows = np.sort(np.concatenate([split["train"], split["validation"]]))
    x, y = kept["x"][rows], kept["y"][rows]
    whole = fit(graph, x, y, epochs=2, seed=0, augment="none", **fine_tuning(graph, source, x, y, seed=0))
    for name, array in open_weights(run.path / "weights.safetensors", graph).items():
        np.testing.assert_array_equal(array, whole.weights[name])


def _stop(pace: Any, record: Any) -> None:
    if record["epoch"] == 2:
        raise KeyboardInterrupt


def _source(folder: Path) -> Any:
    from types import SimpleNamespace

    job: Any = SimpleNamespace(images=SimpleNamespace(classes=(0, 1, 2)), display=SimpleNamespace(say=print))
    return own_network(job, str(folder / "tiny.safetensors"))


def test_what_contradicts_itself_is_one_line(folder: Path, tmp_path: Path) -> None:
    data = str(folder / "stripes.npz")
    with pytest.raises(BadInput, match="--pretrained none: given for the space of a pretrained network's"):
        convsmith.forge(data, **options(folder, tmp_path, pretrained="none"))
    with pytest.raises(BadInput, match=r"budget for space 'pretrained' at input 24x24x3: no network keeps"):
        convsmith.forge(data, **options(folder, tmp_path, max_params=500))
    with pytest.raises(BadName, match="--space: no 'pretraned'; did you mean 'pretrained'"):
        convsmith.forge(data, **options(folder, tmp_path, space="pretraned"))
    with pytest.raises(BadInput, match="'pretrained' depends on the network that it is made of"):
        latency_table("pretrained", input_shape=(96, 96, 3), output=str(tmp_path / "t.json"))


def test_it_is_listed_with_its_size() -> None:
    from convsmith.jobs.listing import listing

    row = listing("spaces", input_shape=(96, 96, 3)).rows["pretrained"]
    assert "Members of a pretrained network" in row
    assert "networks" in row


def test_a_head_learns_from_as_many_images_as_a_part_of_the_time_allows() -> None:
    from types import SimpleNamespace

    from convsmith.jobs.steps.pretrained.cuts import Judged
    from convsmith.jobs.steps.pretrained.linear import share_of_images

    def share(limit: float | None, judged_on: float) -> float:
        row = {"cut": "block6", "sides": [96, 96], "macs": 25}
        record = {
            "images": judged_on, "sizes": [{"sides": [96, 96], "each": 0.04}],
            "table": [row, {"cut": "head", "sides": [96, 96], "macs": 100},
                      {"cut": "head", "sides": [96, 96], "macs": 30, "keep": {}}],
        }  # fmt: skip
        source: Any = SimpleNamespace(cuts=[SimpleNamespace(name="block6"), SimpleNamespace(name="head")])
        job: Any = SimpleNamespace(
            clock=SimpleNamespace(limit=limit), rows=lambda *names: range(10_000)
        )  # 10,000 images, 0.01 s each for this network
        return share_of_images(job, Judged(source, np.arange(2), np.arange(2), record), row)

    assert share(None, 1.0) == 1.0
    assert share(600.0, 0.1) == pytest.approx(0.6)  # a tenth of 600 s is 6,000 images
    assert share(60.0, 0.1) == pytest.approx(0.1)
    assert share(6_000.0, 0.1) == 1.0
