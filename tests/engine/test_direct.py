"""Convolutions of few channels with their sums in registers give torch's numbers."""

from __future__ import annotations

import subprocess
import sys

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
from convsmith.kinds._torch import Conv2d
from convsmith.testing.random_networks import random_weights
from convsmith.zoo import network

from .conftest import checked, compiled, image, near

layers = notation.layers
sizes = {
    "count": st.integers(3, 5), "channels": st.sampled_from([1, 2, 3, 4, 6, 7, 8, 11, 13, 15, 20, 31]),
    "filters": st.sampled_from([1, 5, 6, 8, 12, 16, 17, 24, 32, 40, 48, 70]), "rows": st.integers(1, 9),
    "columns": st.integers(4, 35), "padding": st.tuples(st.integers(0, 3), st.integers(0, 3)),
    "kernel": st.one_of(
        st.sampled_from([(3, 3), (5, 5)]), st.tuples(st.integers(1, 7), st.integers(1, 7))
    ),
}  # fmt: skip


def image_for(
    count: int, channels: int, out: tuple[int, int], kernel: tuple[int, int], padding: tuple[int, int]
):
    """Random numbers of which a convolution makes `out` rows and columns, or a few more."""
    size = (max(1, one + of - 1 - 2 * more) for one, of, more in zip(out, kernel, padding, strict=True))
    return image(count, channels, *size)


@compiled
@checked
@given(**sizes, activation=st.sampled_from(["none", "relu", "relu6"]), biased=st.booleans())
def test_outputs(threads, count, channels, filters, rows, columns, padding, kernel, activation, biased):
    x = image_for(count, channels, (rows, columns), kernel, padding)
    weight = image(filters, channels, *kernel, seed=1)
    bias = torch.linspace(-3, 3, filters) if biased else None
    wanted = F.conv2d(x.double(), weight.double(), None if bias is None else bias.double(), 1, padding)
    wanted = {"none": lambda v: v, "relu": F.relu, "relu6": F.relu6}[activation](wanted)
    found = convolutions.direct(x, weight, bias, padding, activation)
    assert found.shape == wanted.shape
    assert found.is_contiguous(memory_format=torch.channels_last)
    assert near(found, wanted, channels * kernel[0] * kernel[1])


@compiled
@checked
@given(**sizes, relu=st.booleans(), biased=st.booleans())
def test_with_pooling_behind(threads, count, channels, filters, rows, columns, padding, kernel, relu, biased):
    x = image_for(count, channels, (rows + 1, columns), kernel, padding)
    weight = image(filters, channels, *kernel, seed=1)
    bias = torch.linspace(-3, 3, filters) if biased else None
    between = convolutions.direct(x, weight, bias, padding)
    wanted, where = native.pool(between, (2, 2), relu=relu)
    out, places = convolutions.direct_pool(x, weight, bias, padding, relu=relu)
    torch.testing.assert_close(out, wanted, rtol=1e-6, atol=1e-5)
    assert float((places != where).float().mean()) < 0.01  # rounding may decide between two alike


