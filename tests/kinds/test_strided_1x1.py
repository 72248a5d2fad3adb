"""A 1x1 convolution with a stride: the same function as torch's own, never through its faulty backward."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from convsmith.kinds import KINDS


@settings(max_examples=25, deadline=None)
@given(
    channels=st.integers(1, 12),
    filters=st.integers(1, 12),
    stride=st.sampled_from([(2, 2), (3, 1), (1, 2)]),
    size=st.tuples(st.integers(3, 9), st.integers(3, 9)),
    padding=st.sampled_from(["same", "valid"]),
)
def test_it_equals_torchs_own(
    channels: int, filters: int, stride: tuple[int, int], size: tuple[int, int], padding: str
) -> None:
    kind = KINDS["Conv2D"](filters, (1, 1), stride, padding)  # type: ignore[call-arg]
    layer = kind.module((*size, channels))
    x_NCHW = torch.randn(2, channels, *size, requires_grad=True)
    ours = layer(x_NCHW)
    wanted = F.conv2d(x_NCHW, layer.weight, layer.bias, stride=stride)
    torch.testing.assert_close(ours, wanted)
    weights = torch.randn_like(wanted)
    got = torch.autograd.grad((ours * weights).sum(), [x_NCHW, layer.weight, layer.bias])
    true = torch.autograd.grad((wanted * weights).sum(), [x_NCHW, layer.weight, layer.bias])
    torch.testing.assert_close(got, true)


def test_torch_is_never_asked_for_a_strided_1x1(monkeypatch: pytest.MonkeyPatch) -> None:
    # torch 2.13's backward of exactly this convolution damages the heap (oneDNN, AVX-512).
    strides = []
    original = F.conv2d

    def spy(*args: object, **kwargs: object) -> torch.Tensor:
        strides.append(kwargs.get("stride", 1))
        return original(*args, **kwargs)

    layer = KINDS["Conv2D"](16, (1, 1), (2, 2), "same").module((64, 64, 10))  # type: ignore[call-arg]
    monkeypatch.setattr(F, "conv2d", spy)
    layer(torch.randn(16, 10, 64, 64))
    assert strides == [1]
