"""Convolutions of 3x3 in fewer multiplications give the direct ones' numbers, no less exact."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from convsmith.engine import native
from convsmith.engine.lower import lower
from convsmith.engine.lowered import compiled_layers, fused, passes
from convsmith.engine.native import convolutions
from convsmith.graph import notation
from convsmith.testing.random_networks import random_weights

from .conftest import checked, compiled, image, near

layers = notation.layers
sizes = {
    "count": st.integers(1, 5), "channels": st.sampled_from([16, 17, 24, 32, 40, 48, 64, 96]),
    "filters": st.sampled_from([16, 19, 24, 32, 48, 56, 64, 80]), "rows": st.integers(1, 15),
    "columns": st.integers(1, 15), "padding": st.tuples(st.integers(0, 2), st.integers(0, 2)),
}  # fmt: skip


@compiled
@checked
@given(**sizes, activation=st.sampled_from(["none", "relu", "relu6"]), biased=st.booleans())
def test_outputs(threads, count, channels, filters, rows, columns, padding, activation, biased):
    size = rows + max(0, 3 - 2 * padding[0]), columns + max(0, 3 - 2 * padding[1])
    x, weight = image(count, channels, *size), image(filters, channels, 3, 3, seed=1)
    bias = torch.linspace(-3, 3, filters) if biased else None
    wanted = F.conv2d(x.double(), weight.double(), None if bias is None else bias.double(), 1, padding)
    wanted = {"none": lambda v: v, "relu": F.relu, "relu6": F.relu6}[activation](wanted)
    found = convolutions.winograd(x, weight, bias, padding, activation)
    assert found.shape == wanted.shape
    assert found.is_contiguous(memory_format=torch.channels_last)
    assert near(found, wanted, 9 * channels)


@compiled
@checked
@given(**sizes)
def test_gradients_of_kernels(threads, count, channels, filters, rows, columns, padding):
    size = rows + max(0, 3 - 2 * padding[0]), columns + max(0, 3 - 2 * padding[1])
    x = image(count, channels, *size)
    kernel = torch.zeros(filters, channels, 3, 3, dtype=torch.float64, requires_grad=True)
    out = F.conv2d(x.double(), kernel, None, 1, padding)
    grad = image(*out.shape, seed=1)
    out.backward(grad.double())
    found = convolutions.winograd_weights(grad, x, padding)
    assert near(found, kernel.grad, out.numel() // filters)


@compiled
@checked
@given(**sizes, relu=st.booleans(), biased=st.booleans())
def test_with_pooling_behind(threads, count, channels, filters, rows, columns, padding, relu, biased):
    size = rows + max(1, 4 - 2 * padding[0]), columns + max(1, 4 - 2 * padding[1])
    x, weight = image(count, channels, *size), image(filters, channels, 3, 3, seed=1)
    bias = torch.linspace(-3, 3, filters) if biased else None
    between = convolutions.winograd(x, weight, bias, padding)
    wanted, where = native.pool(between, (2, 2), relu=relu)
    out, places = convolutions.winograd_pool(x, weight, bias, padding, relu=relu)
    torch.testing.assert_close(out, wanted, rtol=1e-6, atol=1e-5)
    assert float((places != where).float().mean()) < 0.01  # rounding may decide between two alike


@compiled
@pytest.mark.parametrize("size", [(17, 14), (16, 16), (13, 19)])
@pytest.mark.parametrize("padding", ["same", "valid"])
def test_a_layer_with_pooling_and_its_gradients(size, padding, calls, monkeypatch):
    x = inputs = notation.Input((*size, 16))
    x = layers.Conv2D(24, 3, padding=padding, activation="relu")(x)
    x = layers.MaxPooling2D()(x)
    x = layers.Conv2D(16, 3, use_bias=False)(x)
    x = layers.MaxPooling2D(2, padding="valid")(x)
    graph = notation.Model(inputs, layers.Dense(3, activation="softmax")(layers.Flatten()(x)))
    weights = random_weights(graph, np.random.default_rng(0))
    batch = image(32, 16, *size)

    def numbers() -> list[torch.Tensor]:
        module = lower(graph, weights, passes=passes.TRAINING).train()
        taken = batch.clone().requires_grad_()
        out = module.logits(taken)
        out.square().sum().backward()
        named = dict(module.named_parameters())
        kinds = [step.layer for step in module.steps_by_name.values()]
        assert sum(isinstance(one, compiled_layers.ConvolutionPool) for one in kinds) == 2
        return [out.detach(), taken.grad, *(named[name].grad for name in sorted(named))]  # type: ignore[list-item]

    found = numbers()
    assert calls.count("winograd") == 4
    assert "pool" not in calls
    monkeypatch.setattr(convolutions, "takes_winograd", lambda *_: False)
    for one, other in zip(found, numbers(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4 * float(other.abs().max()))


@compiled
def test_a_layer_and_its_gradients(threads, calls, monkeypatch):
    """As near to float64 as oneDNN's float32 is, but for a factor of two."""
    x = inputs = notation.Input((17, 14, 16))
    x = layers.Conv2D(32, 3, padding="same", activation="relu")(x)
    x = layers.Conv2D(24, 3, use_bias=False)(x)
    x = layers.GlobalAveragePooling2D()(layers.ReLU(6.0)(x))
    graph = notation.Model(inputs, layers.Dense(3, activation="softmax")(x))
    weights = random_weights(graph, np.random.default_rng(0))
    batch = image(8, 16, 17, 14)

    def numbers(precision: torch.dtype) -> list[torch.Tensor]:
        module = lower(graph, weights, passes=passes.TRAINING).train().to(precision)
        kinds = [step.layer for step in module.steps_by_name.values()]
        assert sum(isinstance(one, fused.Convolution) for one in kinds) == 2
        taken = batch.clone().to(precision).requires_grad_()
        out = module.logits(taken)
        out.square().sum().backward()
        return [out.detach(), taken.grad, *(one.grad for one in module.parameters())]  # type: ignore[list-item]

    found = numbers(torch.float32)
    assert (calls.count("winograd"), calls.count("winograd_back")) == (4, 2)
    truth = numbers(torch.float64)
    monkeypatch.setattr(convolutions, "takes_winograd", lambda *_: False)
    direct = numbers(torch.float32)
    for one, other, wanted in zip(found, direct, truth, strict=True):
        scale = float(wanted.abs().max())
        allowed = 2 * float((other - wanted).abs().max()) + 2e-6 * scale
        assert float((one - wanted).abs().max()) <= allowed


