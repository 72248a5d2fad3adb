"""train's options from end to end: fine-tuning from runs and .keras files, teachers, views, early ends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits

import convsmith as cs
from convsmith.cli.main import run as command
from convsmith.engine.weights import open_weights
from convsmith.errors import BadInput
from convsmith.jobs.running.run_result import Done

OPTIONS: dict[str, Any] = {"size": (28, 28), "threads": 1, "quiet": True}


def saved(path: Path, labels: range, count: int) -> str:
    x, y = load_digits(return_X_y=True)
    rows = np.flatnonzero(np.isin(y, labels))[:count]
    np.savez(path, x=(x[rows].reshape(-1, 8, 8) * 15.9).astype(np.uint8), y=y[rows].astype(np.int64))
    return str(path)


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> str:
    return saved(tmp_path_factory.mktemp("images") / "digits.npz", range(10), 300)


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> str:
    return saved(tmp_path_factory.mktemp("images") / "three.npz", range(3), 120)


@pytest.fixture(scope="module")
def first(digits: str, tmp_path_factory: pytest.TempPathFactory) -> Done:
    runs = str(tmp_path_factory.mktemp("runs"))
    return cs.train("mnist_fast", digits, epochs=5, tta="auto", runs=runs, **OPTIONS)


def test_views_are_a_figure_of_their_own(first: Done) -> None:
    metrics = json.loads((first.path / "metrics.json").read_text())
    assert metrics["tta"]["views"] == "shift"
    assert 0 <= metrics["tta"]["test_accuracy"] <= 1
    assert metrics["test_accuracy"] == first.test_accuracy
    assert "several views" in first.render("text")
    recalls = [row["recall"] for row in metrics["per_class"]]
    assert metrics["balanced_accuracy"] == pytest.approx(np.mean(recalls))


def test_everything_asked_for_is_recorded(first: Done) -> None:
    asked = json.loads((first.path / "recipe.json").read_text())
    assert {"recipe", "freeze", "patience", "tta", "balance", "layer_decay", "teacher"} <= set(asked)
    told = json.loads((first.path / "training.json").read_text())
    assert told["recipe"]["learning_rate"] == 0.01
    assert told["recipe"]["name"] == "auto"
    assert told["epochs"] == told["best"] == 5


@pytest.mark.parametrize("form", ["run", "keras", "safetensors"])
def test_fine_tuning_with_another_head(
    form: str, first: Done, three: str, tmp_path: Path, capsys: Any
) -> None:
    source = str(first.path)
    if form != "run":
        source = str(tmp_path / f"net.{form}")
        cs.export(first, source)
    options = {**OPTIONS, "quiet": False}
    tuned = cs.train(
        "mnist_fast",
        three,
        pretrained=source,
        freeze="body",
        epochs=2,
        runs=str(tmp_path / "runs"),
        **options,
    )
    said = capsys.readouterr().err
    assert "the head 'softmax' is new: 3 classes" in said
    assert "frozen up to body" in said
    before = open_weights(first.path / "weights.safetensors")
    after = open_weights(tuned.path / "weights.safetensors")
    changed = {name for name in after if not np.array_equal(after[name], before[name])}
    assert changed == {"softmax/kernel", "softmax/bias"}
    assert after["softmax/kernel"].shape[-1] == 3
    assert tuned.result["params"] < first.result["params"]


def test_a_keras_file_as_network_gets_a_new_head(first: Done, three: str, tmp_path: Path) -> None:
    source = str(tmp_path / "net.keras")
    cs.export(first, source)
    tuned = cs.train(
        source, three, pretrained=source, layer_decay=0.5, epochs=1, runs=str(tmp_path / "runs"), **OPTIONS
    )
    assert json.loads((tuned.path / "training.json").read_text())["recipe"]["layer_decay"] == 0.5
    assert json.loads((tuned.path / "training.json").read_text())["recipe"]["learning_rate"] == 0.01 * 0.03


def test_a_teacher_a_found_rate_and_an_early_end(first: Done, digits: str, tmp_path: Path) -> None:
    taught = cs.train(
        "mnist_fast", digits, teacher=str(first.path), learning_rate="find", until_accuracy="5%",
        balance="sampling", runs=str(tmp_path), **OPTIONS,
    )  # fmt: skip
    told = json.loads((taught.path / "training.json").read_text())
    assert told["epochs"] == 1
    assert told["recipe"]["until_accuracy"] == 0.05
    assert told["recipe"]["balance"] == "sampling"
    rates = json.loads((taught.path / "rates.json").read_text())
    assert told["recipe"]["learning_rate"] == rates["rate"]
    assert len(rates["rates"]) == len(rates["losses"])


def test_a_teacher_of_other_classes_is_refused(first: Done, three: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"--teacher: .* knows 0, 1, 2"):
        cs.train("mnist_fast", three, teacher=str(first.path), runs=str(tmp_path), **OPTIONS)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--pretrained", "nowhere/"], "--pretrained: no file or folder 'nowhere/'"),
        (["--pretrained", "imagnet"], "--pretrained: no 'imagnet'; did you mean 'imagenet'?"),
        (["--teacher", "nowhere/"], "--teacher: no file or folder 'nowhere/'"),
        (["--until-accuracy", "most"], "a number, such as 99%"),
        (["--until-accuracy", "150%"], "0.01 to 1"),
        (["--learning-rate", "quick"], 'or "find"'),
        (["--learning-rate", "-1"], "0 to 1e+06"),
        (["--recipe", "fats"], "did you mean 'fast'"),
        (["--tta", "flipp"], "did you mean 'flip'"),
        (["--balance", "weight"], "did you mean 'weights'"),
        (["--schedule", "cosin"], "did you mean 'cosine'"),
        (["--optimizer", "adamm"], "did you mean 'adam'"),
        (["--patience", "0"], "--patience: got 0"),
        (["--layer-decay", "2"], "--layer-decay: got 2"),
        (["--label-smoothing", "3"], "--label-smoothing"),
        (["--augment", "trivia"], "did you mean 'trivial'"),
        (["--precision", "bfloat"], "did you mean 'bfloat16'"),
        (["--device", "gpu"], "known: auto, cpu, cuda"),
    ],
)
def test_bad_options_are_one_line(options: list[str], says: str, tmp_path: Path, capsys: Any) -> None:
    runs = tmp_path / "runs"
    assert command(["train", "mnist_fast", "digits", "--quiet", "--runs", str(runs), *options]) == 2
    captured = capsys.readouterr()
    assert says in captured.err
    assert captured.err.count("\n") == 1
    assert not runs.exists()


def test_help_explains_every_option(capsys: Any) -> None:
    assert command(["train", "--help"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    for flag in ("--recipe", "--freeze", "--teacher", "--until-accuracy", "--layer-decay", "--tta"):
        assert flag in said


def test_names_of_options_in_capitals(digits: str, tmp_path: Path) -> None:
    done = cs.train(
        "mnist_fast", digits, recipe="AUTO", schedule="COSINE", loss="Mean_Squared_Error", balance="NONE",
        tta="AUTO", precision="Float32", optimizer="SGD", epochs=1, runs=str(tmp_path), **OPTIONS,
    )  # fmt: skip
    kept = json.loads((done.path / "training.json").read_text())["recipe"]
    assert (kept["schedule"], kept["loss"], kept["optimizer"]) == ("cosine", "mean_squared_error", "sgd")


def test_muon_decays_convolutions_as_it_is_told() -> None:
    from convsmith.engine.recipe import recipe
    from convsmith.engine.training import Training
    from convsmith.zoo import network

    x, y = np.zeros((4, 32, 32, 1), np.uint8), np.arange(4) % 2
    for decay in (0.0, 0.1):
        chosen = recipe(x, y, optimizer="muon", weight_decay=decay, epochs=1)
        made = Training(network("lenet5", classes=2), x, y, chosen, None, None).optimizer
        assert (made.weight_decay, made.adam_weight_decay) == (decay or None, decay or None)


def test_one_sigmoid_unit_for_two_classes_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from convsmith.graph import notation as keras

    inputs = keras.Input((8, 8, 1))
    x = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(inputs))
    network = keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid")(x), name="yes_or_no")
    data = saved(tmp_path / "two.npz", range(2), 120)
    run = cs.train(network, data, epochs=2, threads=1, runs=str(tmp_path / "runs"))
    said = "its one sigmoid unit became 2 units with a softmax: a probability for each class"
    assert f"yes_or_no: {said}" in capsys.readouterr().err
    assert f"Given with another head: {said}." in (run.path / "report.html").read_text()
    assert run.test_accuracy > 0.5
