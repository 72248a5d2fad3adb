"""Optimizers against Keras's own, step by step."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from convsmith.engine.optimizers import OPTIMIZERS, optimizer
from convsmith.errors import BadInput, BadName

CASES = [
    ("SGD", {}),
    ("SGD", {"momentum": 0.9}),
    ("SGD", {"momentum": 0.9, "nesterov": True, "weight_decay": 0.01}),
    ("Adam", {}),
    ("Adam", {"amsgrad": True, "beta_1": 0.8, "beta_2": 0.95, "epsilon": 1e-3}),
    ("Adam", {"clipnorm": 0.5}),
    ("AdamW", {}),
    ("AdamW", {"weight_decay": 0.1}),
    ("Adadelta", {}),
    ("Adadelta", {"rho": 0.9, "epsilon": 1e-5, "learning_rate": 1.0}),
    ("RMSprop", {}),
    ("RMSprop", {"momentum": 0.9, "centered": True}),
    ("Adagrad", {}),
    ("Adagrad", {"initial_accumulator_value": 0.0, "learning_rate": 0.1}),
    ("SGD", {"global_clipnorm": 0.3}),
    ("SGD", {"clipvalue": 0.05}),
]


@pytest.mark.parametrize(("name", "settings"), CASES)
def test_fifty_steps_equal_keras(name, settings):
    import keras

    rng = np.random.default_rng(0)
    shapes = [(3, 3, 2, 4), (7, 5), (5,)]
    start = [rng.normal(size=shape).astype(np.float32) for shape in shapes]
    theirs = getattr(keras.optimizers, name)(**settings)
    variables = [keras.Variable(value, name=f"v{index}") for index, value in enumerate(start)]
    theirs.build(variables)
    ours_at = [torch.tensor(value, requires_grad=True) for value in start]
    own = {key: value for key, value in settings.items() if key != "learning_rate"}
    ours = optimizer(name, ours_at, **own)
    base = settings.get("learning_rate", ours.default_rate)
    assert float(theirs.learning_rate) == pytest.approx(base)
    for step in range(50):
        rate = base * (1 + 0.5 * np.sin(step))
        theirs.learning_rate = rate
        grads = [rng.normal(size=shape).astype(np.float32) * 10.0 ** rng.uniform(-3, 1) for shape in shapes]
        with torch.no_grad():
            theirs.apply([torch.from_numpy(grad) for grad in grads], variables)
        for tensor, grad in zip(ours_at, grads, strict=True):
            tensor.grad = torch.from_numpy(grad.copy())
        ours.step(rate)
        assert all(tensor.grad is None for tensor in ours_at)
        for variable, tensor in zip(variables, ours_at, strict=True):
            expected = keras.ops.convert_to_numpy(variable)
            np.testing.assert_allclose(tensor.detach().numpy(), expected, rtol=2e-4, atol=2e-6)


def test_decay_leaves_out_what_it_shall():
    kernel, bias = (torch.ones(2, 2, requires_grad=True), torch.ones(2, requires_grad=True))
    found = optimizer("sgd", [kernel, bias], weight_decay=0.5, decayed=[True, False])
    found.step(0.1)
    assert kernel.detach().numpy() == pytest.approx(0.95 * np.ones((2, 2)))
    assert bias.detach().numpy() == pytest.approx(np.ones(2))


def test_names_and_settings_are_checked():
    parameter = [torch.zeros(2, requires_grad=True)]
    with pytest.raises(BadName, match="did you mean 'adam'"):
        optimizer("adm", parameter)
    with pytest.raises(BadInput, match="beta_3"):
        optimizer("adam", parameter, beta_3=0.1)
    assert {"sgd", "adam", "adamw", "adadelta", "rmsprop", "adagrad"} <= set(OPTIMIZERS)
