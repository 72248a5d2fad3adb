"""Forge from a pretrained network: what fits, what is refused, that a stopped run ends with the same."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import convsmith
from convsmith.engine.lower import lower
from convsmith.engine.weights import open_weights, save
from convsmith.errors import BadInput, BadName
from convsmith.graph import Graph
from convsmith.insight import answer_rule
from convsmith.insight.calibration import softmax, temperature
from convsmith.jobs.inputs.logits import logits
from convsmith.jobs.inputs.run_images import own_images
from convsmith.jobs.inputs.trained import is_known, opened, trained
from convsmith.jobs.options.forge import ForgeOptions
from convsmith.jobs.running.run_result import Done
from convsmith.jobs.steps import answer_rule as step
from convsmith.jobs.steps.full import Final
from convsmith.jobs.steps.pretrained import known, tuned
from convsmith.jobs.steps.pretrained.places import Place, member_at, places
from convsmith.jobs.steps.pretrained.source import own_network
from convsmith.pretrained.members import HEAD
from convsmith.runs import Run

from .conftest import watched

OPTIONS: dict[str, Any] = {
    "max_params": 9_000, "trials": 2, "epochs": 2, "threads": 1, "validation": 0.25, "quiet": True
}  # fmt: skip


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "weights"))


@pytest.fixture(scope="module")
def stripes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty images of 32 x 32 pixels: stripes that lie, stand or are absent, in noise."""
    rng = np.random.default_rng(0)
    y = np.arange(60) % 3
    wave = np.where(np.arange(32) // 4 % 2, 9.0, -9.0)
    plain = np.stack([wave[:, None] + 0 * wave, wave + 0 * wave[:, None], np.zeros((32, 32))])
    x = 128 + plain[y][..., None] + rng.normal(0, 60, (60, 32, 32, 3))
    path = tmp_path_factory.mktemp("images") / "stripes.npz"
    np.savez(path, x=x.clip(0, 255).astype(np.uint8), y=y)
    return path


@pytest.fixture(scope="module")
def forged(stripes: Path, tmp_path_factory: pytest.TempPathFactory) -> Done:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "weights"))
        runs = str(tmp_path_factory.mktemp("runs"))
        return convsmith.forge(str(stripes), runs=runs, **OPTIONS)


def read(run: Path, name: str) -> Any:
    return json.loads((run / name).read_text())


def test_what_is_judged_and_finished_keeps_the_budget(forged: Done) -> None:
    judged = read(forged.path, "pretrained.json")
    fitting = [row for row in judged["table"] if row["fits"]]
    assert fitting
    assert all(row["params"] <= 9_000 for row in fitting)
    assert {row["cut"] for row in fitting if "keep" not in row} == {"stem", "block1", "block2"}
    thin = [row for row in fitting if "keep" in row]
    assert thin
    assert {row["cut"] for row in thin} <= {"block3", "block4", "block5", "block6"}
    assert all(0 < row["left_out"] <= 1 for row in thin)
    assert judged["source"]["licence"] == "Apache-2.0"
    for path in (forged.path / "finals").glob("*/result.json"):
        assert Graph.from_json(json.loads(path.read_text())["graph"]).params <= 9_000
    metrics = read(forged.path, "metrics.json")
    assert metrics["budget_kept"]
    assert metrics["baselines"]["fits"]["params"] <= 9_000
    assert forged.result["baselines"]["fits"] == metrics["baselines"]["fits"]["test_accuracy"]


def test_the_winner_is_the_best_on_validation_images(forged: Done) -> None:
    chosen = read(forged.path, "chosen.json")
    shares = chosen["validation"]
    assert set(shares) == {"fits", "search"} | {name for name in shares if name.startswith("tuned-")}
    assert shares[chosen["winner"]] == max(shares.values()) or chosen["winner"] == "search"
    graph = Graph.from_json(read(forged.path, "graph.json"))
    size = read(forged.path, "data.json")["resolution"]
    assert graph.input_shape == (size["height"], size["width"], size["channels"])


