"""What a training can be told: early ends, balance, teachers, rates by layer, frozen layers; and resumes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convsmith.engine import training
from convsmith.engine.loop import fit
from convsmith.engine.lower import lower
from convsmith.engine.predict import evaluate, predict
from convsmith.engine.train.balance import class_weights
from convsmith.engine.train.checkpoint import OtherTraining
from convsmith.engine.train.statistics import FEW
from convsmith.engine.train.teacher import Teacher
from convsmith.engine.training import Training
from convsmith.engine.weights import dump, initial
from convsmith.errors import BadInput, BadName
from convsmith.graph import Graph, notation
from convsmith.graph.head import frozen

layers = notation.layers


def small(classes: int = 3, width: int = 8) -> Graph:
    x = inputs = notation.Input((8, 8, 1))
    x = layers.Rescaling(1 / 127.5, offset=-1)(x)
    for name, filters, stride in (("a", width, 1), ("b", 2 * width, 2)):
        x = layers.Conv2D(filters, 3, strides=stride, padding="same", use_bias=False, name=name)(x)
        x = layers.Activation("relu")(layers.BatchNormalization(name=f"{name}_bn")(x))
    x = layers.GlobalAveragePooling2D()(x)
    return notation.Model(inputs, layers.Dense(classes, activation="softmax", name="out")(x), name="small")


def stripes(counts: tuple[int, ...] = (32, 32, 32), seed: int = 0, noise: int = 200) -> Any:
    """Three classes: rows, columns, a chessboard, in noise; so many of each."""
    rng = np.random.default_rng(seed)
    y = np.repeat(np.arange(3), counts)
    row, column = np.arange(8)[:, None] % 2, np.arange(8)[None, :] % 2
    patterns = np.stack([row + 0 * column, column + 0 * row, row ^ column])
    x = patterns[y] * (255 - noise) + rng.integers(0, noise, (len(y), 8, 8))
    return x.astype(np.uint8)[..., None], y


def same(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> bool:
    return one.keys() == other.keys() and all(one[name].tobytes() == other[name].tobytes() for name in one)


def crashing(path: Path, after: tuple[int, ...], **options: Any) -> Any:
    """The training, killed after each of these epochs told and begun again."""
    told = 0

    class Stop(Exception):
        pass

    def crash(record: dict[str, Any]) -> None:
        nonlocal told
        told += 1
        if told in after:
            raise Stop

    for _ in range(len(after) + 1):
        try:
            return fit(small(), *stripes(), checkpoint=path, on_epoch=crash, **options)
        except Stop:
            continue
    raise AssertionError("never came to its end")


HELD = stripes((20, 20, 20), seed=5)
TEACHER = Teacher(lower(small(width=4), initial(small(width=4), seed=9)), weight=0.5)
OPTIONS: dict[str, dict[str, Any]] = {
    "patience": {"patience": 2, "epochs": 12},
    "until": {"until_accuracy": 0.6, "epochs": 12},
    "sampling": {"balance": "sampling", "epochs": 5},
    "weights": {"balance": "weights", "epochs": 5},
    "layer decay": {"layer_decay": 0.5, "epochs": 5},
    "teacher": {"teacher": TEACHER, "epochs": 5},
    "strong": {"augment": "strong", "epochs": 5},
    "plain": {"recipe": "plain", "epochs": 5},
}


@pytest.mark.parametrize("name", OPTIONS)
def test_every_option_goes_on_bit_for_bit(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "SAVE_SHARE", 1e9)  # a checkpoint after each epoch
    options = {"validation": HELD, "learning_rate": 0.02, **OPTIONS[name]}
    whole = fit(small(), *stripes(), **options)
    again = crashing(tmp_path / "state", (2, 4), **options)
    assert same(whole.weights, again.weights)
    assert (whole.epochs, whole.best) == (again.epochs, again.best)
    finished = fit(small(), *stripes(), checkpoint=tmp_path / "state", **options)
    assert same(whole.weights, finished.weights), "a finished training is not done again"
    assert finished.epochs == whole.epochs


def test_patience_ends_and_gives_back_the_best() -> None:
    fitted = fit(small(), *stripes(), epochs=30, patience=3, learning_rate=0.05, validation=HELD)
    accuracies = [record["val_accuracy"] for record in fitted.history]
    assert fitted.epochs < 30
    assert fitted.epochs == fitted.best + 3
    assert max(accuracies) == accuracies[fitted.best - 1]
    assert evaluate(small(), *HELD, weights=fitted.weights)["accuracy"] == max(accuracies)


def test_until_accuracy_ends_at_the_first_epoch_that_reaches_it() -> None:
    fitted = fit(small(), *stripes(), epochs=40, until_accuracy=0.8, validation=HELD)
    accuracies = [record["val_accuracy"] for record in fitted.history]
    assert accuracies[-1] >= 0.8
    assert all(accuracy < 0.8 for accuracy in accuracies[:-1])
    assert fitted.best == fitted.epochs < 40
    assert fitted.finished


def test_frozen_layers_and_their_statistics_stay() -> None:
    graph, first = small(), initial(small(), seed=3)
    first["a_bn/moving_mean"] += 0.1
    fitted = fit(frozen(graph, "b_bn"), *stripes(), weights=first, epochs=2)
    still = {name for name in first if fitted.weights[name].tobytes() == first[name].tobytes()}
    assert still == {name for name in first if not name.startswith("out/")}
    # Batch norms at rest: the features of training are those of inference, so only the head's loss counts.
    plain = fit(frozen(graph, "body"), *stripes(), weights=first, epochs=2)
    assert same(plain.weights, fitted.weights)


def test_layer_decay_is_a_multiple_of_each_step() -> None:
    # One step of plain gradient descent: the change is the rate times the gradient, which both share.
    first = initial(small(), seed=1)
    options: dict[str, Any] = {
        "recipe": "plain", "epochs": 1, "batch_size": 96, "weights": first, "learning_rate": 1.0,
    }  # fmt: skip
    plain = fit(small(), *stripes(), **options).weights
    slower = fit(small(), *stripes(), layer_decay=0.5, **options).weights
    for name, factor in (("out/kernel", 1), ("b/kernel", 0.5), ("a/kernel", 0.25), ("a_bn/gamma", 0.25)):
        np.testing.assert_allclose(
            slower[name] - first[name], factor * (plain[name] - first[name]), rtol=1e-3, atol=1e-6
        )


def test_weights_in_the_loss_are_keras_class_weights() -> None:
    import keras

    from convsmith.formats.keras import to_keras

    x, y = stripes((50, 10, 4))
    first = initial(small(), seed=2)
    ours = fit(
        small(), x, y, recipe="plain", epochs=1, batch_size=64, weights=first, balance="weights", seed=0
    ).weights
    model = to_keras(small(), first)
    model.compile(optimizer=keras.optimizers.SGD(0.01), loss="sparse_categorical_crossentropy")
    each = class_weights(np.bincount(y))
    model.fit(x.astype(np.float32), y, batch_size=64, class_weight=dict(enumerate(each)), verbose=0)
    theirs = {f"{layer.name}/{w.name}": w.numpy() for layer in model.layers for w in layer.trainable_weights}
    for name, array in theirs.items():
        np.testing.assert_allclose(ours[name], array, atol=1e-5)


@pytest.mark.parametrize("balance", ["weights", "sampling"])
def test_balance_raises_balanced_accuracy(balance: str) -> None:
    counts, gains = (150, 12, 6), []
    for seed in range(3):
        x, y = stripes(counts, seed=seed, noise=215)
        xt, yt = stripes((100, 100, 100), seed=seed + 50, noise=215)
        found = [
            (predict(small(), xt, weights=fitted.weights).argmax(1) == yt).mean()
            for fitted in (
                fit(small(), x, y, epochs=6, seed=seed, balance=name, augment="none")
                for name in ("none", balance)
            )
        ]
        gains.append(found[1] - found[0])
    assert np.mean(gains) > 0.05, gains


def test_auto_balance_acts_where_imbalance_is_large() -> None:
    for counts, expected in (((30, 30, 20), "none"), ((60, 30, 6), "weights")):
        fitted = fit(small(), *stripes(counts), epochs=1, balance="auto")
        assert fitted.recipe["balance"] == expected
        assert "times" in fitted.recipe["balance_why"]


def test_another_teacher_is_another_training(tmp_path: Path) -> None:
    options: dict[str, Any] = {"epochs": 1, "checkpoint": tmp_path / "state"}
    fit(small(), *stripes(), teacher=TEACHER, **options)
    other = Teacher(TEACHER.source, temperature=5.0, weight=0.5)
    with pytest.raises(OtherTraining, match="teacher"):
        fit(small(), *stripes(), teacher=other, **options)


def test_bad_options_are_named() -> None:
    x, y = stripes()
    for arguments, message in (
        ({"patience": 2}, "validation"),
        ({"patience": 0, "validation": (x, y)}, "patience"),
        ({"until_accuracy": 99, "validation": (x, y)}, "until_accuracy"),
        ({"layer_decay": 0}, "layer_decay"),
        ({"augment": {"flip": "yes"}}, "flip"),
        ({"teacher": Teacher(np.zeros((5, 3)))}, r"teacher.*\(5, 3\).*\(96, 3\)"),
        ({"teacher": Teacher(np.zeros((96, 3)), temperature=0)}, "temperature"),
        ({"teacher": Teacher(np.zeros((96, 3)), weight=2)}, "weight"),
    ):
        with pytest.raises(BadInput, match=message):
            fit(small(), x, y, **arguments)
    for arguments, near in (({"recipe": "plane"}, "plain"), ({"balance": "weight"}, "weights")):
        with pytest.raises(BadName, match=near):
            fit(small(), x, y, **arguments)


def test_the_best_epoch_is_the_first_of_the_best_and_its_weights_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    planted = [(0.5, 1.0), (0.9, 0.7), (0.9, 0.5), (0.9, 0.5), (0.3, 0.1), (0.2, 0.1)]
    seen: list[dict[str, np.ndarray]] = []

    def evaluate(self: Training, x: np.ndarray, y: np.ndarray) -> dict[str, float]:
        seen.append({name: array.copy() for name, array in dump(self.judged(FEW)).items()})
        accuracy, loss = planted[len(seen) - 1]
        return {"accuracy": accuracy, "loss": loss}

    monkeypatch.setattr(Training, "evaluate", evaluate)
    fitted = fit(small(), *stripes(), epochs=20, patience=3, learning_rate=0.01, validation=HELD)
    assert (fitted.epochs, fitted.best) == (6, 3)
    assert all(np.array_equal(fitted.weights[name], seen[2][name]) for name in seen[2])
    assert not all(np.array_equal(fitted.weights[name], seen[3][name]) for name in seen[3])


def test_what_is_asked_reaches_the_first_step() -> None:
    x, y = stripes()
    for seed in (0, 5):
        still = {"learning_rate": 0.0, "weight_decay": 0.0, "ema": 0, "epochs": 1, "augment": "none"}
        fitted = fit(small(), x, y, seed=seed, **still)
        first = initial(small(), seed)
        kept = [name for name in first if "moving" not in name]
        assert all(np.array_equal(fitted.weights[name], first[name]) for name in kept)
    losses = [
        fit(small(), x, y, label_smoothing=share, epochs=1, augment="none").history[0]["loss"]
        for share in (0.0, 0.9)
    ]
    assert abs(losses[0] - losses[1]) > 0.01


def test_weights_of_classes_are_one_on_average_over_the_images() -> None:
    for counts in ([10, 90], [1, 5, 400], [7, 7, 7]):
        assert class_weights(np.array(counts)) @ np.array(counts) == pytest.approx(sum(counts))
