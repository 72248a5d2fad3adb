"""What `train --pretrained` begins with: published weights, one's own, or none, and what is said of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convsmith.cli.main import run as command
from convsmith.engine.weights import initial
from convsmith.formats.weights_file import write_weights_file
from convsmith.jobs.train import train
from convsmith.pretrained import open_source, package
from convsmith.zoo import network

from .conftest import Enough, Spy, numbered, watched

OPTIONS: dict[str, Any] = {"threads": 1, "quiet": True}


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "weights"))
        yield


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Grey images of 32 x 32 pixels."""
    x, y = numbered()
    path = tmp_path_factory.mktemp("large") / "images.npz"
    np.savez(path, x=x.repeat(4, 1).repeat(4, 2), y=y)
    return str(path)


def started(runs: Path) -> dict[str, Any]:
    (path,) = runs.glob("*/started.json")
    return json.loads(path.read_text())  # type: ignore[no-any-return]


def test_auto_takes_the_published_weights_of_this_network(large: str, tmp_path: Path, spy: Spy) -> None:
    with pytest.raises(Enough):
        train("efficientnet_lite0", large, runs=str(tmp_path), **OPTIONS)
    (call,) = spy.calls
    source = open_source("efficientnet_lite0")
    got = call.options["weights"]
    assert got["stem/kernel"] == pytest.approx(source.weights["stem/kernel"].sum(2, keepdims=True))  # grey
    assert np.array_equal(got["block6_project/kernel"], source.weights["block6_project/kernel"])
    assert got["softmax/kernel"].shape == (1280, 3)
    assert call.options["learning_rate"] < 0.01  # what knows something learns slowly
    kept = started(tmp_path)
    assert (kept["source"]["name"], kept["source"]["licence"]) == ("efficientnet_lite0", "Apache-2.0")
    assert kept["taken"] == "weights from efficientnet_lite0; the head is new: 3 classes"


@pytest.mark.parametrize("way", ["small", "no package", "no such weights", "none"])
def test_otherwise_random_numbers(
    way: str, large: str, images: Path, tmp_path: Path, spy: Spy, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    says = ""
    name, data, options = "efficientnet_lite0", large, {**OPTIONS, "quiet": False, "runs": str(tmp_path)}
    if way == "small":
        data, says = str(images), "images of 8x8 pixels are too small"
    elif way == "no package":
        monkeypatch.setattr(package, "package_file", lambda row: None)
        says = "published ones are not on this machine; to have them: --pretrained efficientnet_lite0; "
    elif way == "no such weights":
        name = "course_cnn"
    else:
        options["pretrained"] = "none"
    with pytest.raises(Enough):
        train(name, data, **options)
    assert spy.calls[0].options["weights"] is None
    assert spy.calls[0].options["learning_rate"] is None
    said = capsys.readouterr().err
    assert says in said
    assert ("weights: random numbers" in said) == bool(says)
    # Goes on as it began, whatever is on the machine by then.
    monkeypatch.undo()
    again = watched(monkeypatch)
    with pytest.raises(Enough):
        train(name, data, **options)
    assert again.calls[0].options["weights"] is None


def test_a_file_of_other_classes_gives_all_but_the_head(
    images: Path, tmp_path: Path, spy: Spy, capsys: pytest.CaptureFixture[str]
) -> None:
    graph = network("course_cnn", (28, 28, 1), 3)
    weights, path = initial(graph, 9), str(tmp_path / "net.safetensors")
    for classes, is_new in ((("0", "1", "2"), False), (("a", "b", "c"), True)):
        write_weights_file(path, graph, weights, classes=classes, licence="CC-BY-NC-4.0")
        with pytest.raises(Enough):
            train(
                network("course_cnn", (28, 28, 1), 3), str(images), pretrained=path, size=(28, 28),
                runs=str(tmp_path / str(is_new)), threads=1,
            )  # fmt: skip
        got = spy.calls[-1].options["weights"]
        head = f"{list(graph.weights)[-1].rpartition('/')[0]}/kernel"
        assert np.array_equal(got[head], weights[head]) != is_new
        assert all(
            np.array_equal(got[name], weights[name]) for name in weights if not name.startswith(head[:4])
        )
        said = capsys.readouterr().err
        assert "licence CC-BY-NC-4.0; NOT FOR COMMERCIAL USE" in said
        assert ("is new: 3 classes" in said) == is_new


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        ("efficientnet_lite0", "has no layer in common with 'course_cnn'"),
        ("efficientnet_lite9", "--pretrained: no 'efficientnet_lite9'; did you mean"),
        ("net.safetensors", "net.safetensors: cannot be read"),
        ("net.keras", "net.keras"),
        ("other.safetensors", "has no Graph beside it"),
        ("efficientnet_lite0=other.safetensors", "is damaged or another file"),
        ("efficientnet_lite0=absent.pth", "cannot be read"),
        ("imagenet", "--pretrained imagenet for network: no 'course_cnn'"),
        ("picture.png", "'picture.png' is no trained network; expected a run folder, a .keras"),
    ],
)
def test_what_cannot_be_used_is_one_line(
    wanted: str, says: str, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    from safetensors.numpy import save_file

    monkeypatch.chdir(tmp_path)
    for name in ("net.safetensors", "net.keras", "picture.png"):
        Path(name).write_bytes(b"no network")
    save_file(initial(network("lenet5"), 0), "other.safetensors")
    line = ["train", "course_cnn", str(images), "--size", "28x28", "--quiet", "--threads", "1"]
    assert command([*line, "--pretrained", wanted]) == 2
    said = capsys.readouterr().err
    assert says in said
    assert said.count("\n") == 1
