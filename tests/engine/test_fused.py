"""Fused operations give the numbers, gradients and statistics of the layers that they stand for."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from convsmith.engine.lower import lower
from convsmith.engine.lowered import fused, passes
from convsmith.engine.weights import dump, tensors
from convsmith.graph import notation
from convsmith.testing.random_networks import random_weights

layers = notation.layers


def _trained_once(graph, weights, rewrites, x):
    """Output, gradients and weights (statistics among them) after one batch, in the images' precision."""
    module = lower(graph, weights, passes=rewrites).train().to(x.dtype)
    seen = x.clone().requires_grad_()
    out = module(seen)
    out.square().mean().backward()
    parameters = [t for _, t, _, _ in tensors(module) if isinstance(t, torch.nn.Parameter)]
    # A bias in front of a batch norm has a gradient of 0: none at all is the same to every optimizer.
    grads = [torch.zeros_like(t) if t.grad is None else t.grad for t in parameters]
    return module, [out.detach(), seen.grad, *grads, *map(torch.from_numpy, dump(module).values())]


def _same(graph, rewrites, x, precision=torch.float64):
    weights = random_weights(graph, np.random.default_rng(0))
    _, plain = _trained_once(graph, weights, (), x.to(precision))
    module, changed = _trained_once(graph, weights, rewrites, x)
    for before, after in zip(plain, changed, strict=True):
        scale = float(before.abs().max()) + 0.1
        torch.testing.assert_close(after / scale, before.float() / scale, rtol=1e-4, atol=2e-5)
    plain_out = lower(graph, weights)(x)
    torch.testing.assert_close(lower(graph, weights, passes=rewrites)(x), plain_out, rtol=1e-4, atol=1e-5)
    return module


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    activation=st.sampled_from([None, "relu", "relu6", "layer", "tanh"]),
    narrow=st.integers(1, 9),
    wide=st.integers(2, 4),
    bias=st.booleans(),
    center=st.booleans(),
    scale=st.booleans(),
    batch=st.integers(2, 5),
    far=st.sampled_from([0.0, 30.0]),
)
def test_widened_equals_its_layers(activation, narrow, wide, bias, center, scale, batch, far):
    x = inputs = notation.Input((7, 5, narrow))
    x = layers.Conv2D(narrow * wide, 1, use_bias=bias, name="conv")(x)
    x = layers.BatchNormalization(center=center, scale=scale, momentum=0.8, name="norm")(x)
    if activation == "layer":
        x = layers.ReLU(max_value=6.0)(x)
    elif activation:
        x = layers.Activation(activation)(x)
    graph = notation.Model(inputs, layers.DepthwiseConv2D(3)(x))
    pixels = torch.randn(batch, narrow, 7, 5, generator=torch.Generator().manual_seed(batch)) + far
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passes, "limit", lambda name: 0)
        module = _same(graph, (passes.widen_at_once, passes.relu_in_place), pixels)
    found = module.steps_by_name["norm"].layer
    assert isinstance(found, fused.Widened)
    assert (found.activation is None) == (activation in (None, "tanh"))


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    activation=st.sampled_from(["linear", "relu", "relu6", "tanh"]),
    filters=st.integers(1, 9),
    kernel=st.integers(1, 3),
    stride=st.integers(1, 2),
    padding=st.sampled_from(["same", "valid"]),
    groups=st.integers(1, 2),
)
def test_convolution_equals_its_layers(activation, filters, kernel, stride, padding, groups):
    x = inputs = notation.Input((8, 7, 4))
    x = layers.Conv2D(
        filters * groups, kernel, strides=stride, padding=padding, groups=groups, activation=activation
    )(x)
    graph = notation.Model(inputs, layers.GlobalAveragePooling2D()(x))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passes, "limit", lambda name: 0)
        _same(graph, (passes.activate_at_once,), torch.randn(3, 4, 8, 7))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    channels=st.sampled_from([2, 3, 5, 8, 12, 17, 40]),
    size=st.sampled_from([2, 3, 5, 7]),
    strides=st.sampled_from([1, 2, 3]),
    padding=st.sampled_from(["same", "valid"]),
    rows=st.integers(7, 12),
    columns=st.integers(7, 12),
    bias=st.booleans(),
    activation=st.sampled_from([None, "relu", "relu6"]),
)
def test_depthwise_equals_its_layers(channels, size, strides, padding, rows, columns, bias, activation):
    x = inputs = notation.Input((rows, columns, channels))
    x = layers.DepthwiseConv2D(
        size, strides=strides, padding=padding, use_bias=bias, activation=activation, name="each"
    )(x)
    graph = notation.Model(inputs, layers.Conv2D(2, 1)(x))
    images = torch.randn(3, channels, rows, columns).contiguous(memory_format=torch.channels_last)
    module = _same(graph, (passes.activate_at_once,), images)
    uneven = module.steps_by_name["each"].layer
    assert isinstance(uneven, fused.Convolution) or uneven.uneven


