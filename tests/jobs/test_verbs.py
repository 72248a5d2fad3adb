"""train, search, explain, export, list, check: the verbs of Python and of the command line."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

import convsmith as cs
from convsmith.cli.main import run as command
from convsmith.errors import BadInput, BadName
from convsmith.jobs.running.run_result import Done


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> str:
    x, y = load_digits(return_X_y=True)
    path = tmp_path_factory.mktemp("images") / "digits.npz"
    np.savez(path, x=(x[:200].reshape(-1, 8, 8) * 15.9).astype(np.uint8), y=y[:200].astype(np.int64))
    return str(path)


@pytest.fixture(scope="module")
def trained(digits: str, tmp_path_factory: pytest.TempPathFactory) -> Done:
    runs = str(tmp_path_factory.mktemp("runs"))
    return cs.train("lenet5", digits, size=(32, 32), epochs=3, threads=1, runs=runs, quiet=True)


def test_train_leaves_a_whole_run(trained: Done) -> None:
    assert trained.result["params"] == 61_706
    for name in (
        "graph.json",
        "weights.safetensors",
        "history.jsonl",
        "answer_rule.json",
        "model.onnx",
        "report.html",
        "README.md",
    ):
        assert (trained.path / name).stat().st_size > 0
    assert len((trained.path / "history.jsonl").read_text().splitlines()) == 3
    assert "budget_kept" not in trained.result
    kinds = [node["kind"] for node in json.loads((trained.path / "graph.json").read_text())["nodes"]]
    assert kinds[:2] == ["InputLayer", "Rescaling"]


def test_the_same_training_gives_the_same_bits(trained: Done, digits: str, tmp_path: Path) -> None:
    again = cs.train("lenet5", digits, size=(32, 32), epochs=3, threads=1, runs=str(tmp_path), quiet=True)
    for name in ("weights.safetensors", "answer_rule.json"):
        assert (again.path / name).read_bytes() == (trained.path / name).read_bytes(), name


def test_a_networks_file_is_trained_as_it_is(trained: Done, digits: str, tmp_path: Path) -> None:
    import keras

    cs.export(trained, str(tmp_path / "net.keras"))
    model = keras.models.load_model(tmp_path / "net.keras")
    assert model.count_params() == 61_706
    options = {"epochs": 1, "threads": 1, "runs": str(tmp_path / "runs"), "quiet": True}
    assert cs.train(model, digits, size=(32, 32), **options).result["params"] == 61_706
    with pytest.raises(BadInput, match="takes"):
        cs.train(model, digits, **options)


def test_the_ending_decides_what_is_written(trained: Done, tmp_path: Path) -> None:
    import onnx

    run = str(trained.path)
    assert command(["export", run, str(tmp_path / "net.keras")]) == 0
    assert zipfile.is_zipfile(tmp_path / "net.keras")
    cs.export(trained, str(tmp_path / "NET.ONNX"))
    onnx.checker.check_model(str(tmp_path / "NET.ONNX"))


@pytest.mark.parametrize(
    ("path", "format", "words"),
    [
        ("net.pt", None, r"path: '.*net\.pt' ends in \.pt; expected \.onnx or \.keras.*; try: .*net\."),
        ("net.h5", None, r"ends in \.h5"),
        ("net.kears", None, r"ends in \.kears; .*; try: .*net\.keras$"),
        ("net", None, r"ends in nothing; .*; try: .*net\.onnx$"),
        (".onnx", None, r"ends in nothing"),
        ("net.keras", "onnx", r"--format: got onnx for a file that ends in \.keras; .*; try: .*net\.onnx$"),
        ("net.onnx", "keras", r"--format: got keras for a file that ends in \.onnx"),
        (None, "pt", r"--format: no 'pt'"),
    ],
)
def test_other_endings_are_refused_and_nothing_is_written(
    trained: Done, tmp_path: Path, path: str | None, format: str | None, words: str
) -> None:
    with pytest.raises(BadInput, match=words):
        cs.export(trained, None if path is None else str(tmp_path / path), format=format)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["size", "lenet5", "-o"], "ends in .pt; expected .txt"),
        (["draw", "lenet5", "-o"], "ends in .pt; expected .txt or .json or .svg"),
        (["compare", "lenet5", "-o"], "ends in .pt"),
        (["diff", "lenet5", "course_cnn", "-o"], "ends in .pt"),
        (["audit", "no.csv", "--network", "lenet5", "-o"], "ends in .pt"),
        (["check", "digits", "--fix"], "--fix: '"),
        (["check", "digits", "--page"], "ends in .pt; expected .html"),
        (["convolve", "no.jpg", "-o"], "ends in .pt; expected .png"),
        (["style", "runs/1", "a.png", "b.png", "-o"], "ends in .pt; expected .png"),
        (["latency-table", "stages", "--input", "8x8x1", "-o"], "ends in .pt; expected .json"),
    ],
)
def test_every_output_is_what_its_ending_says_and_is_refused_before_any_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    assert command([*arguments, str(tmp_path / "out.pt")]) == 2
    assert words in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_an_exported_keras_file_says_what_the_run_says(trained: Done, digits: str, tmp_path: Path) -> None:
    import keras

    from convsmith.engine.predict import predict
    from convsmith.jobs.inputs.trained import trained as network_of

    cs.export(trained, str(tmp_path / "net.keras"))
    x_NHWC = cs.read(digits).pixels((32, 32), 1)[:8]
    net = network_of(trained)
    ours = predict(net.graph, x_NHWC, weights=net.weights)
    theirs = keras.models.load_model(tmp_path / "net.keras").predict(x_NHWC.astype("float32"), verbose=0)
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_training_goes_on_from_the_weights_of_a_run(trained: Done, digits: str, tmp_path: Path) -> None:
    options = {"size": (32, 32), "epochs": 1, "threads": 1, "runs": str(tmp_path), "quiet": True}
    fresh = cs.train("lenet5", digits, **options)
    tuned = cs.train("lenet5", digits, pretrained=str(trained.path), learning_rate=1e-6, **options)
    assert tuned.test_accuracy == pytest.approx(trained.test_accuracy, abs=0.03)
    assert fresh.path != tuned.path
    with pytest.raises(BadInput, match=r"has no layer in common with .course_cnn"):
        cs.train("course_cnn", digits, pretrained=str(trained.path), **options)


def test_explain_saves_pictures_of_the_photographs_own_size(trained: Done, tmp_path: Path) -> None:
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (90, 60, 3), np.uint8)).save(
        tmp_path / "photo.png"
    )
    assert command(["explain", str(trained.path), str(tmp_path / "photo.png"), "--method", "grad-cam"]) == 0
    rows = json.loads((trained.path / "explain" / "grad_cam" / "explain.json").read_text())
    assert rows[0]["name"] == "photo.png"
    assert (trained.path / "explain" / "grad_cam" / rows[0]["file"]).stat().st_size > 0


def test_search_is_forge_with_the_space_first(digits: str, tmp_path: Path) -> None:
    options = {
        "max_params": 2000,
        "trials": 2,
        "epochs": 2,
        "threads": 1,
        "runs": str(tmp_path),
        "quiet": True,
    }
    found = cs.search("stages", digits, **options)
    assert found.best.result["params"] <= 2000
    assert all(trial["params"] <= 2000 for trial in found.trials)


@pytest.mark.parametrize(
    "what", ["networks", "spaces", "algorithms", "explanations", "kinds", "readers", "recipes"]
)
def test_lists_have_a_line_for_everything(what: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(["list", what, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)[what]
    assert rows
    assert all(len(note) > 10 and "\n" not in note for note in rows.values()), rows


def test_check_fails_only_when_strict(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("cats", "dogs"):
        (tmp_path / name).mkdir()
        for number in range(6):
            pixels = np.random.default_rng(number).integers(0, 255, (16, 16, 3), np.uint8)
            Image.fromarray(pixels).save(tmp_path / name / f"{number}.png")
    assert command(["check", str(tmp_path)]) == 0
    assert command(["check", str(tmp_path), "--strict"]) == 1
    assert command(["check", "digits", "--strict", "--json"]) == 0


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda digits, runs: cs.train("lenet", digits, runs=runs), "did you mean 'lenet5'"),
        (lambda digits, runs: cs.train("lenet5", digits, epochs=0, runs=runs), "--epochs: got 0"),
        (
            lambda digits, runs: cs.train("lenet5", digits, augment="digit", runs=runs),
            "did you mean 'digits'",
        ),
        (lambda digits, runs: cs.explain("nowhere", "x.png"), "does not exist"),
        (lambda digits, runs: cs.export(3, "x.onnx"), "got int"),
        (lambda digits, runs: cs.search("stages", digits, max_params=9, hours=-1, runs=runs), "--hours"),
    ],
)
def test_bad_input_is_said_at_once(call, says: str, digits: str, tmp_path: Path) -> None:
    with pytest.raises((BadInput, BadName), match=says):
        call(digits, str(tmp_path / "runs"))
    assert not (tmp_path / "runs").exists()
