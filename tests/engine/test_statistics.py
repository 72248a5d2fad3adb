"""Statistics of batch norms, measured anew: what they are by hand, and what they do to a short training."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from convsmith.engine import loop
from convsmith.engine.loop import fit
from convsmith.engine.lower import lower
from convsmith.engine.lowered.passes import TRAINING
from convsmith.engine.predict import evaluate
from convsmith.engine.train import statistics
from convsmith.engine.train.statistics import norms, settle
from convsmith.engine.weights import dump
from convsmith.graph import notation
from convsmith.testing.random_networks import random_weights
from convsmith.zoo import network

layers = notation.layers


def images(count: int = 200, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Bars that lie or stand, with noise."""
    rng = np.random.default_rng(seed)
    y = np.arange(count) % 2
    x = rng.integers(0, 60, (count, 8, 8, 1))
    for row, place in enumerate(rng.integers(1, 7, count)):
        x[row, place if y[row] else slice(None), slice(None) if y[row] else place] += 120
    return x.astype(np.uint8), y


def plain(norm: bool = True, dropout: float = 0.0):
    x = inputs = notation.Input((8, 8, 1))
    for width in (4, 8):
        x = layers.Conv2D(width, 3, padding="same", use_bias=not norm)(x)
        x = layers.BatchNormalization()(x) if norm else x
        x = layers.Activation("relu")(x)
    x = layers.Dropout(dropout)(layers.GlobalAveragePooling2D()(x))
    return notation.Model(inputs, layers.Dense(2, activation="softmax")(x), name="bars")


def every_kind():
    """Norms that stand for themselves, in a sum, behind a widening, shared by two calls, and of features."""
    x = inputs = notation.Input((8, 8, 1))
    x = layers.BatchNormalization(name="first")(layers.Conv2D(4, 3, padding="same")(x))
    x = left = layers.Activation("relu")(x)
    x = layers.BatchNormalization(name="summed")(layers.Conv2D(4, 3, padding="same")(x))
    x = layers.Activation("relu")(layers.Add()([x, left]))
    wide = layers.BatchNormalization(name="wide", scale=False)(layers.Conv2D(16, 1, name="widened")(x))
    x = layers.Activation("relu")(wide)
    shared = layers.BatchNormalization(name="shared")
    x = layers.Concatenate()([shared(x), shared(layers.Activation("relu")(wide))])
    x = layers.Dropout(0.5)(layers.Flatten()(x))
    x = layers.BatchNormalization(name="features")(layers.Dense(6)(x))
    return notation.Model(inputs, layers.Dense(2, activation="softmax")(x), name="every")


@pytest.mark.parametrize("fused", [True, False])
def test_they_are_the_means_of_the_batches(fused):
    x, _ = images(96)
    graph = every_kind()
    weights = random_weights(graph, np.random.default_rng(0))
    module = lower(graph, weights, passes=TRAINING if fused else ())
    batches = statistics.sample(len(x), seed=3, images=64)
    statistics.settle(module, x, np.array_split(np.concatenate(batches), 2))
    found = dump(module)
    # By hand: each batch through a plain network in double precision, one norm's own batch at a time.
    slow = lower(graph, weights).double()
    seen: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}

    def note(step, inputs):
        values = inputs[0].transpose(0, 1).flatten(1)
        owner = graph[step.name].owner
        mean, var = values.mean(1), values.var(1, correction=0)
        seen.setdefault(owner, []).append((mean.numpy(), var.numpy()))

    for node in graph.nodes:
        if node.kind_name == "BatchNormalization":
            slow.steps_by_name[node.name].register_forward_pre_hook(note)
            slow.layers_by_name[node.name].train()
    with torch.no_grad():
        for rows in np.array_split(np.concatenate(batches), 2):
            slow(torch.from_numpy(x[rows]).permute(0, 3, 1, 2).double())
    assert set(seen) == {"first", "summed", "wide", "shared", "features"}
    assert len(seen["shared"]) == 4
    for name, each in seen.items():
        for at, part in enumerate(("moving_mean", "moving_variance")):
            wanted = np.mean([one[at] for one in each], axis=0)
            np.testing.assert_allclose(found[f"{name}/{part}"], wanted, rtol=2e-4, atol=2e-4, err_msg=name)
    same = [name for name in weights if "moving" not in name]
    assert all(np.array_equal(found[name], weights[name]) for name in same)
    assert not any(part.training for part in module.modules())