@pytest.mark.parametrize("name", ["relu", "relu6"])
def test_in_place_activations_equal_theirs(name):
    x = inputs = notation.Input((6, 6, 3))
    x = layers.BatchNormalization()(layers.Conv2D(5, 3, use_bias=False)(x))
    x = layers.Activation(name, name="act")(x)
    graph = notation.Model(inputs, layers.DepthwiseConv2D(3)(x))
    module = _same(graph, (passes.relu_in_place,), 6 * torch.randn(4, 3, 6, 6))
    assert not isinstance(module.steps_by_name["act"].activation, torch.nn.ReLU6)


def test_sums_in_place_change_no_number():
    x = inputs = notation.Input((6, 6, 3))
    a = layers.BatchNormalization()(layers.Conv2D(4, 3, padding="same", use_bias=False)(x))
    b = layers.Conv2D(4, 1)(x)
    x = layers.Activation("relu")(layers.Add(name="fresh")([a, b]))
    x = layers.Add(name="kept")([x, layers.Conv2D(4, 1)(x)])
    gate = layers.BatchNormalization()(layers.GlobalAveragePooling2D(keepdims=True)(x))
    x = layers.Add(name="spread")([gate, x])
    x = layers.Add(name="view")([layers.MaxPooling2D(1, strides=2)(x), layers.Conv2D(4, 1, strides=2)(x)])
    x = layers.GlobalAveragePooling2D()(x)
    graph = notation.Model(inputs, x)
    module = _same(graph, (passes.relu_in_place, passes.add_in_place), torch.randn(4, 3, 6, 6))
    changed = [n for n, step in module.steps_by_name.items() if isinstance(step.layer, fused.SumInPlace)]
    assert changed == ["fresh"]


def test_frozen_norms_keep_their_statistics():
    x = inputs = notation.Input((4, 4, 3))
    x = layers.Conv2D(8, 1, use_bias=False)(x)
    graph = notation.Model(inputs, layers.BatchNormalization(name="norm", trainable=False)(x))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passes, "limit", lambda name: 0)
        _same(graph, (passes.widen_at_once,), torch.randn(3, 3, 4, 4))


@pytest.mark.parametrize("sides", [1, (2, 1), ((1, 1), (2, 2)), ((0, 1), (0, 1))])
@pytest.mark.parametrize("kind", ["Conv2D", "DepthwiseConv2D"])
def test_padding_in_convolution_changes_no_number(sides, kind):
    x = inputs = notation.Input((9, 8, 4))
    x = layers.ZeroPadding2D(sides, name="pad")(x)
    more = {"filters": 5} if kind == "Conv2D" else {}
    x = getattr(layers, kind)(kernel_size=3, strides=2, **more)(x)
    graph = notation.Model(inputs, layers.GlobalAveragePooling2D()(x))
    module = _same(graph, (passes.padding_in_convolution,), torch.randn(3, 4, 9, 8))
    even = sides != ((0, 1), (0, 1))
    assert isinstance(module.steps_by_name["pad"].layer, torch.nn.Identity) == even


def test_padding_stays_where_others_need_it():
    x = inputs = notation.Input((9, 9, 2))
    padded = layers.ZeroPadding2D(1, name="pad")(x)
    x = layers.Add()([layers.Conv2D(2, 1)(padded), padded])
    graph = notation.Model(inputs, layers.GlobalAveragePooling2D()(x))
    module = _same(graph, (passes.padding_in_convolution,), torch.randn(2, 2, 9, 9))
    assert isinstance(module.steps_by_name["pad"].layer, torch.nn.ZeroPad2d)


def test_layers_used_twice_stay_as_they_are():
    inputs = notation.Input((6, 6, 3))
    conv, norm = layers.Conv2D(40, 1, use_bias=True, name="conv"), layers.BatchNormalization(name="norm")
    a = norm(conv(layers.ZeroPadding2D(1)(inputs)))
    b = norm(conv(layers.ZeroPadding2D(2)(inputs)))
    ends = [layers.GlobalAveragePooling2D()(part) for part in (a, b)]
    graph = notation.Model(inputs, layers.Add()(ends))
    # float32: a change of precision would part what the two calls share
    _same(graph, passes.TRAINING, torch.randn(3, 3, 6, 6), precision=torch.float32)