@compiled
def test_more_threads_change_no_bit_of_an_output():
    x, weight = image(4, 32, 20, 20), image(48, 32, 3, 3, seed=1)
    before, found = torch.get_num_threads(), []
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        found.append(convolutions.winograd(x, weight, None, (1, 1)))
    torch.set_num_threads(before)
    assert torch.equal(found[0], found[1])
    assert torch.equal(found[0], found[2])


@compiled
def test_what_is_no_number_stays_in_its_tile():
    x = image(1, 16, 12, 12)
    x[0, 3, 5, 5] = torch.nan
    found = convolutions.winograd(x, image(16, 16, 3, 3), None, (1, 1)).isnan()
    assert found[0, :, 4:7, 4:7].all()
    assert not found[0, :, :2].any()
    assert not found[0, :, 10:].any()


def test_which_convolutions_it_is_for():
    from convsmith.kinds._torch import Conv2d

    def suits(**settings: object) -> bool:
        given_ = {"padding": "same", **settings}
        filters, size = given_.pop("filters", 32), given_.pop("size", 3)
        inputs = notation.Input((8, 8, 32))
        graph = notation.Model(inputs, layers.Conv2D(filters, size, name="c", **given_)(inputs))
        conv = lower(graph).steps_by_name["c"].layer
        assert isinstance(conv, Conv2d)
        return fused.is_winograd(conv)

    assert suits()
    assert suits(padding="valid")
    for other in (
        {"strides": 2}, {"dilation_rate": 2}, {"groups": 2}, {"size": 5}, {"size": (3, 1)}, {"filters": 8},
        {"filters": 1024},
    ):  # fmt: skip
        assert not suits(**other)
    assert not convolutions.takes_winograd(image(1, 32, 8, 8), (1, 1))  # too little to do
    assert not convolutions.takes_winograd(
        image(9, 32, 2, 50), (0, 0)
    )  # torch names the size that does not fit
