"""Losses against Keras's."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from convsmith.engine.losses import cross_entropy, from_probabilities
from convsmith.engine.lower import lower
from convsmith.engine.weights import initial
from convsmith.graph import notation


def _net(activation):
    inputs = notation.Input((4,))
    graph = notation.Model(inputs, notation.layers.Dense(5, activation=activation)(inputs))
    return lower(graph, initial(graph, seed=0))


@settings(max_examples=25, deadline=None)
@given(
    smoothing=st.sampled_from([0.0, 0.1, 0.5]),
    activation=st.sampled_from(["softmax", "sigmoid", "linear"]),
    hard=st.booleans(),
    seed=st.integers(0, 100),
)
def test_cross_entropy_equals_keras(smoothing, activation, hard, seed):
    import keras

    rng = np.random.default_rng(seed)
    module = _net(activation)
    x = torch.from_numpy(rng.normal(size=(6, 4)).astype(np.float32))
    labels = rng.integers(0, 5, 6)
    shares = np.eye(5, dtype=np.float32)[labels] if hard else rng.dirichlet(np.ones(5), 6).astype(np.float32)
    target = torch.from_numpy(labels if hard else shares)
    logits = activation == "linear"
    ours, scores = cross_entropy(module, x, target, label_smoothing=smoothing, from_logits=logits)
    theirs = keras.losses.CategoricalCrossentropy(from_logits=logits, label_smoothing=smoothing)(
        shares, module(x).detach()
    )
    assert float(ours.detach()) == pytest.approx(float(theirs), rel=1e-5)
    assert torch.equal(scores.argmax(1), module(x).argmax(1))


def test_probabilities_of_nothing_stay_finite():
    given_ = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    assert float(from_probabilities(given_, torch.tensor([1, 0]))) == pytest.approx(16.118 / 2, rel=1e-3)
