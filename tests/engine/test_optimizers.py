"""Optimizers against Keras's own, step by step."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from convsmith.engine.optimizers import OPTIMIZERS, optimizer
from convsmith.errors import BadInput, BadName

flags = st.booleans()
betas = st.sampled_from([0.0, 0.5, 0.9])
slow = st.sampled_from([0.9, 0.99, 0.999])
small = st.sampled_from([1e-7, 1e-4, 1e-2])
OWN: dict[str, dict[str, st.SearchStrategy]] = {
    "SGD": {"momentum": betas, "nesterov": flags},
    "Adam": {"beta_1": betas, "beta_2": slow, "epsilon": small, "amsgrad": flags},
    "AdamW": {"beta_1": betas, "epsilon": small, "amsgrad": flags, "weight_decay": st.just(0.05)},
    "Nadam": {"beta_1": betas, "beta_2": slow, "epsilon": small},
    "Adadelta": {"rho": slow, "epsilon": small},
    "RMSprop": {"rho": st.sampled_from([0.5, 0.9]), "momentum": betas, "epsilon": small, "centered": flags},
    "Adagrad": {"initial_accumulator_value": st.sampled_from([0.0, 0.1]), "epsilon": small},
    "Lion": {"beta_1": st.sampled_from([0.5, 0.9]), "beta_2": slow},
    "Muon": {
        "nesterov": flags, "momentum": betas, "ns_steps": st.integers(1, 6),
        "exclude_layers": st.sampled_from([None, ["v1"]]), "rms_rate": st.sampled_from([None, 0.2]),
        "adam_lr_ratio": st.sampled_from([1, 0.3]),
        "adam_weight_decay": st.sampled_from([None, 0.1]), "adam_beta_1": betas,
    },
}  # fmt: skip
CLIPS = st.sampled_from([{}, {"clipnorm": 0.5}, {"clipvalue": 0.05}, {"global_clipnorm": 0.3}])
COMMON = {
    "weight_decay": st.sampled_from([None, 0.004, 0.2]),
    "gradient_accumulation_steps": st.sampled_from([None, None, 2, 3]),
}
EMA = st.just({}) | st.fixed_dictionaries(
    {
        "use_ema": st.just(True),
        "ema_momentum": st.sampled_from([0.5, 0.99]),
        "ema_overwrite_frequency": st.sampled_from([None, 3]),
    }
)
SCHEDULES = (None, "ExponentialDecay", "CosineDecay", "CosineDecayRestarts", "InverseTimeDecay",
             "PiecewiseConstantDecay", "PolynomialDecay")  # fmt: skip


def schedule(name, rate):
    import keras

    return getattr(keras.optimizers.schedules, name)(
        **{
            "ExponentialDecay": {"initial_learning_rate": rate, "decay_steps": 7, "decay_rate": 0.8},
            "CosineDecay": {"initial_learning_rate": 0.0, "decay_steps": 30, "alpha": 0.1,
                            "warmup_target": rate, "warmup_steps": 5},
            "CosineDecayRestarts": {"initial_learning_rate": rate, "first_decay_steps": 9, "m_mul": 0.9},
            "InverseTimeDecay": {"initial_learning_rate": rate, "decay_steps": 5, "decay_rate": 0.5,
                                 "staircase": True},
            "PiecewiseConstantDecay": {"boundaries": [5, 20], "values": [rate, rate / 2, rate / 10]},
            "PolynomialDecay": {"initial_learning_rate": rate, "decay_steps": 40, "power": 2.0},
        }[name]
    )  # fmt: skip


@pytest.mark.parametrize("name", sorted(OWN))
@settings(max_examples=5, deadline=None, derandomize=True)
@given(data=st.data())
def test_fifty_steps_equal_keras(name, data):
    """Any settings, any of Keras's schedules, gradients of any size: each step's weights are Keras's."""
    import keras

    own = data.draw(st.fixed_dictionaries(OWN[name]))
    common = {**data.draw(st.fixed_dictionaries(COMMON)), **data.draw(CLIPS), **data.draw(EMA)}
    common |= {"weight_decay": own.pop("weight_decay")} if "weight_decay" in own else {}
    planned = data.draw(st.sampled_from(SCHEDULES))
    excluded = data.draw(st.sampled_from([None, ["v2"]]))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    shapes = [(3, 3, 2, 4), (7, 5), (5,), (3, 6)]
    start = [rng.normal(size=shape).astype(np.float32) for shape in shapes]
    rate = schedule(planned, 0.02) if planned else 0.02
    theirs = getattr(keras.optimizers, name)(learning_rate=rate, **own, **common)
    if excluded:
        theirs.exclude_from_weight_decay(var_names=excluded)
    variables = [keras.Variable(value, name=f"v{index}") for index, value in enumerate(start)]
    theirs.build(variables)
    ours_at = [torch.tensor(value, requires_grad=True) for value in start]
    more = {"decayed": [theirs._use_weight_decay(variable) for variable in variables]}
    if name == "Muon":
        more["matrices"] = [False, not own.pop("exclude_layers"), False, True]
    ours = optimizer(name, ours_at, **own, **common, **more)
    for _ in range(50):
        now = float(rate(ours.iterations)) if planned else rate
        grads = [rng.normal(size=shape).astype(np.float32) * 10.0 ** rng.uniform(-3, 1) for shape in shapes]
        with torch.no_grad():
            theirs.apply([torch.from_numpy(grad) for grad in grads], variables)
        for tensor, grad in zip(ours_at, grads, strict=True):
            tensor.grad = torch.from_numpy(grad.copy())
        ours.step(now)
        assert all(tensor.grad is None for tensor in ours_at)
        for variable, tensor in zip(variables, ours_at, strict=True):
            expected = keras.ops.convert_to_numpy(variable)
            np.testing.assert_allclose(tensor.detach().numpy(), expected, rtol=5e-4, atol=1e-5)
    theirs.finalize_variable_values(variables)
    ours.finish()
    for variable, tensor in zip(variables, ours_at, strict=True):
        expected = keras.ops.convert_to_numpy(variable)
        np.testing.assert_allclose(tensor.detach().numpy(), expected, rtol=5e-4, atol=1e-5)