@compiled
@checked
@given(**sizes)
def test_gradients_of_kernels(threads, count, channels, filters, rows, columns, padding, kernel):
    x = image_for(count, channels, (rows, columns), kernel, padding)
    weight = torch.zeros(filters, channels, *kernel, dtype=torch.float64, requires_grad=True)
    out = F.conv2d(x.double(), weight, None, 1, padding)
    grad = image(*out.shape, seed=2)
    out.backward(grad.double())
    found = convolutions.direct_weights(grad, x, kernel, padding)
    assert found.shape == weight.shape
    assert near(found, weight.grad, out.numel() // filters)


@compiled
def test_more_threads_change_no_bit_of_an_output():
    x, weight = image(4, 3, 20, 20), image(12, 3, 3, 3, seed=1)
    before, found = torch.get_num_threads(), []
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        found.append(convolutions.direct(x, weight, None, (1, 1)))
    torch.set_num_threads(before)
    assert torch.equal(found[0], found[1])
    assert torch.equal(found[0], found[2])


@compiled
def test_what_is_no_number_stays_in_its_pixels_and_filters():
    x, weight = image(1, 2, 12, 12), image(5, 2, 3, 3, seed=1)
    x[0, 1, 5, 5] = torch.nan
    found = convolutions.direct(x, weight, None, (1, 1)).isnan()
    assert found[0, :, 4:7, 4:7].all()
    assert int(found.sum()) == 5 * 9
    grad = image(1, 5, 12, 12)
    grad[0, 2, 3, 3] = torch.nan
    found = convolutions.direct_weights(grad, x.nan_to_num(), (3, 3), (1, 1)).isnan()
    assert found.sum((1, 2, 3)).tolist() == [0, 0, 18, 0, 0]


@compiled
def test_lenet_and_its_gradients(threads, calls, monkeypatch):
    """As near to float64 as oneDNN's float32 is, but for a factor of two."""
    graph = network("lenet5")
    weights = random_weights(graph, np.random.default_rng(0))
    batch = image(8, 1, 32, 32)

    def numbers(precision: torch.dtype) -> list[torch.Tensor]:
        module = lower(graph, weights, passes=passes.TRAINING).train().to(precision)
        kinds = [step.layer for step in module.steps_by_name.values()]
        assert sum(isinstance(one, compiled_layers.ConvolutionPool) for one in kinds) == 2
        out = module.logits(batch.to(precision))
        out.square().sum().backward()
        return [out.detach(), *(one.grad for one in module.parameters())]  # type: ignore[list-item]

    found = numbers(torch.float32)
    assert (calls.count("direct"), calls.count("direct_back"), calls.count("pool")) == (2, 2, 0)
    truth = numbers(torch.float64)
    monkeypatch.setattr(convolutions, "takes_direct", lambda *_: False)
    plain = numbers(torch.float32)
    assert calls.count("pool") == 2
    for one, other, wanted in zip(found, plain, truth, strict=True):
        allowed = 2 * float((other - wanted).abs().max()) + 2e-6 * float(wanted.abs().max())
        assert float((one - wanted).abs().max()) <= allowed


def test_which_convolutions_it_is_for():
    def conv(channels: int = 3, **settings: object) -> Conv2d:
        given_ = {"filters": 12, "kernel_size": 3, "padding": "same", **settings}
        inputs = notation.Input((8, 8, channels))
        graph = notation.Model(inputs, layers.Conv2D(name="c", **given_)(inputs))
        found = lower(graph).steps_by_name["c"].layer
        assert isinstance(found, Conv2d)
        return found

    assert fused.is_direct(conv())
    assert fused.is_direct(conv(6, kernel_size=5))
    assert fused.is_direct_back(conv())
    assert fused.is_direct_back(conv(12))
    assert fused.is_direct_with_pool(conv(24))
    for many in (conv(7), conv(12)):
        assert not fused.is_direct(many)
    for many in (conv(4), conv(16)):
        assert not fused.is_direct_back(many)
    assert not fused.is_direct_with_pool(conv(25))
    for settings_ in (
        {"strides": 2}, {"dilation_rate": 2}, {"groups": 3}, {"kernel_size": 7}, {"kernel_size": (3, 1)},
    ):  # fmt: skip
        other = conv(**settings_)
        asked = fused.is_direct, fused.is_direct_back, fused.is_direct_with_pool
        assert not any(suits(other) for suits in asked)


@compiled
def test_what_it_does_not_take(threads):
    x = image(threads, 3, 8, 8)
    assert convolutions.takes_direct(x, (3, 3), (0, 0))
    assert not convolutions.takes_direct(x, (5, 6), (0, 0))  # three columns
    assert not convolutions.takes_direct(x, (9, 3), (0, 0))  # torch names the size that does not fit
    assert not convolutions.takes_direct(x.contiguous(), (3, 3), (0, 0))
    assert not convolutions.takes_direct(x.double(), (3, 3), (0, 0))
    if threads > 1:
        assert not convolutions.takes_direct(x[1:], (3, 3), (0, 0))  # a thread would have nothing to do


GUARDED = """
import ctypes, mmap, sys
import numpy as np, torch
from convsmith.engine.native import convolutions

torch.set_num_threads(1)
libc, page, kept = ctypes.CDLL(None), mmap.PAGESIZE, []

def numbers(*size):  # (N, H, W, C), the last of them in front of a page that nobody may read
    length = 4 * int(np.prod(size))
    pages = -(-length // page) + 1
    kept.append(mmap.mmap(-1, pages * page))
    begin = ctypes.addressof(ctypes.c_char.from_buffer(kept[-1]))
    assert libc.mprotect(ctypes.c_void_p(begin + (pages - 1) * page), page, 0) == 0
    found = np.frombuffer(kept[-1], np.float32, length // 4, (pages - 1) * page - length)
    return torch.from_numpy(found.reshape(size)).permute(0, 3, 1, 2)

for count, filters, kernel, high, wide in [
    (1, 1, 3, 3, 6), (2, 1, 3, 3, 6), (3, 2, 3, 3, 6), (9, 1, 3, 3, 6), (2, 6, 5, 9, 13), (2, 17, 3, 6, 31),
]:
    x, weight = numbers(count, high, wide, 3), numbers(filters, kernel, kernel, 3)
    convolutions.direct(x, weight, None, (0, 0))
    convolutions.direct_pool(x, weight, None, (1, 1), relu=True)
    grad = numbers(count, high - kernel + 1, wide - kernel + 1, filters)
    convolutions.direct_weights(grad, x, (kernel, kernel), (0, 0))
print("read nothing else")
"""


@compiled
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="mprotect as on Linux")
def test_nothing_behind_the_tensors_is_read():
    done = subprocess.run([sys.executable, "-c", GUARDED], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "read nothing else\n"), done.stderr
