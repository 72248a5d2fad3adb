"""explain, units, mistakes and check --run on one small run: files, figures, and what cannot be used."""

from __future__ import annotations

import builtins
import errno
import io
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.metrics import confusion_matrix

import convsmith as cs
from convsmith.cli.main import run as command
from convsmith.engine.predict import predict
from convsmith.jobs.inputs.run_images import own_images
from convsmith.jobs.inputs.trained import trained as network_of
from convsmith.jobs.running.run_result import Done


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Done:
    """LeNet-5 after two epochs on 400 digits, ten of whose labels are wrong, one of them twice there."""
    x, y = load_digits(return_X_y=True)
    x, y = (x[:400].reshape(-1, 8, 8) * 15.9).astype(np.uint8), y[:400].copy()
    y[:10] = (y[:10] + 1) % 10
    folder = tmp_path_factory.mktemp("understanding")
    np.savez(folder / "digits.npz", x=x, y=y)
    options = {"size": (32, 32), "epochs": 6, "threads": 1, "quiet": True, "runs": str(folder / "runs")}
    return cs.train("lenet5", str(folder / "digits.npz"), **options)


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert command(list(arguments)) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err


def test_explain_a_split_with_evidence(trained: Done, capsys: pytest.CaptureFixture[str]) -> None:
    run = str(trained.path)
    assert command(["explain", run, "--split", "test", "--most", "3", "--full", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert len(found["images"]) == 3
    assert {"name", "true", "right", "predicted", "confidence", "of"} <= set(found["images"][0])
    assert found["evidence"]["images"] == 3
    folder = trained.path / "explain" / "grad_cam"
    assert json.loads((folder / "evidence.json").read_text())["badge"] == found["evidence"]["badge"]
    assert np.load(folder / "0002.npy").shape == (8, 8)  # the photograph's own size
    assert len(list((trained.path / "explain" / "evidence").glob("grad_cam-*.json"))) == 1


def test_explain_files_folders_and_the_difference_of_two(trained: Done, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for name in ("a.png", "b.png"):
        Image.fromarray(rng.integers(0, 255, (30, 40, 3), np.uint8)).save(tmp_path / name)
    (tmp_path / "torn.png").write_bytes(b"\x89PNG torn")
    found = cs.explain(trained, str(tmp_path), target="3", against="5", method="gradient", evidence=False)
    assert [one["name"] for one in found.about] == ["a.png", "b.png"]
    assert found.explanation.of(0, found.classes) == "logit of 3 minus 5"
    assert any("torn.png" in note for note in found.notes)
    assert [photo.shape for photo in found.originals] == [(30, 40, 3)] * 2


def test_a_photograph_that_lies_on_its_side_is_turned(trained: Done, tmp_path: Path) -> None:
    pixels = np.random.default_rng(1).integers(0, 255, (20, 50, 3), np.uint8)
    turned = Image.Exif()
    turned[0x0112] = 6
    Image.fromarray(pixels).save(tmp_path / "side.png", exif=turned)
    found = cs.explain(trained, str(tmp_path / "side.png"), evidence=False)
    assert found.originals[0].shape == (50, 20, 3)
    np.testing.assert_array_equal(found.originals[0], np.rot90(pixels, -1))


def test_batches_of_any_size_say_the_same(trained: Done) -> None:
    settings = {"split": "test", "most": 5, "evidence": False, "method": "integrated_gradients"}
    one = cs.explain(trained, batch_size="1", **settings).explanation.maps_NHW
    auto = cs.explain(trained, **settings).explanation.maps_NHW
    np.testing.assert_allclose(one, auto, atol=1e-5)


def test_what_cannot_be_explained(trained: Done, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = str(trained.path)
    (tmp_path / "empty").mkdir()
    assert "none were given" in said(capsys, "explain", run)
    assert "given with images" in said(capsys, "explain", run, "x.png", "--split", "test")
    assert "holds no image files" in said(capsys, "explain", run, str(tmp_path / "empty"))
    assert "no 'cat'" in said(capsys, "explain", run, "--split", "test", "--target", "cat")
    assert "another class" in said(
        capsys, "explain", run, "--split", "test", "--target", "3", "--against", "3"
    )
    assert "did you mean 'grad_cam'" in said(capsys, "explain", run, "--split", "test", "--method", "grad-cm")
    assert "auto, or a number" in said(capsys, "explain", run, "--split", "test", "--batch-size", "0")
    refused = said(capsys, "explain", run, "--split", "test", "--layer", "fc3")
    assert "has no rows and columns left" in refused


def test_units_writes_sheets_and_figures(trained: Done, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(["units", str(trained.path), "--layer", "conv1", "--top", "4", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    (layer,) = found["layers"]
    assert len(layer["units"]) == 6
    assert layer["made"] == [unit for unit in range(6) if unit not in layer["dead"]]
    assert len(layer["off"]) == 6
    assert len(layer["off"][0]["classes"]) == 10
    folder = trained.path / "explain" / "units"
    assert json.loads((folder / "units.json").read_text())["layers"] == found["layers"]
    for name in ("conv1.png", "filters.png"):
        with Image.open(folder / name) as picture:
            assert min(picture.size) > 50
    assert [row["filter"] for row in found["filters"]] == list(range(6))
    assert "What its units do" in (trained.path / "report.html").read_text()


def test_units_answers_of_one_photograph(trained: Done, tmp_path: Path) -> None:
    Image.fromarray(np.full((9, 9), 90, np.uint8)).save(tmp_path / "grey.png")
    options = {"layer": "conv2", "image": str(tmp_path / "grey.png"), "made": "none", "most": 50}
    found = cs.see_units(trained, **options)
    assert (found.folder / "maps-conv2.png").stat().st_size > 0
    assert found.layers[0]["images"] == 50


def test_units_that_cannot_be(trained: Done, capsys: pytest.CaptureFixture[str]) -> None:
    run = str(trained.path)
    assert "did you mean 'conv2'" in said(capsys, "units", run, "--layer", "conv")
    assert "no image of features" in said(capsys, "units", run, "--layer", "fc3")
    assert "--setting: got 5" in said(capsys, "units", run, "--setting", "5")


def test_mistakes_counts_as_scikit_learn_does(trained: Done, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(["mistakes", str(trained.path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    net = network_of(trained)
    own = own_images(net)
    rows = own.rows("test")
    p = predict(net.graph, own.pixels_NHWC[rows], weights=net.weights)
    assert found["confusion"] == confusion_matrix(own.y[rows], p.argmax(1), labels=range(10)).tolist()
    assert found["wrong"] == int((p.argmax(1) != own.y[rows]).sum())
    assert found["accuracy"] == pytest.approx(trained.test_accuracy)
    assert found["temperature"] > 0
    assert all(sum(row["n"] for row in rows) == found["images"] for rows in found["attributes"].values())
    sure = [row["confidence"] for row in found["surest"]]
    assert sure == sorted(sure, reverse=True)
    for name in ("confusion.svg", "reliability.svg", "attributes.svg", "surest.png", "embedding.png"):
        assert (trained.path / "explain" / "mistakes" / name).stat().st_size > 0
    assert "Where it is wrong" in (trained.path / "report.html").read_text()


def test_check_lists_the_labels_that_a_network_disputes(
    trained: Done, capsys: pytest.CaptureFixture[str]
) -> None:
    data = json.loads((trained.path / "recipe.json").read_text())["data"]
    assert command(["check", data, "--run", str(trained.path), "--json"]) == 0
    findings = json.loads(capsys.readouterr().out)["findings"]
    (found,) = [one for one in findings if one["kind"] == "suspected labels"]
    own = own_images(network_of(trained))
    held = {own.images.names[n] for part in ("validation", "test") for n in own.rows(part)}
    spoiled = {own.images.names[n] for n in range(10)} & held
    disputed = {name.split(":")[0] for name in found["names"]}
    assert disputed <= held
    assert len(spoiled & disputed) > len(spoiled) / 2


def test_images_that_are_gone_or_of_other_classes(
    trained: Done, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for label in ("cat", "dog"):
        (tmp_path / "pets" / label).mkdir(parents=True)
        for k in range(3):
            grey = np.random.default_rng(k).integers(0, 255, (9, 9), np.uint8)
            Image.fromarray(grey).save(tmp_path / "pets" / label / f"{k}.png")
    assert "none of the network's classes" in said(
        capsys, "mistakes", str(trained.path), "--data", str(tmp_path / "pets")
    )
    assert "did you mean" in said(capsys, "mistakes", str(trained.path), "--method", "occlusio")


def test_no_more_units_are_projected_back_than_their_sheet_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    from types import SimpleNamespace

    from convsmith.insight import deconvolved as projected
    from convsmith.insight.pictures.units import MOST
    from convsmith.jobs import units

    given: list[tuple[int, ...]] = []

    def spy(module: Any, layer: str, images_UNHWC: np.ndarray) -> np.ndarray:
        given.append(images_UNHWC.shape)
        return np.zeros((*images_UNHWC.shape[:2], 3, 4, 4))

    monkeypatch.setattr(projected, "deconvolved", spy)
    layer: Any = SimpleNamespace(layer="head", images_UK=np.zeros((1280, 9), int))
    found = units._deconvolved(None, layer, np.zeros((2, 4, 4, 3), np.uint8), [])  # type: ignore[arg-type]
    assert given == [(MOST, 1, 4, 4, 3)]
    assert found is not None
    assert len(found) == MOST


@pytest.fixture
def read_only(trained: Done, monkeypatch: pytest.MonkeyPatch) -> Done:
    """The run where nothing in its folder of runs can be written, as on a read-only disk, whoever asks."""
    home, written = str(trained.path.parent), os.O_WRONLY | os.O_RDWR | os.O_CREAT
    inside = lambda path: isinstance(path, str | os.PathLike) and str(path).startswith(home)  # noqa: E731

    def refuse(name: str, asked: Any) -> None:
        real = getattr(os, name)

        def call(path: Any, *rest: Any, **settings: Any) -> Any:
            if inside(path) and asked(path, *rest):
                raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))
            return real(path, *rest, **settings)

        monkeypatch.setattr(os, name, call)

    refuse("open", lambda path, flags, *rest: flags & written)
    refuse("mkdir", lambda path, *rest: not os.path.exists(path))
    refuse("unlink", lambda path, *rest: True)
    refuse("replace", lambda path, *rest: True)
    access, plain = os.access, builtins.open
    monkeypatch.setattr(
        os,
        "access",
        lambda path, mode, **rest: not (inside(path) and mode & os.W_OK) and access(path, mode, **rest),
    )

    def opened(path: Any, mode: str = "r", *rest: Any, **settings: Any) -> Any:
        if inside(path) and set(mode) & set("wax+"):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))
        return plain(path, mode, *rest, **settings)

    monkeypatch.setattr(builtins, "open", opened)
    monkeypatch.setattr(io, "open", opened)
    return trained


@pytest.mark.parametrize(
    "command_line",
    [
        ["explain", "RUN", "--split", "test", "--most", "1"],
        ["units", "RUN", "--layer", "conv1", "--made", "none"],
        ["mistakes", "RUN"],
        ["fool", "RUN", "direct", "--generations", "0", "--children", "1"],
        ["robustness", "RUN", "--images", "2"],
        ["style", "RUN", "PHOTO", "PHOTO", "--size", "16", "--steps", "1"],
    ],
    ids=lambda line: line[0],
)
def test_a_run_that_cannot_be_written_is_one_line(
    read_only: Done, tmp_path: Path, capsys: pytest.CaptureFixture[str], command_line: list[str]
) -> None:
    Image.fromarray(np.zeros((20, 20, 3), np.uint8)).save(tmp_path / "photo.png")
    names = {"RUN": str(read_only.path), "PHOTO": str(tmp_path / "photo.png")}
    text = said(capsys, *[names.get(word, word) for word in command_line])
    assert "cannot be written: no permission" in text
    assert len(text.splitlines()) == 1
    assert "Traceback" not in text


def test_what_cannot_be_written_into_the_run_is_written_elsewhere(
    read_only: Done, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, elsewhere = str(read_only.path), tmp_path / "there" / "maps"
    for option, file in (([], "explain.json"), (["--no-evidence", "--full"], "0000.npy")):
        line = ["explain", run, "--split", "test", "--most", "1", "--output", str(elsewhere), *option]
        assert command([*line, "--quiet"]) == 0
        assert str(elsewhere) in capsys.readouterr().out
        assert (elsewhere / file).exists()
    assert json.loads((elsewhere / "evidence.json").read_text())["images"] == 1


def test_long_looks_show_how_far_they_are(
    trained: Done, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a terminal a line each quiet while: here at once."""
    monkeypatch.setattr("convsmith.jobs.running.progress.QUIET_SECONDS", -1.0)
    run = str(trained.path)
    for line, words in (
        (
            ["explain", run, "--split", "test", "--most", "2"],
            ("[1/2] heatmaps", "image 2 of 2", "[2/2] evidence"),
        ),
        (
            ["units", run, "--layer", "conv1", "--most", "50"],
            ("patches", "images made", "units switched off"),
        ),
        (["fool", run, "gradient", "--steps", "2", "--label", "1"], ("pictures of 1 class",)),
        (["fool", run, "adversarial", "--images", "4"], ("of the attacks",)),
        (["robustness", run, "--images", "2"], ("severity 5",)),
    ):
        assert command(line) == 0, line
        told = capsys.readouterr().err
        assert all(word in told for word in words), told
        assert "%" in told
    assert command(["explain", run, "--split", "test", "--most", "1", "--no-evidence", "--quiet"]) == 0
    assert capsys.readouterr().err == ""