def test_nothing_happens_without_norms_or_to_frozen_ones(monkeypatch):
    x, _ = images(40)
    graph = plain(norm=False)
    module = lower(graph, random_weights(graph, np.random.default_rng(0)))
    monkeypatch.setattr(module, "_run", None)  # whoever runs it fails
    statistics.settle(module, x, statistics.sample(40, 0))
    frozen = lower(plain(), random_weights(plain(), np.random.default_rng(0)), passes=TRAINING)
    for norm in statistics.norms(frozen):
        norm.frozen = True
    before = dump(frozen)
    statistics.settle(frozen, x, statistics.sample(40, 0))
    assert all(np.array_equal(before[name], array) for name, array in dump(frozen).items())


@pytest.mark.parametrize("ema", [0.0, 1.0])
def test_a_short_training_is_judged_by_its_weights(ema, monkeypatch):
    """As left, the statistics are those of the first, random weights too."""
    x, y = images()
    made = {"epochs": 2, "batch_size": 10, "augment": "none", "ema": ema, "learning_rate": 0.05}
    held = images(100, seed=1)
    good = fit(plain(), x, y, validation=held, **made)
    again = evaluate(plain(), *held, weights=good.weights)["loss"]
    assert again == pytest.approx(good.history[-1]["val_loss"], rel=1e-4)
    # Judging measures; it changes no weight that is trained.
    alone = fit(plain(), x, y, **made)
    assert all(np.array_equal(alone.weights[name], array) for name, array in good.weights.items())
    monkeypatch.setattr("convsmith.engine.training.settle", lambda *_: None)
    left = fit(plain(), x, y, **made)
    assert all(
        np.array_equal(left.weights[name], array)
        for name, array in good.weights.items()
        if "moving" not in name
    )
    assert evaluate(plain(), *held, weights=left.weights)["loss"] > good.history[-1]["val_loss"] + 0.02


def test_an_early_end_measures_on_as_many_images(monkeypatch):
    """Between epochs few images are looked at; for what is given back as many as at a planned end."""
    x, y = images(400)
    made = {"epochs": 3, "batch_size": 20, "augment": "none", "validation": (x[:20], y[:20])}
    looks, measure = [], statistics.settle

    def spied(module, x, batches):
        looks.append(sum(map(len, batches)))
        measure(module, x, batches)

    monkeypatch.setattr("convsmith.engine.training.settle", spied)
    fit(plain(), x, y, **made)
    assert looks == [256, 256, 400]
    looks.clear()
    fit(plain(), x, y, on_epoch=lambda record: record["epoch"], **made)
    assert looks == [256, 400]


def test_it_goes_on_bit_for_bit(tmp_path):
    x, y = images()
    made = {"epochs": 3, "batch_size": 20, "augment": "none", "validation": (x, y)}
    path = tmp_path / "checkpoint.safetensors"
    whole = fit(plain(dropout=0.3), x, y, **made)

    def stop(record):
        if record["epoch"] == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(plain(dropout=0.3), x, y, checkpoint=path, on_epoch=stop, **made)
    rest = fit(plain(dropout=0.3), x, y, checkpoint=path, **made)
    assert [record["val_loss"] for record in rest.history] == [record["val_loss"] for record in whole.history]
    assert all(np.array_equal(rest.weights[name], array) for name, array in whole.weights.items())


def test_it_is_counted_as_cost(monkeypatch):
    x, y = images(40)
    now = iter(range(10**6))
    monkeypatch.setattr(loop.time, "perf_counter", lambda: float(next(now)))
    fitted = fit(plain(), x, y, epochs=2, augment="none")
    assert fitted.seconds > fitted.history[-1]["seconds"]


def test_the_momenta_are_what_they_were() -> None:
    net = lower(network("resnet20", (16, 16, 3), 3))
    before = [norm.momentum for norm in norms(net)]
    settle(net, np.zeros((8, 16, 16, 3), np.uint8), [np.arange(8)])
    assert [norm.momentum for norm in norms(net)] == before
    assert len(before) > 5


def test_of_several_views_the_first_ones_count():
    graph = plain()
    x, y = images(30)
    rows = np.repeat(x, 3, 0)
    rows[1::3] = 255 - rows[1::3]
    rows[2::3] //= 3
    fitted = fit(graph, rows, np.repeat(y, 3), views=3, epochs=2, augment="none")
    module = lower(graph, fitted.weights)
    settle(module, x, [np.arange(30)])
    found = dump(module)
    for name in (one for one in found if "moving" in one):
        np.testing.assert_allclose(fitted.weights[name], found[name], rtol=1e-4, atol=1e-4)
