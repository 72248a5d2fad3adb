"""LRP by literal loops over every product, its conservation, and its refusals."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from convsmith.engine.lower import lower
from convsmith.graph import notation
from convsmith.insight.methods.lrp import lrp
from convsmith.insight.target import Refused, Versus
from convsmith.testing.random_networks import random_weights

layers = notation.layers


def case(graph, seed=0):
    rng = np.random.default_rng(seed)
    weights = random_weights(graph, rng)
    rows, columns, channels = graph.input_shape
    x_NCHW = torch.from_numpy(rng.uniform(-2, 4, (3, channels, rows, columns)).astype(np.float32))
    return lower(graph, weights), weights, x_NCHW


def test_by_loops_over_every_product():
    graph = notation.Sequential(
        [
            notation.Input((5, 4, 2)),
            layers.Conv2D(3, 2, activation="relu", name="conv"),
            layers.Flatten(),
            layers.Dense(2, activation="softmax", name="dense"),
        ]
    )
    net, w, x_NCHW = case(graph)
    found = lrp(net, x_NCHW, 1)
    for n, x_CHW in enumerate(x_NCHW.numpy()):
        x = x_CHW.transpose(1, 2, 0).astype(float)
        z = np.zeros((4, 3, 3))
        for i, j, f in np.ndindex(4, 3, 3):
            z[i, j, f] = (x[i : i + 2, j : j + 2] * w["conv/kernel"][..., f]).sum() + w["conv/bias"][f]
        a = z.clip(0)
        logit = a.ravel() @ w["dense/kernel"][:, 1] + w["dense/bias"][1]
        hidden = (a.ravel() * w["dense/kernel"][:, 1] * logit / (logit + np.sign(logit) * 1e-6)).reshape(
            4, 3, 3
        )
        literal = np.zeros((5, 4, 2))
        for i, j, f in np.ndindex(4, 3, 3):
            products = x[i : i + 2, j : j + 2] * w["conv/kernel"][..., f]
            positive = products.clip(0)
            if positive.sum() > 0:
                literal[i : i + 2, j : j + 2] += positive / positive.sum() * hidden[i, j, f]
        np.testing.assert_allclose(found.maps_NHW[n], literal.sum(-1), atol=1e-4, rtol=1e-3)
        assert found.scores[n] == pytest.approx(logit, rel=1e-4)


def residual():
    x = inputs = notation.Input((8, 8, 3))
    x = layers.Rescaling(1 / 4)(x)
    x = layers.Conv2D(4, 3, padding="same", activation="relu", use_bias=False)(x)
    y = layers.SeparableConv2D(4, 3, padding="same", use_bias=False)(x)
    x = layers.ReLU()(layers.Add()([x, layers.ReLU()(y)]))
    x = layers.MaxPooling2D()(x)
    x = layers.Concatenate()(
        [x, layers.DepthwiseConv2D(3, padding="same", activation="relu", use_bias=False)(x)]
    )
    x = layers.GlobalAveragePooling2D()(x)
    return notation.Model(inputs, layers.Dense(3, use_bias=False, activation="softmax")(x))


def test_without_biases_the_logit_is_conserved_through_branches_sums_and_pools():
    net, _, x_NCHW = case(residual(), seed=4)
    found = lrp(net, x_NCHW.abs(), [0, 1, 2])
    assert found.arrays["conservation_error_N"].max() < 1e-3
    both = lrp(net, x_NCHW.abs(), Versus(0, 2))
    apart = lrp(net, x_NCHW.abs(), 0).maps_NHW - lrp(net, x_NCHW.abs(), 2).maps_NHW
    np.testing.assert_allclose(both.maps_NHW, apart, atol=1e-4)


def test_batch_norm_is_folded_first():
    graph = notation.Sequential(
        [
            notation.Input((6, 6, 1)),
            layers.Conv2D(3, 3),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Flatten(),
            layers.Dense(2),
        ]
    )
    from convsmith.graph.fold import fold

    net, weights, x_NCHW = case(graph)
    alone = lrp(lower(*fold(graph, weights)), x_NCHW, 0)
    np.testing.assert_allclose(lrp(net, x_NCHW, 0).maps_NHW, alone.maps_NHW, atol=1e-5)


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ([layers.Conv2D(2, 3, activation="gelu", name="c")], "layer c has activation gelu"),
        ([layers.BatchNormalization(name="b")], r"layer b \(BatchNormalization\) has no rule"),
        ([layers.Activation("sigmoid", name="s")], "layer s has activation sigmoid"),
    ],
)
def test_refusals_name_the_layer(extra, words):
    graph = notation.Sequential([notation.Input((6, 6, 1)), *extra, layers.Flatten(), layers.Dense(2)])
    with pytest.raises(Refused, match=words):
        lrp(lower(graph), torch.rand(1, 1, 6, 6), 0)


def test_a_gate_is_refused():
    x = inputs = notation.Input((6, 6, 2))
    gate = layers.Dense(2, activation="relu")(layers.GlobalAveragePooling2D(keepdims=True)(x))
    x = layers.Dense(2)(layers.Flatten()(layers.Multiply(name="gate")([x, gate])))
    with pytest.raises(Refused, match=r"layer gate \(Multiply\) has no rule"):
        lrp(lower(notation.Model(inputs, x)), torch.rand(1, 2, 6, 6), 0)