@pytest.mark.parametrize(("arm", "file"), [("fits", "before"), ("tuned-1", "weights")])
def test_the_rule_of_answering_is_that_of_weights_which_had_not_seen_the_validation_images(
    forged: Done, arm: str, file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The step at the end of a run whose winner this arm was, against what the files in finals/ say."""
    monkeypatch.setattr(answer_rule, "FEWEST", 10)
    run, home = tmp_path / "run", tmp_path / "run" / "finals" / arm
    shutil.copytree(forged.path, run)
    (run / "answer_rule.json").unlink()
    if not home.exists():
        shutil.copytree(run / "finals" / "fits", home)
    (run / "chosen.json").write_text(json.dumps(read(run, "chosen.json") | {"winner": arm}))
    graph = Graph.from_json(json.loads((home / "result.json").read_text())["graph"])
    (run / "graph.json").write_text(json.dumps(graph.to_json()))
    weights = open_weights(home / "weights.safetensors", graph)
    save(run / "weights.safetensors", weights)
    own = own_images(trained(run))
    rows, said = own.parts["validation"], []
    part = own.pixels_NHWC[rows], own.y[rows]
    job: Any = SimpleNamespace(
        run=Run.resume(run), options=SimpleNamespace(seed=0), display=SimpleNamespace(say=said.append),
        rows=lambda name: own.parts[name], part=lambda name, size: part,
    )  # fmt: skip
    with job.run:
        rule = step.answer_rule(job, Final("winner", graph, weights, [], 0.0, 0))
        assert step.answer_rule(job, Final("winner", graph, weights, [], 0.0, 0)) == rule == trained(run).rule
    assert rule.fitted_on.startswith(f"{len(rows)} validation images, as it was before")
    assert said == [f"answers: {rule.told()}"]
    unlearned = open_weights(home / f"{file}.safetensors", graph)
    made = logits(lower(graph, unlearned), part[0])
    assert rule.temperature == pytest.approx(temperature(part[1], softmax(made.astype(float))))
    differs = {name for name in weights if not np.array_equal(weights[name], unlearned[name])}
    assert {name.split("/")[0] for name in differs} == ({HEAD} if arm == "fits" else set())


def test_a_linear_head_must_be_ahead_by_more_than_chance_of_what_is_still_trained() -> None:
    job: Any = SimpleNamespace(rows=lambda name: range(100))
    head: Any = SimpleNamespace(validation=0.80)
    tuned: Any = SimpleNamespace(validation=0.81)
    assert known._search_goes_on(job, 0.78, head, head)
    assert not known._search_goes_on(job, 0.50, head, head)
    assert not known._search_goes_on(job, 0.80, tuned, head)
    assert known._search_goes_on(job, 0.82, tuned, head)


def test_of_fine_tuned_networks_the_loss_decides_and_a_head_must_have_more_right() -> None:
    def final(validation: float, loss: float | None = None) -> Any:
        return SimpleNamespace(validation=validation, loss=loss)

    first, second = final(0.82, 0.60), final(0.81, 0.50)
    assert known._best(final(0.80), [first, second]) is second
    assert known._best(final(0.81), [first, second]) is second
    head = final(0.815)
    assert known._best(head, [first, second]) is head
    assert known._best(head, []) is head


def row(left_out: float, thin: bool, epochs: float = 100.0) -> dict[str, Any]:
    return {"left_out": left_out, "epochs": epochs, "macs": 1} | ({"keep": {"stem": 0.5}} if thin else {})


def test_thinned_networks_are_tried_beside_those_with_all_their_channels() -> None:
    fitting = [row(0.80, False), row(0.78, False), row(0.74, False), row(0.70, True), row(0.69, True)]
    assert tuned._in_turn(fitting) == [fitting[0], fitting[3], fitting[1], fitting[4]]
    assert tuned._in_turn([row(0.80, False), row(0.60, True)]) == [row(0.80, False)]
    assert tuned._in_turn([row(0.80, True), row(0.79, True)]) == [row(0.80, True), row(0.79, True)]
    assert tuned._in_turn([row(0.80, True), row(0.70, False)]) == [row(0.80, True)]
    assert tuned._in_turn([]) == []


def test_a_network_that_there_is_time_for_is_tried_before_one_with_a_better_head() -> None:
    slow, quick, middling = row(0.66, False, 2.5), row(0.62, False, 40), row(0.65, False, 20)
    assert tuned._in_turn([slow, middling, quick]) == [middling, quick, slow]
    assert tuned._in_turn([row(0.66, False, 50), row(0.62, False, 400)])[0] == row(0.66, False, 50)


def test_fine_tuning_begins_where_there_is_time_for_two_epochs(monkeypatch: pytest.MonkeyPatch) -> None:
    from types import SimpleNamespace

    rows = [row(0.66, False) | {"cost": 60.0}, row(0.60, False) | {"cost": 12.0}]
    clock = SimpleNamespace(limit=300.0, left=110.0)
    job: Any = SimpleNamespace(clock=clock, rows=lambda *names: range(100))
    judged: Any = SimpleNamespace(fitting=rows, graph=lambda job, row: row)
    monkeypatch.setattr(tuned, "after", lambda job, judged, row: 10.0)
    monkeypatch.setattr(tuned, "seconds_of_epoch", lambda job, graph, images: graph["cost"])
    assert [one["cost"] for one in tuned._chosen(job, judged, 1.0)] == [12.0]
    clock.left = 30.0
    assert tuned._chosen(job, judged, 1.0) == []
    clock.left = 1_000.0
    assert [one["cost"] for one in tuned._chosen(job, judged, 1.0)] == [60.0, 12.0]


def test_fine_tuning_decides_again_where_a_linear_head_was_level(tmp_path: Path) -> None:
    from types import SimpleNamespace

    from convsmith.jobs.steps.pretrained import probe
    from convsmith.runs import Run

    run = Run.create(tmp_path, kind="forge", recipe={})
    said: list[str] = []
    job: Any = SimpleNamespace(
        run=run, rows=lambda name: range(120), display=SimpleNamespace(say=said.append)
    )
    level = {"arm": "both", "why": "level", "probe": {"validation": 0.575, "seconds": 58.0}}
    for share, arm in ((0.60, "both"), (0.75, "pretrained")):
        run.write_json(probe.FILE, level)
        tuned: Any = SimpleNamespace(validation=share, seconds=10.0)
        assert probe.after_tuning(job, tuned) == arm
        record = run.read_json(probe.FILE)
        assert (record["arm"], record["tuned"]) == (arm, share)
        assert probe.after_tuning(job, SimpleNamespace(validation=0.0, seconds=1.0)) == arm  # type: ignore[arg-type]
        assert run.read_json(probe.FILE) == record
    assert said[-1].endswith("no search")
    run.write_json(probe.FILE, {"arm": "both", "why": "no clock", "probe": None})
    assert probe.after_tuning(job, tuned) == "both"
    run.close()


def test_a_teacher_is_worth_its_time_where_it_makes_far_fewer_errors() -> None:
    assert known._worth_learning(0.80) == pytest.approx(0.85)
    assert known._worth_learning(1.0) == 1.0


def test_report_and_card_name_source_licence_and_baseline(forged: Done) -> None:
    page, card = (forged.path / "report.html").read_text(), (forged.path / "README.md").read_text()
    for text in (page, card):
        assert "Apache-2.0" in text
        assert "pretrained network that fits" in text
        assert "is left out:" not in text


def test_stopped_between_two_trainings_it_ends_with_the_same(
    forged: Done, stripes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(known, "tune", lambda *given: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            convsmith.forge(str(stripes), runs=str(tmp_path), **OPTIONS)
    stopped = tmp_path / "0001"
    assert trained(stopped).graph.params <= 9_000  # there is a network already
    again = convsmith.forge(str(stripes), runs=str(tmp_path), **OPTIONS)
    assert again.path == stopped
    for name in ("weights.safetensors", "chosen.json", "pretrained.json"):
        if name == "pretrained.json":
            assert read(stopped, name)["table"] == read(forged.path, name)["table"]
        else:
            assert (stopped / name).read_bytes() == (forged.path / name).read_bytes()


def test_a_plan_repeats_the_decisions_and_the_result(forged: Done, stripes: Path, tmp_path: Path) -> None:
    again = convsmith.forge(str(stripes), plan=str(forged.path), runs=str(tmp_path), **OPTIONS)
    assert again.path != forged.path
    for name in ("arms.json", "tuned.json", "chosen.json", "pretrained.json"):
        assert read(again.path, name) == read(forged.path, name)
    assert (again.path / "weights.safetensors").read_bytes() == (
        forged.path / "weights.safetensors"
    ).read_bytes()
    assert again.test_accuracy == forged.test_accuracy


def test_what_cannot_be_used_is_one_line(stripes: Path, tmp_path: Path) -> None:
    options = OPTIONS | {"runs": str(tmp_path)}
    with pytest.raises(BadName, match="--pretrained: no 'efficientnet_lite9'"):
        convsmith.forge(str(stripes), pretrained="efficientnet_lite9", **options)
    with pytest.raises(BadName, match="--teacher: no 'anybody'"):
        convsmith.forge(str(stripes), teacher="anybody", **options)
    with pytest.raises(BadInput, match=r"no cut of efficientnet_lite0 keeps the budget; expected at least"):
        convsmith.forge(str(stripes), pretrained="efficientnet_lite0", **options | {"max_params": 300})


def test_small_images_are_made_larger_inside_the_network(forged: Done) -> None:
    sides = {tuple(row["sides"]) for row in read(forged.path, "pretrained.json")["table"]}
    sizes = {tuple(row["size"]) for row in read(forged.path, "pretrained.json")["table"]}
    assert (96, 96) in sides
    assert sizes == {(32, 32)}


def test_images_are_never_made_larger_but_inside(tmp_path: Path) -> None:
    from convsmith.data import read as read_images

    x = np.zeros((6, 100, 80, 3), np.uint8)
    x[..., 0] = np.arange(6)[:, None, None] * 40
    np.savez(tmp_path / "x.npz", x=x, y=np.arange(6) % 2)
    free = SimpleNamespace(size=None)
    job: Any = SimpleNamespace(images=read_images(str(tmp_path / "x.npz")), options=free)
    found = places(job)
    assert found[0] == Place((96, 76), (96, 76))
    assert all(place.size == place.sides or place.size == (100, 80) for place in found)
    fixed = SimpleNamespace(size=(64, 64))
    asked: Any = SimpleNamespace(options=fixed, working=fixed)
    assert {place.size for place in places(asked)} == {(64, 64)}


def test_a_member_with_its_head_gives_what_the_head_gives_on_the_features(
    forged: Done, stripes: Path
) -> None:
    from convsmith.engine.predict import predict
    from convsmith.jobs.steps.pretrained.linear import with_head
    from convsmith.jobs.steps.pretrained.places import at_sides
    from convsmith.pretrained import open_source
    from convsmith.pretrained.features import Features
    from convsmith.pretrained.heads import logistic
    from convsmith.pretrained.inherit import inherited

    source, place = open_source("efficientnet_lite0"), Place((32, 32), (64, 64))
    job: Any = SimpleNamespace(working=SimpleNamespace(channels=3), images=SimpleNamespace(classes=(0, 1, 2)))
    graph = member_at(job, source, "block2", place)
    kept = np.load(stripes)
    seen = Features(source, (64, 64, 3), ["block2"]).of(at_sides(kept["x"], place))[0]
    head = logistic(seen, kept["y"], 3)
    said = predict(graph, kept["x"], weights=with_head(inherited(graph, source), head))
    odds = np.exp(head.logits(seen) - head.logits(seen).max(1, keepdims=True))
    assert said == pytest.approx(odds / odds.sum(1, keepdims=True), abs=1e-4)


def test_a_run_of_ones_own_is_a_source_where_it_saw_no_test_image(
    forged: Done, stripes: Path, tmp_path: Path
) -> None:
    options = OPTIONS | {"runs": str(tmp_path), "pretrained": str(forged.path), "teacher": "none"}
    with pytest.raises(BadInput, match=r"learned from \d+ images? that would be tested on here.*--seed 0"):
        convsmith.forge(str(stripes), seed=1, **options)
    with pytest.raises(BadInput, match="--pretrained: no file or folder 'runs/9999'"):
        convsmith.forge(str(stripes), **options | {"pretrained": "runs/9999"})
    with pytest.raises(BadInput, match="is no trained network; expected a run folder"):
        convsmith.forge(str(stripes), **options | {"pretrained": str(tmp_path)})
    kept = np.load(stripes)
    two = tmp_path / "two.npz"
    np.savez(two, x=255 - kept["x"][kept["y"] < 2], y=kept["y"][kept["y"] < 2])
    run = convsmith.forge(str(two), **options)
    source = read(run.path, "pretrained.json")["source"]
    assert source["name"] == str(forged.path)
    assert source["licence"] in ("Apache-2.0", "your own")
    assert Graph.from_json(read(run.path, "graph.json")).output_shape == (2,)
    changed = read(run.path, "pretrained.json")
    changed["source"]["sha256"] = "0" * 64
    (run.path / "pretrained.json").write_text(json.dumps(changed))
    with pytest.raises(BadInput, match="is another file now than the run began with"):
        known.source_for(_job_of(run.path, stripes))


@pytest.fixture
def lenet() -> tuple[Graph, dict[str, np.ndarray]]:
    from convsmith.engine.weights import initial
    from convsmith.zoo import network

    graph = network("lenet5", classes=4)
    return graph, initial(graph, seed=1)


def test_a_keras_file_and_arrays_are_the_same_network(
    tmp_path: Path, lenet: tuple[Graph, dict[str, np.ndarray]]
) -> None:
    from convsmith.engine.weights import save
    from convsmith.formats.keras import to_keras

    graph, weights = lenet
    to_keras(graph, weights).save(tmp_path / "net.keras")
    save(tmp_path / "net.safetensors", weights)
    (tmp_path / "net.json").write_text(json.dumps(graph.to_json()))
    for name in (tmp_path / "net.keras", tmp_path / "net.safetensors"):
        assert is_known(str(name))
        found, arrays, classes = opened(str(name))
        assert found.fingerprint == graph.fingerprint
        assert classes == ()
        for full, array in weights.items():
            np.testing.assert_array_equal(arrays[full], array)


def test_arrays_without_their_network_are_refused(
    tmp_path: Path, lenet: tuple[Graph, dict[str, np.ndarray]]
) -> None:
    from convsmith.engine.weights import save
    from convsmith.zoo import network

    path = tmp_path / "net.safetensors"
    save(path, lenet[1])
    with pytest.raises(BadInput, match=r"no Graph beside it; expected net\.json or graph\.json"):
        opened(str(path))
    (tmp_path / "graph.json").write_text(json.dumps(network("lenet5", classes=5).to_json()))
    with pytest.raises(BadInput, match="softmax"):
        opened(str(path))
    for text, said in (("[]", "is no object"), ("{", "is not JSON")):
        (tmp_path / "graph.json").write_text(text)
        with pytest.raises(BadInput, match=said):
            opened(str(path))
    assert not is_known(str(tmp_path / "absent.safetensors"))


def test_a_header_says_the_licence(tmp_path: Path, lenet: tuple[Graph, dict[str, np.ndarray]]) -> None:
    from convsmith.engine.weights import save

    path = tmp_path / "net.safetensors"
    save(path, lenet[1], {"licence": "CC-BY-NC-4.0", "origin": "a museum"})
    (tmp_path / "graph.json").write_text(json.dumps(lenet[0].to_json()))
    x = np.random.default_rng(0).integers(0, 256, (12, 32, 32, 1)).astype(np.uint8)
    np.savez(tmp_path / "x.npz", x=x, y=np.arange(12) % 2)
    said: list[str] = []
    job = _job_of_images(tmp_path / "x.npz", said)
    source = own_network(job, str(path))
    assert source.record()["licence"] == "CC-BY-NC-4.0"
    assert not source.commercial
    assert source.origin == "your own, from a museum"
    assert [cut.channels for cut in source.cuts] == [6, 6, 16, 16]


def _job_of_images(path: Path, said: list[str]) -> Any:
    from convsmith.data import read as read_images

    return SimpleNamespace(images=read_images(str(path)), display=SimpleNamespace(say=said.append))


def _job_of(path: Path, stripes: Path) -> Any:
    from convsmith.data import read as read_images
    from convsmith.jobs.running.progress import Display
    from convsmith.runs import Run

    run = Run.open(path)
    images = read_images(str(stripes))
    split = images.split(seed=0, validation=0.25, test=0.2)
    options = replace(ForgeOptions.of(run.read_json("recipe.json")), size=None)
    return SimpleNamespace(
        run=run, options=options, images=images, split=split, display=Display(1, quiet=True)
    )


def test_the_pretrained_networks_are_listed() -> None:
    from convsmith.jobs.listing import listing

    found = listing("pretrained")
    assert "Apache-2.0" in found.render("text")
    assert "75.1% ImageNet at 224 px" in found.rows["efficientnet_lite0"]
    rows = json.loads(found.render("json"))["pretrained"]
    assert rows["efficientnet_lite0"]["bytes"] == 18_826_032
    assert "about 0.9 MB, no checksum published" in found.rows["mobilenet_025"]
    assert "51.6% ImageNet at 224 px" in found.rows["mobilenet_025"]
    for row in rows.values():
        assert row["trunk_params"] < row["params"] <= 2e8
        assert 40 < row["top1"] < 90
        assert row["macs"] > 4e7
        assert row["licence"]


def test_a_teacher_teaches_the_searchs_winner_and_its_baselines_alike(
    stripes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from convsmith.jobs.steps.teaching import lessons

    ahead = (0.5, 0.4, 0.6)
    monkeypatch.setattr(lessons, "leads", lambda share, other, images: ahead)
    monkeypatch.setattr(lessons, "_not_better", None)  # nobody says so
    monkeypatch.setattr(known, "_search_goes_on", lambda *given: True)
    monkeypatch.setattr(lessons, "VIEWS", 3)
    spy = watched(monkeypatch, ends=False)
    chosen = lessons._chosen
    monkeypatch.setattr(lessons, "_chosen", lambda job, judged, than: chosen(job, judged, -1.0))
    run = convsmith.forge(str(stripes), runs=str(tmp_path), **OPTIONS)
    names = [Path(call.options["checkpoint"] or ".").parent.name for call in spy.calls]
    finals = [spy.calls[names.index(name)] for name in ("winner", "random", "largest") if name in names]
    assert len(finals) >= 2
    images = sum(len(np.load(run.path / "split.npz")[part]) for part in ("train", "validation"))
    for call in finals:
        teacher = call.options["teacher"]
        assert teacher.fingerprint == finals[0].options["teacher"].fingerprint
        assert np.shape(teacher.source) == (3 * images, 3)
        assert len(call.x) == len(call.y) == 3 * images
        assert call.options["weights"] is None
        differs = {
            name
            for name, value in call.options.items()
            if name not in ("teacher", "checkpoint", "on_epoch") and value != finals[0].options[name]
        }
        assert not differs
    assert (finals[0].options["views"], finals[0].options["augment"]) == (3, "none")
    assert read(run.path, "chosen.json")["teacher"] == "efficientnet_lite0"
    assert "It and its baselines were taught by the whole of" in (run.path / "report.html").read_text()
