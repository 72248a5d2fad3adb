"""Folding: the same function with fewer layers, checked against the network as it was."""

from __future__ import annotations

import random

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from convsmith.engine.lower import lower
from convsmith.graph import notation as keras
from convsmith.graph.fold import fold
from convsmith.testing.random_networks import random_network, random_weights


def outputs(graph, weights, x_NCHW):
    with torch.inference_mode():
        return lower(graph, weights)(torch.from_numpy(x_NCHW)).numpy()


def close(a, b):
    np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5 * max(1.0, float(np.abs(b).max())))


@given(seed=st.integers(0, 10**6))
@settings(max_examples=40, deadline=None)
def test_a_folded_random_network_computes_the_same(seed):
    graph = random_network(random.Random(seed).choice, ends=("linear",))
    rng = np.random.default_rng(seed)
    weights = random_weights(graph, rng)
    before = {name: array.copy() for name, array in weights.items()}
    rows, columns, channels = graph.input_shape
    x_NCHW = rng.uniform(0, 3, (2, channels, rows, columns)).astype(np.float32)
    small, arrays = fold(graph, weights)
    close(outputs(small, arrays, x_NCHW), outputs(graph, weights, x_NCHW))
    assert all(np.array_equal(before[name], weights[name]) for name in before), "fold changed its argument"
    assert not any(node.kind.train_only for node in small.nodes)


def folded_kinds(layers, shape=(6, 6, 2)):
    graph = keras.Sequential([keras.Input(shape), *layers])
    small, _ = fold(graph, random_weights(graph, np.random.default_rng(0)))
    return [node.kind_name for node in small.nodes[1:]]


def test_what_is_folded_and_what_stays():
    layers = keras.layers
    norm = layers.BatchNormalization
    assert folded_kinds([layers.Conv2D(3, 3), norm(), layers.ReLU()]) == ["Conv2D", "ReLU"]
    assert folded_kinds([layers.Conv2D(3, 3), layers.Dropout(0.1), norm(), norm()]) == ["Conv2D"]
    assert folded_kinds([layers.DepthwiseConv2D(3, depth_multiplier=2), norm()]) == ["DepthwiseConv2D"]
    assert folded_kinds([layers.SeparableConv2D(3, 3), norm()]) == ["SeparableConv2D"]
    assert folded_kinds([layers.Flatten(), layers.Dense(3), norm()]) == ["Flatten", "Dense"]
    assert folded_kinds([layers.Rescaling(1 / 255), layers.Conv2D(3, 3, padding="same")]) == ["Conv2D"]
    kept = [layers.Rescaling(1 / 255, -1), layers.Conv2D(3, 3, activation="relu"), norm()]
    assert folded_kinds(kept) == ["Rescaling", "Conv2D", "BatchNormalization"]
    assert folded_kinds([norm(), layers.Conv2D(3, 3)]) == ["BatchNormalization", "Conv2D"]


def test_a_shared_layer_and_an_output_that_others_take_keep_their_norm():
    layer = keras.layers.Conv2D(2, 3, padding="same")
    x = inputs = keras.Input((6, 6, 2))
    x = keras.layers.BatchNormalization()(layer(x))
    shared = keras.Model(inputs, layer(x))
    assert fold(shared, random_weights(shared, np.random.default_rng(0)))[0] == shared

    taken = keras.layers.Conv2D(2, 3, padding="same")(inputs)
    both = keras.Model(inputs, keras.layers.Add()([taken, keras.layers.BatchNormalization()(taken)]))
    assert fold(both, random_weights(both, np.random.default_rng(0)))[0] == both

    seen = keras.Model(inputs, [taken, keras.layers.BatchNormalization()(taken)])
    assert fold(seen, random_weights(seen, np.random.default_rng(0)))[0] == seen


def test_the_formula_by_hand_in_float64():
    graph = keras.Sequential(
        [
            keras.Input((3, 3, 2)),
            keras.layers.Conv2D(4, 3, name="c"),
            keras.layers.BatchNormalization(name="b"),
        ]
    )
    w = random_weights(graph, np.random.default_rng(1))
    _, found = fold(graph, w)
    x = np.random.default_rng(2).normal(size=(3, 3, 2))
    z = np.einsum("hwi,hwio->o", x, w["c/kernel"].astype(np.float64)) + w["c/bias"]
    z = w["b/gamma"] * (z - w["b/moving_mean"]) / np.sqrt(w["b/moving_variance"] + 1e-3) + w["b/beta"]
    folded = np.einsum("hwi,hwio->o", x, found["c/kernel"].astype(np.float64)) + found["c/bias"]
    np.testing.assert_allclose(folded, z, rtol=1e-6, atol=1e-6)
