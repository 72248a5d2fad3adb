"""Adversarial examples against what can be worked out by hand for linear networks."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from convsmith.engine.lower import lower
from convsmith.engine.predict import to_NCHW
from convsmith.errors import BadInput
from convsmith.graph import notation as keras
from convsmith.insight.adversarial import accuracy_against_epsilon, fgsm, pgd

SIDE, CLASSES = 6, 3


def linear(seed: int, classes: int = CLASSES):
    """(lowered network, kernel): logits = kernel . pixels / 255."""
    inputs = keras.Input((SIDE, SIDE, 1), name="image")
    x = keras.layers.Flatten(name="flat")(keras.layers.Rescaling(1 / 255, name="scale")(inputs))
    graph = keras.Model(
        inputs, keras.layers.Dense(classes, activation="softmax", name="out")(x), name="linear"
    )
    kernel = np.random.default_rng(seed).normal(0, 1, (SIDE * SIDE, classes)).astype(np.float32)
    return lower(graph, {"out/kernel": kernel, "out/bias": np.zeros(classes, np.float32)}), kernel


def images(seed: int, n: int = 20) -> np.ndarray:
    """Mid-grey, so that no attack of up to 60 meets the ends of the range."""
    return np.random.default_rng(seed).integers(100, 156, (n, SIDE, SIDE, 1)).astype(np.uint8)


def literal_gradient(kernel: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Of the cross-entropy by the pixels: W (p - onehot) / 255."""
    logits = x.reshape(len(x), -1) / 255 @ kernel
    p = np.exp(logits - logits.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    return ((p - np.eye(kernel.shape[1])[y]) @ kernel.T / 255).reshape(x.shape)


@given(st.integers(0, 1000), st.floats(0.5, 40))
@settings(max_examples=20, deadline=None)
def test_fgsm_is_the_sign_of_the_literal_gradient(seed: int, epsilon: float) -> None:
    net, kernel = linear(seed)
    x, y = images(seed), np.random.default_rng(seed).integers(0, CLASSES, 20)
    found = fgsm(net, to_NCHW(x), torch.from_numpy(y), epsilon=epsilon).permute(0, 2, 3, 1).numpy()
    gradient = literal_gradient(kernel, x.astype(float), y)
    clear = np.abs(gradient) > 1e-7  # elsewhere the sign hangs on rounding
    np.testing.assert_allclose(found[clear], (x + epsilon * np.sign(gradient))[clear], atol=1e-3)


@given(st.integers(0, 1000), st.sampled_from(["linf", "l2"]), st.floats(0, 300))
@settings(max_examples=30, deadline=None)
def test_pgd_stays_in_the_ball_and_in_the_range(seed: int, norm: str, epsilon: float) -> None:
    net, _ = linear(seed)
    x = to_NCHW(np.random.default_rng(seed).integers(0, 256, (8, SIDE, SIDE, 1)).astype(np.uint8))
    y = torch.from_numpy(np.random.default_rng(seed).integers(0, CLASSES, 8))
    found = pgd(net, x, y, epsilon=epsilon, norm=norm, steps=5)
    change = (found - x).flatten(1)
    size = change.abs().amax(1) if norm == "linf" else change.norm(dim=1)
    assert float(size.max()) <= epsilon * (1 + 1e-5) + 1e-3
    assert float(found.min()) >= 0
    assert float(found.max()) <= 255


@pytest.mark.parametrize(("norm", "epsilons"), [("linf", (0, 1, 4, 8, 16, 32)), ("l2", (0, 8, 32, 64, 128))])
def test_two_linear_classes_fall_exactly_where_theory_says(norm: str, epsilons: tuple[float, ...]) -> None:
    """An image falls when its margin is less than epsilon times the dual norm of the weights' difference."""
    net, kernel = linear(5, classes=2)
    x = images(7, 60)
    logits = x.reshape(60, -1) / 255 @ kernel
    y = logits.argmax(1)
    margin = np.abs(logits[:, 0] - logits[:, 1])
    weight = (kernel[:, 0] - kernel[:, 1]) / 255
    dual = np.abs(weight).sum() if norm == "linf" else np.linalg.norm(weight)
    rows = accuracy_against_epsilon(net, x, y, norm=norm, epsilons=epsilons, steps=40)
    expected = [float((margin > epsilon * dual).mean()) for epsilon in epsilons]
    assert [row["accuracy"] for row in rows] == pytest.approx(expected, abs=1.01 / 60)
    assert rows[0]["accuracy"] == 1 > rows[-1]["accuracy"]


def test_curves_fall_and_pgd_is_at_least_as_strong_as_one_step(trained) -> None:
    from convsmith.testing.planted import planted

    net = lower(*trained)
    made = planted(40, seed=1)
    data = (made.x_NHWC, made.y)
    epsilons = (0, 1, 4, 16)
    step, many = (
        [
            row["accuracy"]
            for row in accuracy_against_epsilon(net, *data, attack=a, epsilons=epsilons, steps=8)
        ]
        for a in ("fgsm", "pgd")
    )
    assert many == sorted(many, reverse=True)
    assert step[0] == many[0] > 0.9
    assert many[-1] < 0.5
    assert all(m <= s + 0.05 for s, m in zip(step, many, strict=True))


def test_the_same_seed_gives_the_same_images_and_the_network_stays(trained) -> None:
    net = lower(*trained).train()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    x, y = to_NCHW(np.full((2, 32, 32, 1), 120, np.uint8)), torch.tensor([0, 1])
    a, b = (pgd(net, x, y, epsilon=8, seed=1) for _ in range(2))
    assert torch.equal(a, b)
    assert net.training
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


@pytest.mark.parametrize(
    ("settings_", "says"),
    [
        ({"epsilons": (-1, 2)}, "--epsilon: got -1"),
        ({"epsilons": (4, 2)}, "ascending"),
        ({"attack": "fgsm", "norm": "l2"}, "fgsm with l2"),
        ({"steps": 0, "epsilons": (1,)}, "--steps: got 0"),
        ({"norm": "l1", "epsilons": (1,)}, "linf or l2"),
    ],
)
def test_bad_input(settings_, says: str) -> None:
    net, kernel = linear(0)
    y = (images(0).reshape(20, -1) @ kernel).argmax(1)
    with pytest.raises(BadInput, match=says):
        accuracy_against_epsilon(net, images(0), y, **settings_)
