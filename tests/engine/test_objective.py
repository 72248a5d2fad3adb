"""The losses of a training against Keras's own, from the outputs of the same network."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from convsmith.cli.main import run as command
from convsmith.engine.loop import fit
from convsmith.engine.lower import lower
from convsmith.engine.train.objective import OBJECTIVES, Objective
from convsmith.engine.weights import initial
from convsmith.errors import BadName
from convsmith.graph import Graph, notation

layers = notation.layers


def net(ends: str | None = "softmax") -> Graph:
    x = inputs = notation.Input((4, 4, 1))
    x = layers.Flatten()(layers.Rescaling(1 / 255)(x))
    return notation.Model(inputs, layers.Dense(3, activation=ends)(x))


@settings(max_examples=40, deadline=None)
@given(
    name=st.sampled_from(OBJECTIVES),
    smoothing=st.floats(0, 0.4),
    ends=st.sampled_from(["softmax", "sigmoid"]),
    blended=st.booleans(),
    seed=st.integers(0, 99),
)
def test_losses_are_keras_s(name: str, smoothing: float, ends: str, blended: bool, seed: int) -> None:
    import keras

    rng = np.random.default_rng(seed)
    module = lower(net(ends), initial(net(ends), seed))
    x = torch.from_numpy(rng.integers(0, 255, (6, 1, 4, 4)).astype(np.float32))
    labels = torch.from_numpy(rng.integers(0, 3, 6))
    shares = (
        rng.dirichlet([1, 1, 1], 6).astype(np.float32) if blended else np.eye(3, dtype=np.float32)[labels]
    )
    target = torch.from_numpy(shares) if blended else labels
    loss, _ = Objective(3, loss=name, label_smoothing=smoothing)(module, x, target)
    smoothed = {} if name == "mean_squared_error" else {"label_smoothing": smoothing}
    true = shares if smoothed else shares * (1 - smoothing) + smoothing / 3
    made = keras.losses.deserialize({"class_name": TITLES[name], "config": smoothed})
    output = module(x)
    shown = output / output.sum(1, keepdim=True)  # what the engine calls the probabilities of other outputs
    expected = made(torch.from_numpy(true), shown)
    torch.testing.assert_close(loss, expected, rtol=1e-4, atol=1e-6)


TITLES = {
    "categorical_crossentropy": "CategoricalCrossentropy",
    "categorical_focal_crossentropy": "CategoricalFocalCrossentropy",
    "mean_squared_error": "MeanSquaredError",
}


@pytest.mark.parametrize("name", OBJECTIVES[1:])
def test_classes_weigh_in_every_loss(name: str) -> None:
    module = lower(net(), initial(net(), 0))
    x, labels = torch.arange(96.0).view(6, 1, 4, 4), torch.arange(6) % 3
    weights = np.array([0.5, 1.0, 2.0])
    each = [
        float(
            Objective(3, loss=name, label_smoothing=0.1)(module, x[at : at + 1], labels[at : at + 1])[
                0
            ].detach()
        )
        for at in range(6)
    ]
    loss, _ = Objective(3, loss=name, label_smoothing=0.1, class_weights=weights)(module, x, labels)
    assert float(loss.detach()) == pytest.approx(np.mean(np.array(each) * weights[labels]), rel=1e-5)
    assert isinstance(module, nn.Module)


def test_a_training_with_focal_loss_learns() -> None:
    rng = np.random.default_rng(0)
    y = np.arange(60) % 3
    x = (rng.integers(0, 60, (60, 4, 4, 1)) + 80 * y[:, None, None, None]).astype(np.uint8)
    asked = {"epochs": 8, "batch_size": 10, "augment": "none"}
    runs = [fit(net(), x, y, loss=name, **asked) for name in OBJECTIVES[:2]]
    assert runs[1].recipe["loss"] == OBJECTIVES[1]
    assert runs[1].history[-1]["loss"] < 0.8 * runs[1].history[0]["loss"] < runs[0].history[0]["loss"]
    with pytest.raises(BadName, match="categorical_focal_crossentropy"):
        fit(net(), x, y, loss="focal_crossentropy")


def test_an_unknown_loss_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert command(["train", "mnist_fast", "digits", "--loss", "categorical_focal"]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "did you mean 'categorical_focal_crossentropy'" in said
