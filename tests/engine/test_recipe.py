"""The automatic recipe beats plain SGD: small subsets, a small network, the same epochs, means over seeds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from convsmith.engine.loop import fit
from convsmith.engine.predict import evaluate
from convsmith.engine.recipe import automatic_batch, recipe
from convsmith.engine.train.presets import PRESETS
from convsmith.engine.train.schedule import share
from convsmith.zoo import network

TRAIN, TEST = 800, 600
Set = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def fashion(shared: Path) -> Set:
    found = np.load(shared / "data" / "fashion_mnist.npz")
    x, y, xt, yt = (found[name] for name in ("x_train", "y_train", "x_test", "y_test"))
    return x[:TRAIN, ..., None], y[:TRAIN].astype(int), xt[:TEST, ..., None], yt[:TEST].astype(int)


def cifar(shared: Path) -> Set:
    folder = shared / "data" / "cifar10"
    labels = np.load(folder / "labels.npz")["test"].astype(int)
    sheet = np.asarray(Image.open(folder / "test.webp").convert("RGB"))
    x = sheet.reshape(100, 32, 100, 32, 3).transpose(0, 2, 1, 3, 4).reshape(-1, 32, 32, 3)
    return x[:TRAIN], labels[:TRAIN], x[-TEST:], labels[-TEST:]


def photos(shared: Path, folder: Path) -> Set:
    import tarfile

    import convsmith as cs

    with tarfile.open(shared / "data" / "caltech12.tar") as archive:
        archive.extractall(folder, filter="data")
    images = cs.read(str(folder / "caltech12"))
    split = images.split(seed=0, validation=0.0, test=0.3)
    x = images.pixels((32, 32), 3)
    return x[split.train], images.y[split.train], x[split.test], images.y[split.test]


def digits() -> Set:
    x, y = load_digits(return_X_y=True)
    x = np.kron(x.reshape(-1, 8, 8, 1) * 15.9, np.ones((1, 4, 4, 1))).astype(np.uint8)
    order = np.random.default_rng(0).permutation(len(x))
    train, test = order[:500], order[500:]
    return x[train], y[train], x[test], y[test]


def gain(images: Set, epochs: int, seeds: int) -> tuple[float, list[Any]]:
    """By how much the automatic recipe's mean accuracy is above the plain one's."""
    x, y, xt, yt = images
    graph = network("mnist_fast", x.shape[1:], int(y.max()) + 1)
    found = [
        [
            evaluate(graph, xt, yt, weights=fit(graph, x, y, recipe=name, epochs=epochs, seed=seed).weights)[
                "accuracy"
            ]
            for seed in range(seeds)
        ]
        for name in ("plain", "auto")
    ]
    return float(np.mean(found[1]) - np.mean(found[0])), found


def test_on_the_bundled_digits() -> None:
    more, found = gain(digits(), epochs=4, seeds=2)
    assert more > 0.01, found


@pytest.mark.slow
@pytest.mark.parametrize(("name", "margin"), [("fashion", 0.03), ("cifar", 0.02), ("photos", 0.03)])
def test_on_real_images(name: str, margin: float, shared: Path, tmp_path: Path) -> None:
    images = (
        {"fashion": fashion, "cifar": cifar}[name](shared) if name != "photos" else photos(shared, tmp_path)
    )
    more, found = gain(images, epochs=6, seeds=2)
    assert more > margin, found


@pytest.mark.parametrize("name", list(PRESETS))
@pytest.mark.parametrize("shape", [(28, 28, 1), (64, 64, 3)])
def test_every_preset_fits_every_kind_of_image(name: str, shape: tuple[int, ...]) -> None:
    found = recipe(np.zeros((40, *shape), np.uint8), np.arange(40) % 4, name=name)
    assert found.name == name
    if shape[2] == 1:
        assert found.augment.flip == 0, "a character is not mirrored"


def test_what_is_given_counts_more_than_the_preset() -> None:
    x, y = np.zeros((40, 8, 8, 1), np.uint8), np.arange(40) % 4
    found = recipe(x, y, name="plain", learning_rate=0.5, ema=1.0, schedule="step", label_smoothing=0.2)
    assert (found.learning_rate, found.ema, found.schedule, found.label_smoothing) == (0.5, 1.0, "step", 0.2)
    assert (found.batch_size, found.momentum, found.warm_up) == (32, 0.0, 0.05)
    other = recipe(x, y, name="plain", optimizer="adam")
    assert (other.optimizer, other.learning_rate) == ("adam", 0.005), "another optimizer has its own rate"


def test_schedules_by_hand() -> None:
    assert [round(share("one_cycle", at, 0.2), 3) for at in (0.0, 0.1, 0.2, 0.6, 1.0)] == [
        0.05, 0.525, 1.0, 0.5, 0.0,
    ]  # fmt: skip
    found = [share("cosine", at, 0.0) for at in (0.0, 0.25, 0.5, 0.75, 1.0)]
    assert found == pytest.approx([0.5 + 0.5 * np.cos(np.pi * at) for at in (0.0, 0.25, 0.5, 0.75, 1.0)])
    assert [share("step", at, 0.0) for at in (0.1, 0.6, 0.9)] == [1.0, 0.1, 0.01]


def test_few_epochs_want_more_steps() -> None:
    assert [automatic_batch(8500, epochs=epochs) for epochs in (1, 3, 10, None)] == [32, 64, 128, 128]
