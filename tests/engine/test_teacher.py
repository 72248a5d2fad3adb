"""Knowledge distillation: the loss by hand, the same images for both, and a student that gains by it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from convsmith.engine.loop import fit
from convsmith.engine.lower import lower
from convsmith.engine.predict import evaluate, to_NCHW
from convsmith.engine.train.objective import Objective
from convsmith.engine.train.teacher import Teacher, resized
from convsmith.engine.weights import initial
from convsmith.graph import Graph, notation

layers = notation.layers


def net(width: int, classes: int = 10, side: int = 8) -> Graph:
    x = inputs = notation.Input((side, side, 1))
    x = layers.Rescaling(1 / 127.5, offset=-1)(x)
    for stride in (1, 2):
        x = layers.Conv2D(width, 3, strides=stride, padding="same", use_bias=False)(x)
        x = layers.Activation("relu")(layers.BatchNormalization(momentum=0.9)(x))
        width *= 2
    x = layers.GlobalAveragePooling2D()(x)
    return notation.Model(inputs, layers.Dense(classes, activation="softmax")(x), name=f"net{width}")


def digits() -> tuple[np.ndarray, np.ndarray]:
    x, y = load_digits(return_X_y=True)
    return (x.reshape(-1, 8, 8, 1) * 15.9).astype(np.uint8), y.astype(np.int64)


def softmax(scores: np.ndarray) -> np.ndarray:
    powers = np.exp(scores - scores.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_the_loss_by_hand(temperature: float) -> None:
    x, y = digits()
    x, y = x[:40], y[:40]
    student, large = lower(net(4), initial(net(4), 0)), lower(net(8), initial(net(8), 1))
    teacher = Teacher(large, temperature=temperature, weight=0.3)
    objective = Objective(10, label_smoothing=0.0, teacher=teacher)
    with torch.no_grad():
        target = objective.targets(torch.from_numpy(y), np.arange(40))
        loss, _ = objective(student, to_NCHW(x), target)
        ours, theirs = student.logits(to_NCHW(x)).numpy(), large.logits(to_NCHW(x)).numpy()
    labels = -np.log(softmax(ours)[np.arange(40), y]).mean()
    p, q = softmax(theirs / temperature), softmax(ours / temperature)
    taught = temperature**2 * (p * np.log(p / q)).sum(1).mean()
    assert float(loss) == pytest.approx(0.7 * labels + 0.3 * taught, rel=1e-4)


def test_logits_known_beforehand_teach_the_same() -> None:
    x, y = digits()
    x, y = x[:200], y[:200]
    large = lower(net(8), initial(net(8), 1))
    with torch.no_grad():
        logits = large.logits(to_NCHW(x)).numpy()
    one, other = (
        fit(net(4), x, y, epochs=2, augment="none", teacher=Teacher(source)).weights
        for source in (large, logits)
    )
    for name, array in one.items():
        np.testing.assert_allclose(array, other[name], atol=2e-4)


def test_a_teacher_of_another_size_sees_the_image_at_its_own() -> None:
    x = to_NCHW(digits()[0][:5])
    seen = resized(x, net(4, side=16))
    assert seen.shape == (5, 1, 16, 16)
    assert torch.allclose(seen.mean(dim=(1, 2, 3)), x.mean(dim=(1, 2, 3)), rtol=0.05)
    assert resized(x, net(4)) is x


def test_a_student_gains_by_its_teacher() -> None:
    # A teacher that saw all digits; students that see 100 of them, with its opinion and without.
    x, y = digits()
    order = np.random.default_rng(0).permutation(len(x))
    train, test = order[:900], order[900:]
    large = net(16)
    weights = fit(large, x[train], y[train], epochs=6, augment="none").weights
    teacher = Teacher(lower(large, weights), weight=0.5)
    gains = []
    for seed in range(3):
        few = np.random.default_rng(seed).permutation(train)[:100]
        found = [
            fit(net(8), x[few], y[few], epochs=25, augment="none", teacher=who, seed=seed).weights
            for who in (None, teacher)
        ]
        alone, taught = (evaluate(net(8), x[test], y[test], weights=w)["accuracy"] for w in found)
        gains.append(taught - alone)
    assert np.mean(gains) > 0.005, gains
