"""A labelled set of another day: what is counted, matched, compared and refused."""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.metrics import accuracy_score, confusion_matrix, precision_score, recall_score

import convsmith as cs
from convsmith.cli.main import run as command
from convsmith.data.images import Images
from convsmith.data.items import Rows
from convsmith.engine.predict import predict
from convsmith.errors import BadInput
from convsmith.jobs.evaluation import evaluate
from convsmith.jobs.inputs.trained import trained
from convsmith.jobs.steps import since_its_test


@pytest.fixture(scope="module")
def run(run_of_digits: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the run, in which evaluations may lie; its images are where they were."""
    folder = tmp_path_factory.mktemp("evaluated") / "runs" / "0001"
    shutil.copytree(run_of_digits, folder)
    return folder


@pytest.fixture(scope="module")
def later(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Digits that the run has not seen, brighter, in folders: no 9, few 0s, and a class 'x' of others."""
    x, y = load_digits(return_X_y=True)
    folder = tmp_path_factory.mktemp("later")
    for k in range(600, 800):
        name = {9: "x"}.get(int(y[k]), str(y[k]))
        if name == "0" and k % 4:
            continue
        (folder / name).mkdir(exist_ok=True)
        picture = (x[k].reshape(8, 8) * 11.9 + 64).astype(np.uint8)
        Image.fromarray(picture).save(folder / name / f"{k}.png")
    (folder / "1" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    return folder


@pytest.fixture(scope="module")
def found(run: Path, later: Path) -> dict[str, Any]:
    return evaluate(str(run), str(later), quiet=True).result


def test_it_counts_as_scikit_learn_does(run: Path, later: Path, found: dict[str, Any]) -> None:
    net = trained(run)
    images = cs.read(str(later))
    rows = np.array([images.classes[k] != "x" for k in images.y])
    y = np.array([net.classes.index(images.classes[k]) for k in images.y[rows]])
    said = predict(net.graph, images.pixels((32, 32), 1)[rows], weights=net.weights).argmax(1)
    assert found["images"] == len(y)
    assert found["accuracy"] == pytest.approx(accuracy_score(y, said))
    assert found["interval"][0] < found["accuracy"] < found["interval"][1]
    assert np.array_equal(found["confusion"], confusion_matrix(y, said, labels=range(10)))
    recalls = recall_score(y, said, labels=range(10), average=None, zero_division=np.nan)
    precisions = precision_score(y, said, labels=range(10), average=None, zero_division=np.nan)
    for row, recall, precision in zip(found["per_class"], recalls, precisions, strict=True):
        assert row["recall"] == (None if np.isnan(recall) else pytest.approx(recall))
        assert row["precision"] == (None if np.isnan(precision) else pytest.approx(precision))


def test_classes_are_matched_by_name_and_others_are_said(found: dict[str, Any], later: Path) -> None:
    assert found["missing"] == ["9"]
    assert found["others"]["classes"] == {"x": len(list((later / "x").iterdir()))}
    assert 0 <= found["others"]["rejected"] <= 1
    assert found["unreadable"] == 1
    said = "\n".join(found["notes"])
    assert "of classes that the network does not have are left out: x (" in said
    assert "no image of 9" in said
    assert "1 image cannot be read" in said


def test_what_has_moved_is_found(run: Path, found: dict[str, Any]) -> None:
    metrics = json.loads((run / "metrics.json").read_text())
    against = found["against"]
    assert against["test_accuracy"] == pytest.approx(metrics["test_accuracy"])
    assert against["difference"] == pytest.approx(found["accuracy"] - metrics["test_accuracy"])
    assert against["interval"][0] < against["difference"] < against["interval"][1]
    assert against["test"] == "Fisher's exact test"
    assert against["more_than_chance"] == (against["p"] < 0.05)
    brightness, size = found["drift"]["brightness"], found["drift"]["size"]
    assert brightness["now"] > brightness["then"] + 20
    assert brightness["p"] < 1e-6
    assert (size["shift"], size["p"]) == (None, 1.0)
    shares = {row["class"]: row for row in found["shares"]}
    assert shares["9"]["now"] == 0
    assert shares["0"]["now"] < shares["0"]["interval"][1] < shares["0"]["then"]
    assert sum(row["now"] for row in shares.values()) == pytest.approx(1)
    assert found["seen_before"] == 0
    assert {row["class"] for row in found["moved"]} == set("012345678")


def test_a_large_loss_is_more_than_chance(run: Path, tmp_path: Path) -> None:
    """Digits in negative."""
    x, y = load_digits(return_X_y=True)
    np.savez(
        tmp_path / "negative.npz",
        x=255 - (x[600:700].reshape(-1, 8, 8) * 15.9).astype(np.uint8),
        y=y[600:700],
    )
    found = evaluate(str(run), str(tmp_path / "negative.npz"), name="negative", quiet=True).result
    assert found["accuracy"] < 0.6
    assert found["against"]["more_than_chance"]
    assert found["against"]["difference"] < -0.3
    assert any(row["more_than_chance"] for row in found["moved"])
    assert (run / "evaluations" / "negative.json").is_file()


def test_images_without_a_label_are_of_no_class(run: Path) -> None:
    x, y = load_digits(return_X_y=True)
    pixels, labels = (x[700:740].reshape(-1, 8, 8) * 15.9).astype(np.uint8), y[700:740].copy()
    labels[:3] = -1
    images = Images.listed(Rows([("x", pixels)]), labels, tuple("0123456789"), source="some").examined()
    found = evaluate(str(run), images, name="some", quiet=True).result
    assert (found["images"], found["unlabelled"], found["others"]) == (37, 3, None)
    assert "3 images without a label" in found["notes"]


def test_the_runs_own_images_give_its_own_test(run: Path, run_of_digits: Path) -> None:
    metrics = json.loads((run / "metrics.json").read_text())
    found = evaluate(str(run), str(run_of_digits.parents[1] / "digits.npz"), name="own", quiet=True).result
    assert (found["accuracy"], found["images"]) == (metrics["test_accuracy"], metrics["n_test"])
    assert found["confusion"] == metrics["confusion"]
    assert found["answers"]["ece"] == pytest.approx(metrics["answers"]["ece"])
    assert (found["against"]["p"], found["against"]["test"]) == (1.0, "the same images")
    assert "only its test images count" in found["notes"][0]


def test_pictures_that_were_taken_again_are_compared_in_pairs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Right then and wrong now, counted by hand; other pictures of the same names are no pairs."""
    monkeypatch.setattr(
        "convsmith.jobs.inputs.logits.logits", lambda module, x: np.eye(2)[x[:, 0, 0, 0].astype(int) % 2]
    )
    looks = np.random.default_rng(0).integers(0, 256, (6, 16, 16), np.uint8)

    def images(firsts: list[int], light: float, order: slice = slice(None)) -> Any:
        from types import SimpleNamespace

        x = np.zeros((6, 2, 2, 1), np.uint8)
        x[:, 0, 0, 0] = firsts
        seen = {"look": (looks[order] * light).astype(np.uint8)}
        named = SimpleNamespace(names=[f"{k}.png" for k in range(6)], seen=seen)
        y = np.array([0, 1, 0, 1, 0, 1])
        return SimpleNamespace(images=named, pixels_NHWC=x, y=y, parts={"test": np.arange(6)})

    then, now = images([0, 1, 0, 1, 0, 0], 1.0), images([1, 0, 0, 1, 1, 1], 0.7)
    assert since_its_test._paired(then, now, None) == (3, 1, 6)
    assert since_its_test._paired(then, images([1, 0, 0, 1, 1, 1], 0.7, slice(None, None, -1)), None) is None
    now.images.names[0] = "new.png"
    assert since_its_test._paired(then, now, None) is None


def test_it_is_kept_and_joins_the_report(run: Path, found: dict[str, Any]) -> None:
    assert json.loads((run / "evaluations" / "0001.json").read_text()) == found
    page = (run / "report.html").read_text()
    assert "On other days" in page
    assert f"{found['accuracy'] * 100:.1f}%" in page
    assert "of classes that the network does not have are left out" in page


def test_the_command_prints_text_json_and_csv(
    run: Path, later: Path, found: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["evaluate", str(run), str(later), "--quiet", "--name", "may"]
    assert command([*words, "--csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["class"] for row in rows] == found["classes"]
    assert [float(row["recall"]) for row in rows[:9]] == [row["recall"] for row in found["per_class"][:9]]
    assert rows[9]["recall"] == ""
    assert command([*words, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert {name: said[name] for name in ("accuracy", "drift")} == {
        name: found[name] for name in ("accuracy", "drift")
    }
    text = cs.evaluate(str(run), str(later), name="may", verbose=0).render("text")
    assert f"accuracy       {found['accuracy']:.2%} of {found['images']} images right" in text
    assert "drift          brightness" in text
    assert "Fisher's exact test, p = " in text


def test_where_the_training_images_are_gone_the_rest_is_said(run: Path, later: Path, tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "0001"
    shutil.copytree(run, folder)
    recipe = json.loads((folder / "recipe.json").read_text())
    (folder / "recipe.json").write_text(json.dumps(recipe | {"data": str(tmp_path / "gone.npz")}))
    found = evaluate(str(folder), str(later), quiet=True)
    assert (found.result["drift"], found.result["shares"]) == (None, None)
    assert "what has moved in the images was not measured" in found.render("text")
    assert found.render("csv").count("\n") == 10


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda run, f: cs.evaluate(str(run), f / "none"), "no such file"),
        (lambda run, f: cs.evaluate(str(f), "digits"), "no run.json|holds no run"),
        (lambda run, f: cs.evaluate(str(run)), "images: got none"),
        (lambda run, f: cs.evaluate(str(run), "digits", y=[1]), "y: given with a run"),
        (lambda run, f: cs.evaluate(str(run), "digits", name="../x"), "--name: got"),
        (lambda run, f: cs.evaluate(object(), [1], [1], name="x"), "name: given for object"),
        (
            lambda run, f: cs.evaluate(str(run), f / "cats.npz", verbose=0),
            "has none of the network's classes",
        ),
    ],
)
def test_bad_input_is_one_line(call: Any, says: str, run: Path, tmp_path: Path) -> None:
    x = np.random.default_rng(0).integers(0, 256, (4, 8, 8), np.uint8)
    np.savez(tmp_path / "cats.npz", x=x, y=np.array([20, 21, 20, 21]))
    before = sorted(path.name for path in run.rglob("*.json"))
    with pytest.raises(BadInput, match=says) as error:
        call(run, tmp_path)
    assert "\n" not in str(error.value)
    assert sorted(path.name for path in run.rglob("*.json")) == before
