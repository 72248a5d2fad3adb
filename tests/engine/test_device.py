"""Where a training runs changes nothing, and nothing waits for a device within an epoch."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from convsmith.engine import training as trainings
from convsmith.engine.device import Resident, Streamed, device, source
from convsmith.engine.loop import fit
from convsmith.engine.lower import lower
from convsmith.engine.recipe import recipe
from convsmith.errors import BadInput, BadName
from convsmith.graph import notation
from convsmith.zoo import network

layers = notation.layers
CPU = torch.device("cpu")


def _images(count=48, shape=(8, 8, 1)):
    rng = np.random.default_rng(0)
    y = np.arange(count) % 3
    x = rng.integers(0, 120, (count, *shape)).astype(np.uint8)
    x[:, :, :4] += (y * 60).astype(np.uint8)[:, None, None, None]
    return x, y.astype(np.int64)


def _network():
    x = inputs = notation.Input((8, 8, 1))
    x = layers.Rescaling(1 / 255)(x)
    x = layers.Conv2D(8, 3, use_bias=False)(x)
    x = layers.Activation("relu")(layers.BatchNormalization()(x))
    x = layers.GlobalAveragePooling2D()(layers.Dropout(0.1)(x))
    return notation.Model(inputs, layers.Dense(3, activation="softmax")(x))


def test_names_of_devices():
    assert device("cpu") == CPU
    assert device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")
    with pytest.raises(BadName, match="cuda"):
        device("cudda")
    if not torch.cuda.is_available():
        with pytest.raises(BadInput, match=r"cuda.*device=\"cpu\""):
            device("cuda")


def test_resident_and_streamed_batches_are_the_same():
    x, y = _images(20)
    order = np.random.default_rng(1).permutation(20)
    streamed, resident = Streamed(x, y, CPU), Resident(x, y, CPU)
    for one in (streamed, resident):
        one.order(order)
    for start in (0, 8):
        pixels, labels, rows = streamed.batch(start, 8)
        others, more, places = resident.batch(start, 8)
        again = np.argsort(places)
        assert np.array_equal(rows, places[again])
        assert torch.equal(pixels, others[again])
        assert torch.equal(labels, more[again])
        assert others.dtype == torch.float32
        assert others.is_contiguous(memory_format=torch.channels_last)
    assert isinstance(source(x, y, CPU), Streamed)


class _Waits(TorchDispatchMode):
    """Counts what would wait for a device: numbers that come to Python, and masks of unknown size."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        name = str(function)
        self.count += any(
            part in name for part in ("_local_scalar_dense", "nonzero", "masked_select", "equal.")
        )
        return function(*args, **(kwargs or {}))


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
@pytest.mark.usefixtures("torch_alone")
def test_nothing_waits_within_an_epoch(monkeypatch, optimizer):
    monkeypatch.setattr(trainings, "source", Resident)
    x, y = _images()
    waits = []
    for batch_size in (24, 6):
        chosen = recipe(x, y, epochs=60, batch_size=batch_size, optimizer=optimizer, augment="photos")
        training = trainings.Training(_network(), x, y, chosen, None, None)
        training.epoch(None)
        with _Waits() as seen:
            training.epoch(None)
        waits.append(seen.count)
    assert waits[0] == waits[1] == 2  # the loss and the share that is right, at the end


def test_resident_images_train_to_the_same_losses(monkeypatch):
    x, y = _images()
    asked = {"epochs": 4, "batch_size": 12, "augment": "none", "seed": 3}
    x_inputs = notation.Input((8, 8, 1))
    flat = layers.Flatten()(layers.Rescaling(1 / 255)(x_inputs))
    graph = notation.Model(x_inputs, layers.Dense(3, activation="softmax")(flat))
    plain = fit(graph, x, y, **asked)
    monkeypatch.setattr(trainings, "source", Resident)
    resident = fit(graph, x, y, **asked)
    losses = [[record["loss"] for record in run.history] for run in (plain, resident)]
    np.testing.assert_allclose(*losses, rtol=1e-4)


def test_bfloat16_learns_and_keeps_float32_weights():
    x, y = _images()
    asked = {"epochs": 12, "batch_size": 12, "augment": "none", "seed": 0}
    exact, short = (fit(_network(), x, y, precision=name, **asked) for name in ("float32", "bfloat16"))
    assert {array.dtype for array in short.weights.values()} == {np.dtype(np.float32)}
    assert short.recipe["precision"] == "bfloat16"
    ends = [run.history[-1]["loss"] for run in (exact, short)]
    assert ends[1] == pytest.approx(ends[0], rel=0.1)
    assert ends[1] < 0.8 * short.history[0]["loss"]
    assert ends[0] != ends[1]
    with pytest.raises(BadName, match="bfloat16"):
        recipe(x, y, precision="bfloat8")


def test_every_fused_pass_steps_aside_for_bfloat16():
    graph = network("course_cnn")
    module = lower(graph, passes=trainings.TRAINING).train()
    with torch.autocast("cpu", torch.bfloat16):
        assert module.logits(torch.rand(2, 1, 28, 28)).dtype == torch.bfloat16


def test_shared_statistics_stay_shared_in_another_type():
    inputs = notation.Input((4, 4, 2))
    norm = layers.BatchNormalization(name="norm")
    a = norm(layers.ZeroPadding2D(1)(inputs))
    b = norm(layers.ZeroPadding2D(2)(inputs))
    ends = [layers.GlobalAveragePooling2D()(part) for part in (a, b)]
    module = lower(notation.Model(inputs, layers.Add()(ends))).double()
    first, second = (
        module.layers_by_name[node.name]
        for node in module.graph.nodes
        if node.kind_name == "BatchNormalization"
    )
    assert first is not second
    assert first.running_mean is second.running_mean
    assert first.weight is second.weight
