"""Each pass changes nothing but the speed."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from convsmith.engine.lower import lower
from convsmith.engine.lowered import passes
from convsmith.engine.lowered.dropout import Dropout, seed_dropout
from convsmith.engine.weights import initial, tensors
from convsmith.graph import notation
from convsmith.testing.random_networks import random_network, random_weights
from convsmith.zoo import network

layers = notation.layers


def _pooled(as_layer: bool):
    x = inputs = notation.Input((9, 9, 2))
    x = layers.Conv2D(5, 3, activation=None if as_layer else "relu", name="conv")(x)
    x = layers.Activation("relu")(x) if as_layer else x
    x = layers.MaxPooling2D(3, strides=2, padding="same", name="pool")(x)
    x = layers.Dense(3, activation="softmax")(layers.Flatten()(x))
    return notation.Model(inputs, x)


@pytest.mark.parametrize("as_layer", [False, True])
def test_relu_after_pool_changes_no_number(as_layer):
    graph = _pooled(as_layer)
    weights = initial(graph, seed=0)
    x = torch.randn(4, 2, 9, 9)
    found = []
    for rewrites in ((), (passes.relu_after_pool,)):
        module = lower(graph, weights, passes=rewrites).train()
        out = module.logits(x)
        out.square().sum().backward()
        found.append([out.detach(), *(tensor.grad for _, tensor, _, _ in tensors(module))])
    for before, after in zip(*found, strict=True):
        torch.testing.assert_close(after, before, rtol=1e-6, atol=1e-7)


def _residual():
    x = inputs = notation.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, padding="same", activation="relu", name="stem")(x)
    y = layers.Conv2D(4, 3, padding="same", use_bias=False)(x)
    y = layers.Activation("relu", name="inner")(layers.BatchNormalization()(y))
    y = layers.BatchNormalization()(layers.DepthwiseConv2D(3, padding="same")(y))
    y = layers.Activation("relu", name="outer")(layers.Add()([x, y]))
    z = layers.Conv2D(4, 1, name="kept")(y)  # taken twice: stays
    z = layers.Multiply()([layers.Activation("relu", name="stays")(z), z])
    z = layers.Dense(5, activation="relu", name="dense")(layers.GlobalAveragePooling2D()(z))
    return notation.Model(inputs, layers.Dense(3, activation="softmax")(z))


def test_relu_in_place_changes_no_number():
    graph = _residual()
    weights = initial(graph, seed=0)
    x = torch.randn(4, 3, 8, 8)
    found = []
    for rewrites in ((), (passes.relu_in_place,)):
        module = lower(graph, weights, passes=rewrites).train()
        out = module.logits(x)
        out.square().sum().backward()
        found.append([out.detach(), *(tensor.grad for _, tensor, _, _ in tensors(module) if tensor.is_leaf)])
    for before, after in zip(*found, strict=True):
        assert (before is None) == (after is None)
        if before is not None:
            assert torch.equal(after, before)
    changed = [
        name for name, step in module.steps_by_name.items() if getattr(step.activation, "inplace", False)
    ]
    assert changed == ["stem", "inner", "outer", "dense"]


@settings(max_examples=30, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10_000))
def test_no_pass_changes_a_random_network(seed):
    graph = random_network(random.Random(seed).choice)
    weights = random_weights(graph, np.random.default_rng(seed))
    rows, columns, channels = graph.input_shape
    x = torch.randn(4, channels, rows, columns)
    found = []
    for rewrites in ((), (passes.relu_after_pool, passes.relu_in_place)):
        module = lower(graph, weights, passes=rewrites).train()
        for part in module.modules():
            if "Drop" in type(part).__name__ or "Noise" in type(part).__name__:
                part.eval()
        out = module.logits(x)
        out.square().sum().backward()
        grads = [t.grad for _, t, _, _ in tensors(module) if isinstance(t, torch.nn.Parameter)]
        found.append([out.detach(), *grads])
    for before, after in zip(*found, strict=True):
        torch.testing.assert_close(after, before, rtol=1e-4, atol=1e-5)


def test_relu_stays_where_others_need_it():
    x = inputs = notation.Input((8, 8, 2))
    a = layers.Conv2D(2, 3, activation="relu", name="conv")(x)
    b = layers.MaxPooling2D(2, name="pool")(a)
    b = layers.GlobalAveragePooling2D()(b)
    a = layers.GlobalAveragePooling2D()(a)
    graph = notation.Model(inputs, layers.Add()([a, b]))
    module = lower(graph, passes=(passes.relu_after_pool,))
    assert isinstance(module.steps_by_name["conv"].activation, torch.nn.ReLU)
    assert module.steps_by_name["pool"].activation is None


@settings(max_examples=25, deadline=None)
@given(
    rate=st.one_of(st.sampled_from([0.25, 0.5, 0.1, 0.2, 0.75]), st.floats(0.01, 0.99)), last=st.booleans()
)
def test_dropout_keeps_share_and_mean(rate, last):
    layer = Dropout(rate).train()
    layer.generator = torch.Generator().manual_seed(7)
    x = torch.ones(8, 16, 40, 40)
    if last:
        x = x.contiguous(memory_format=torch.channels_last)
    x.requires_grad_()
    out = layer(x)
    dropped = float((out == 0).float().mean())
    # 204,800 draws: five standard deviations.
    assert dropped == pytest.approx(rate, abs=5 * (rate * (1 - rate) / x.numel()) ** 0.5 + 1e-5)
    assert float(out.detach().max()) == pytest.approx(1 / (1 - rate), rel=1e-2)
    out.sum().backward()
    torch.testing.assert_close(x.grad, out.detach(), rtol=0, atol=0)
    # Neighbours in memory are independent.
    flat = (out.detach().permute(0, 2, 3, 1).reshape(-1) == 0).float()
    both = float((flat[1:] * flat[:-1]).mean())
    assert both == pytest.approx(rate**2, abs=0.01)


def test_dropout_edges():
    x = torch.randn(3, 5)
    assert Dropout(0.0).train()(x) is x
    assert not Dropout(1.0).train()(x).any()
    assert Dropout(0.5).eval()(x) is x
    odd = Dropout(0.5).train()(torch.ones(7, 3, 5)[:, ::2])  # neither dense nor a multiple of 8
    assert set(odd.unique().tolist()) <= {0.0, 2.0}


def test_dropout_follows_its_generator():
    graph = network("course_cnn")
    module = lower(graph, initial(graph, seed=0), passes=passes.TRAINING).train()
    x = torch.rand(2, 1, 28, 28)
    outs = []
    for seed in (1, 1, 2):
        seed_dropout(module, torch.Generator().manual_seed(seed))
        outs.append(module(x).detach())
    assert torch.equal(outs[0], outs[1])
    assert not torch.equal(outs[0], outs[2])


def test_training_passes_change_nothing_at_inference():
    graph = network("course_cnn")
    weights = initial(graph, seed=0)
    x = torch.rand(2, 1, 28, 28)
    torch.testing.assert_close(lower(graph, weights, passes=passes.TRAINING)(x), lower(graph, weights)(x))


def test_keep_pages_is_safe_to_call():
    assert passes.keep_pages() in (True, False)
    assert passes.keep_pages() == passes.keep_pages()
