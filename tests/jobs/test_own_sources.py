"""`forge --pretrained` with files of one's own: from end to end, and all that cannot be used in one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from convsmith.cli.main import run as command
from convsmith.engine.weights import initial
from convsmith.formats.keras import to_keras
from convsmith.formats.weights_file import write_weights_file
from convsmith.graph import Graph
from convsmith.jobs.forge import forge
from convsmith.pretrained import package
from convsmith.zoo import network

from .conftest import Enough, Spy, numbered, watched

LENET = network("lenet5", (32, 32, 1), 5)
WEIGHTS = initial(LENET, 7)
OPTIONS: dict[str, Any] = {
    "max_params": 5_000, "trials": 2, "epochs": 2, "threads": 1, "validation": 0.25, "quiet": True
}  # fmt: skip


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Grey images of 32 x 32 pixels, of classes 0, 1 and 2."""
    x, y = numbered()
    path = tmp_path_factory.mktemp("large") / "images.npz"
    np.savez(path, x=x.repeat(4, 1).repeat(4, 2), y=y)
    return str(path)


@pytest.mark.parametrize("form", ["keras", "safetensors"])
def test_a_file_of_ones_own_is_cut_fine_tuned_and_named(
    form: str, large: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / f"net.{form}"
    if form == "keras":
        to_keras(LENET, WEIGHTS).save(path)
    else:
        write_weights_file(path, LENET, WEIGHTS, classes="vwxyz", licence="CC-BY-NC-4.0", origin="a museum")
    spy = watched(monkeypatch, ends=False)
    options = OPTIONS | {"quiet": False, "teacher": "none", "runs": str(tmp_path / "runs")}
    done = forge(large, pretrained=str(path), **options)
    said = capsys.readouterr().err
    tuned = [call for call in spy.calls if "tuned-1" in str(call.options["checkpoint"])]
    assert tuned
    for call in tuned:
        assert np.array_equal(call.options["weights"]["conv1/kernel"], WEIGHTS["conv1/kernel"])
        assert call.graph.params <= 5_000
        assert call.graph.output_shape == (3,)
    source = json.loads((done.path / "pretrained.json").read_text())["source"]
    assert source["name"] == str(path)
    assert Graph.from_json(json.loads((done.path / "graph.json").read_text())).params <= 5_000
    card = (done.path / "README.md").read_text()
    if form == "safetensors":
        assert (source["licence"], source["commercial"]) == ("CC-BY-NC-4.0", False)
        assert said.index("NOT FOR COMMERCIAL USE") < said.index("cuts judged")
        assert "tells v, w, x, y and z apart: its head is new, for 3 classes" in said
        assert "no commercial use" in card
    else:
        assert "your own" in card


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        ("efficientnet_lite0=broken.pth", "is damaged or another file (SHA-256"),
        ("efficientnet_lite0=absent.pth", "cannot be read"),
        ("broken.keras", "broken.keras"),
        ("broken.safetensors", "broken.safetensors: cannot be read"),
        ("plain.safetensors", "has no Graph beside it"),
        ("foreign.safetensors", "network 'resnet20'"),
        ("picture.png", "'picture.png' is no trained network"),
        ("grey.safetensors", "got images of 3 channels; expected 1 channels"),
        ("deep.safetensors", "takes no images of "),
        ("flat.safetensors", "has no feature map to cut at"),
        ("over.safetensors", "no cut of over.safetensors keeps the budget; expected at least params"),
        ("runs/0404", "--pretrained: no file or folder 'runs/0404'"),
        ("efficientnet_lite1", "its weights are not on this machine"),
    ],
)
def test_what_cannot_be_used_is_one_line(
    wanted: str, says: str, large: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    from convsmith.graph import notation as keras

    monkeypatch.chdir(tmp_path)
    if wanted == "efficientnet_lite1":  # no package, and a package is fetched by no network
        monkeypatch.setattr(package, "package_file", lambda row: None)
    for name in ("broken.pth", "broken.keras", "broken.safetensors", "picture.png"):
        Path(name).write_bytes(b"no network")
    data = large
    if wanted == "plain.safetensors":
        save_file(WEIGHTS, wanted)
    elif wanted == "foreign.safetensors":
        save_file(WEIGHTS, wanted, {"graph": json.dumps(network("resnet20").to_json())})
    elif wanted in ("grey.safetensors", "deep.safetensors", "flat.safetensors", "over.safetensors"):
        side = 512 if wanted.startswith("deep") else 32
        x = inputs = keras.Input((side, side, 1))
        if wanted.startswith("grey"):
            x = keras.layers.Conv2D(2, 3)(x)
            colours = np.random.default_rng(0).integers(0, 256, (30, 32, 32, 3)).astype(np.uint8)
            np.savez("colours.npz", x=colours, y=np.arange(30) % 3)
            data = "colours.npz"
        elif wanted.startswith("deep"):
            for _ in range(3):
                x = keras.layers.Conv2D(2, 3)(keras.layers.MaxPooling2D(5)(x))
        elif wanted.startswith("over"):
            x = keras.layers.Conv2D(200, 3)(x)
        x = (
            keras.layers.Flatten()(x)
            if wanted.startswith("flat")
            else keras.layers.GlobalAveragePooling2D()(x)
        )
        graph = keras.Model(inputs, keras.layers.Dense(2, activation="softmax")(x))
        write_weights_file(wanted, graph, initial(graph, 0))
    line = ["forge", data, "--max-params", "1k", "--trials", "2", "--quiet", "--threads", "1"]
    assert command([*line, "--pretrained", wanted]) == 2
    said = capsys.readouterr().err
    assert says in said
    assert said.count("\n") == 1
    assert "Traceback" not in said


def test_auto_without_the_package_goes_on_with_the_search(
    large: str, tmp_path: Path, spy: Spy, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(package, "package_file", lambda row: None)
    with pytest.raises(Enough):
        forge(large, runs=str(tmp_path), **OPTIONS | {"quiet": False})
    said = capsys.readouterr().err
    assert "no pretrained network: its weights are not on this machine; to have one: pip install" in said
    assert spy.searches


def test_a_plan_of_a_run_without_one_has_none(
    large: str, tmp_path: Path, spy: Spy, capsys: pytest.CaptureFixture[str]
) -> None:
    from convsmith.errors import BadInput

    with pytest.raises(Enough):
        forge(large, pretrained="none", runs=str(tmp_path), **OPTIONS)
    before = tmp_path / "0001"
    (before / "plan.json").write_text("{}")
    (before / "searched.json").write_text('{"images": 80}')
    with pytest.raises(Enough):
        forge(large, plan=str(before), runs=str(tmp_path), **OPTIONS | {"quiet": False})
    assert "whose plan is repeated, had none" in capsys.readouterr().err
    write_weights_file(tmp_path / "net.safetensors", LENET, WEIGHTS)
    net = str(tmp_path / "net.safetensors")
    with pytest.raises(BadInput, match=r"--plan: .* did not start from a pretrained network"):
        forge(large, plan=str(before), pretrained=net, runs=str(tmp_path), **OPTIONS)