@pytest.mark.parametrize("name", sorted(OWN))
def test_defaults_are_keras(name):
    """Built without settings, ours has the value of each of Keras's settings."""
    import keras

    theirs = getattr(keras.optimizers, name)()
    kind = OPTIMIZERS[name.lower()]
    ours = kind([torch.zeros(2, requires_grad=True)])
    assert float(theirs.learning_rate) == pytest.approx(kind.default_rate)
    assert ours.weight_decay == theirs.weight_decay
    other = {"initial_accumulator_value": lambda: float(ours.state["accumulator"][0][0])}
    if name == "Muon":
        other |= {"muon_a": lambda: ours.powers[0], "muon_b": lambda: ours.powers[1]}
        other |= {"muon_c": lambda: ours.powers[2], "adam_beta_1": lambda: ours.adam.beta_1}
        other |= {"adam_beta_2": lambda: ours.adam.beta_2, "epsilon": lambda: ours.adam.epsilon}
    for setting in kind.settings:
        found = other[setting]() if setting in other else getattr(ours, setting)
        assert found == pytest.approx(getattr(theirs, setting)), setting


def test_nadam_resumes_anywhere():
    """Its product of momenta follows from the number of the step alone."""
    ours = optimizer("nadam", [torch.zeros(1, requires_grad=True)])
    steps = [ours.product(time) for time in range(1, 40)]
    assert ours.product(7) == pytest.approx(steps[6])
    assert steps == pytest.approx(list(np.cumprod([0.9 * (1 - 0.5 * 0.96**t) for t in range(1, 40)])))


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
    assert set(OPTIMIZERS) == {name.lower() for name in OWN}
