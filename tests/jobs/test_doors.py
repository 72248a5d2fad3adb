"""What comes from elsewhere: files of one's own and other packages' entry points, in whole jobs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import convsmith as cs
from convsmith.cli.main import run as command
from convsmith.errors import BadInput
from convsmith.kinds import KINDS

PACKAGE = """
from convsmith.data.readers.npz import npz
from convsmith.graph import notation as keras
from convsmith.insight.explanation import Explanation
from convsmith.kinds import Kind, kind

@kind
class Twice(Kind):
    def shape(self, *inputs):
        return inputs[0]

    def module(self, *inputs):
        import torch

        class Module(torch.nn.Module):
            def forward(self, x):
                return 2 * x

        return Module()

    def onnx(self, write, names, inputs, weights):
        return write.node("Add", [names[0], names[0]])

def doubled(choose, input_shape, classes):
    x = inputs = keras.Input(input_shape)
    x = keras.layers.Rescaling(1 / 255)(x)
    x = keras.layers.Conv2D(choose("width", tuple(range(2, 60))), 3, activation="relu")(x)
    x = keras.layers.Twice()(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, keras.layers.Dense(classes, activation="softmax")(x), name="doubled")

def fixed(input_shape=(8, 8, 1), classes=2):
    return doubled(lambda name, options: options[-1], input_shape, classes)

def sidecar(source):
    return npz(source[:-len(".ours")] + ".npz") if str(source).endswith(".ours") else None

def last(space, history, rng, *, population: int = 2):
    return space.sample(rng)

def flat(net, images_NCHW, target=None, *, layer=None):
    maps = images_NCHW.numpy().mean(1)
    count = len(maps)
    return Explanation(
        method="flat", maps_NHW=maps, images_NCHW=images_NCHW.numpy(), target=(0,) * count,
        versus=(None,) * count, output="logits", scores=(0.0,) * count,
    )
"""
OFFERS = """
[convsmith.kinds]
Twice = kc_package:Twice
[convsmith.networks]
fixed = kc_package:fixed
[convsmith.readers]
sidecar = kc_package:sidecar
[convsmith.spaces]
doubled = kc_package:doubled
[convsmith.algorithms]
last = kc_package:last
[convsmith.explanations]
flat = kc_package:flat
"""
TRY = """
import convsmith as cs
done = cs.forge(
    "photos.ours", space="doubled", algorithm="last", max_params=500, trials=3, epochs=1, workers=2,
    threads=1, pretrained="none", quiet=True,
)
print(done.path)
print(sorted({one["status"] for one in done.trials}))
print(cs.size("fixed").totals.params)
print(cs.explain(done, done.path.parent.parent / "one.png", method="flat", evidence=False).explanation.method)
"""


@pytest.fixture(autouse=True)
def nothing_stays() -> Iterator[None]:
    """What these tests register is forgotten behind them."""
    len(list(KINDS))  # filled
    before = dict(KINDS._things)
    yield
    KINDS._things.clear()
    KINDS._things.update(before)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two classes of eighty images, in which one works."""
    from PIL import Image

    rng = np.random.default_rng(0)
    y = np.arange(80) % 2
    x = rng.integers(0, 120, (80, 8, 8)).astype(np.uint8) + 120 * y[:, None, None].astype(np.uint8)
    np.savez(tmp_path / "photos.npz", x=x, y=y)
    (tmp_path / "photos.ours").write_text("")
    Image.fromarray(x[1]).save(tmp_path / "one.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.slow
def test_a_package_offers_one_of_each(place: Path) -> None:
    """In a process of its own, whose workers have the package too; and where it is no longer installed."""
    about = place / "lib" / "kc_package-0.7.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: kc-package\nVersion: 0.7\n")
    (about / "entry_points.txt").write_text(OFFERS)
    (place / "lib" / "kc_package.py").write_text(PACKAGE)
    paths = os.pathsep.join([str(place / "lib"), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, "-c", TRY], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": paths}
    )
    assert done.returncode == 0, done.stderr
    path, statuses, params, method = done.stdout.splitlines()
    assert statuses == "['ok']"
    assert int(params) == (9 * 59 + 59) + (59 * 2 + 2)
    assert method == "flat"
    known = json.loads((Path(path) / "env.json").read_text())["offered"]
    assert known["convsmith.kinds"] == {"Twice": "kc-package 0.7"}
    assert len(known) == 6
    with pytest.raises(BadInput, match=r"kind 'Twice', .* pip install kc-package==0.7"):
        cs.explain(path, str(place / "one.png"), evidence=False)


@pytest.mark.slow
def test_files_of_ones_own_stay_with_the_run(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Workers have the kinds of the space's file; a run goes on with its own copies where files are gone."""
    (place / "mine.py").write_text(PACKAGE)
    (place / "hill.py").write_text(
        "def hill(space, history, rng, *, population: int = 2):\n    return space.sample(rng)\n"
    )
    options = [
        "--max-params", "500", "--trials", "4", "--epochs", "1", "--threads", "1", "--workers", "2",
        "--pretrained", "none", "--quiet",
    ]  # fmt: skip
    line = ["forge", "photos.npz", "--space", "mine.py:doubled", "--algorithm", "hill.py:hill", *options]
    assert command(line) == 0
    run = place / "runs" / "0001"
    trials = [json.loads(text) for text in (run / "trials.jsonl").read_text().splitlines()]
    assert {one["status"] for one in trials} == {"ok"}
    assert "hill.py:hill" in {one["arm"] for one in trials}
    for name, copy in (("mine.py", "space.py"), ("hill.py", "algorithm.py")):
        assert (run / copy).read_bytes() == (place / name).read_bytes()
        (place / name).unlink()
    for file in ("result.json", "search.json", "finals.json", "metrics.json"):
        (run / file).unlink(missing_ok=True)
    about = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps({**about, "finished": None}))
    assert command(["forge", "--resume", str(run), "--quiet"]) == 0
    assert (run / "result.json").exists()


def test_a_network_and_a_method_of_a_file(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = PACKAGE.replace("Twice", "TwiceMore")
    (place / "mine.py").write_text(text)
    assert command(["size", "mine.py:fixed", "--input", "9x9x1", "--classes", "3"]) == 0
    assert "TwiceMore" in capsys.readouterr().out
    assert cs.read("photos.ours", reader="mine.py:sidecar").classes == cs.read("photos.npz").classes
    done = cs.train("mine.py:fixed", "photos.npz", epochs=1, threads=1, quiet=True)
    assert (done.path / "network.py").read_text() == text
    found = cs.explain(done, "one.png", method="mine.py:flat", evidence=False)
    assert found.explanation.method == "flat"
    assert command(["size", "mine.py:fixd"]) == 2
    assert "did you mean 'fixed'" in capsys.readouterr().err
