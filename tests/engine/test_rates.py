"""The learning-rate finder on planted curvature: gradient descent on it diverges above 2 / curvature."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convsmith.engine.loop import fit
from convsmith.engine.train.lr_finder import find, sweep
from convsmith.engine.weights import initial
from convsmith.errors import BadInput, ConvsmithError
from convsmith.zoo import network


@settings(max_examples=25, deadline=None)
@given(st.floats(-1, 3), st.floats(0, 0.5), st.integers(0, 99))
def test_the_rate_is_below_what_diverges_and_not_far_below(power: float, noise: float, seed: int) -> None:
    largest = 10.0**power
    rng = np.random.default_rng(seed)
    curvatures = np.geomspace(largest / 50, largest, 20)
    place = np.ones(20)

    def step(rate: float) -> float:
        nonlocal place
        loss = float((curvatures * place**2).sum() / 2)
        place = place - rate * (curvatures * place + noise * largest * rng.normal(size=20) / 5)
        return loss

    found = sweep(step)
    assert 0.02 < found.rate / (2 / largest) < 1
    assert list(found.rates) == sorted(found.rates)
    assert len(found.rates) == len(found.losses)


def test_it_ends_soon_after_the_loss_explodes() -> None:
    seen = []

    def step(rate: float) -> float:
        seen.append(rate)
        return 1.0 if rate < 0.01 else 100.0 * rate

    sweep(step)
    assert seen[-1] < 0.1


def test_a_network_keeps_its_weights_and_trains_well_at_the_rate_found() -> None:
    rng = np.random.default_rng(0)
    y = np.arange(200) % 4
    x = (rng.integers(0, 60, (200, 32, 32, 1)) + (y * 40)[:, None, None, None]).astype(np.uint8)
    graph, first = network("lenet5", classes=4), initial(network("lenet5", classes=4), 0)
    kept = {name: array.copy() for name, array in first.items()}
    found = find(graph, x, y, weights=first, optimizer="sgd")
    assert all(np.array_equal(first[name], kept[name]) for name in first)
    assert find(graph, x, y, weights=first, optimizer="sgd") == found, "the same again"
    losses = [
        fit(
            graph, x, y, optimizer="sgd", learning_rate=found.rate * factor, epochs=3, augment="none"
        ).history[-1]["loss"]
        for factor in (1.0, 0.01)
    ]
    assert losses[0] < losses[1]


def test_what_cannot_be_swept_is_said() -> None:
    with pytest.raises(BadInput, match="0 < low < high"):
        sweep(lambda rate: 1.0, low=1, high=0.1)
    with pytest.raises(ConvsmithError, match="not a number from the start"):
        sweep(lambda rate: float("nan"))
