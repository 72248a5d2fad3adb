"""Gradients keep their channels last in memory: whatever takes them would else be several times slower."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from convsmith.kinds._torch import Conv2d, GlobalPool, MaxPool2d

NONE = (0, 0, 0, 0)
CONV = Conv2d(8, 4, 1, stride=2, sides=NONE)
LAYERS = [
    (GlobalPool("mean", False), lambda x: F.adaptive_avg_pool2d(x, 1).flatten(1)),
    (GlobalPool("mean", True), lambda x: F.adaptive_avg_pool2d(x, 1)),
    (GlobalPool("max", False), lambda x: F.adaptive_max_pool2d(x, 1).flatten(1)),
    (MaxPool2d((1, 1), (2, 3), NONE), lambda x: F.max_pool2d(x, 1, (2, 3))),
    (CONV, lambda x: F.conv2d(x, CONV.weight, CONV.bias, 2)),
]


@pytest.mark.parametrize(("layer", "torchs"), LAYERS)
def test_gradients_have_channels_last(layer: nn.Module, torchs) -> None:  # type: ignore[no-untyped-def]
    x = torch.randn(3, 8, 6, 5).contiguous(memory_format=torch.channels_last).requires_grad_()
    ours, wanted = layer(x), torchs(x)
    (grad,) = torch.autograd.grad(ours.square().sum(), x)
    torch.testing.assert_close(ours, wanted)
    torch.testing.assert_close(grad, torch.autograd.grad(wanted.square().sum(), x)[0])
    assert grad.is_contiguous(memory_format=torch.channels_last)
