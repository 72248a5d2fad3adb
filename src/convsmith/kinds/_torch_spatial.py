"""Torch modules over sequences and volumes, which come and go with their channels last."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .window import Sides

_CONVOLVED: dict[int, Any] = {1: F.conv1d, 3: F.conv3d}
_LARGEST: dict[int, Any] = {1: F.max_pool1d, 3: F.max_pool3d}
_MEAN: dict[int, Any] = {1: F.avg_pool1d, 3: F.avg_pool3d}


def _padded(x: Tensor, sides: Sides, value: float = 0.0) -> Tensor:
    around = [number for side in reversed(sides) for number in side]
    return F.pad(x, around, value=value) if any(around) else x


class Convolution(nn.Module):
    """A convolution over one or three axes."""

    def __init__(
        self,
        channels: int,
        filters: int,
        kernel: tuple[int, ...],
        strides: tuple[int, ...],
        sides: Sides,
        dilation: tuple[int, ...],
        groups: int,
        bias: bool,
    ) -> None:
        super().__init__()
        self.strides, self.sides, self.dilation, self.groups = strides, sides, dilation, groups
        self.weight = nn.Parameter(torch.empty(filters, channels // groups, *kernel))
        nn.init.normal_(self.weight, std=1 / math.sqrt(max(1, self.weight[0].numel())))
        self.bias = nn.Parameter(torch.zeros(filters)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        x = _padded(x.movedim(-1, 1), self.sides)
        convolved = _CONVOLVED[len(self.strides)]
        out = convolved(x, self.weight, self.bias, self.strides, 0, self.dilation, self.groups)
        return out.movedim(1, -1)


class Pool(nn.Module):
    """The largest of each window, or the mean of what is not padding."""

    def __init__(self, operator: str, size: tuple[int, ...], strides: tuple[int, ...], sides: Sides) -> None:
        super().__init__()
        self.largest, self.size, self.strides, self.sides = operator == "MaxPool", size, strides, sides

    def forward(self, x: Tensor) -> Tensor:
        x, axes = x.movedim(-1, 1), len(self.size)
        if self.largest:
            out = _LARGEST[axes](_padded(x, self.sides, float("-inf")), self.size, self.strides)
        else:
            out = _MEAN[axes](_padded(x, self.sides), self.size, self.strides)
            if any(map(any, self.sides)):
                ones = _padded(torch.ones_like(x[:1, :1]), self.sides)
                out = out / _MEAN[axes](ones, self.size, self.strides)
        return out.movedim(1, -1)


class GlobalPool(nn.Module):
    """The mean or the largest over all places."""

    def __init__(self, operator: str, axes: int, keepdims: bool) -> None:
        super().__init__()
        self.mean, self.over, self.keepdims = operator == "ReduceMean", tuple(range(1, axes + 1)), keepdims

    def forward(self, x: Tensor) -> Tensor:
        return (torch.mean if self.mean else torch.amax)(x, dim=self.over, keepdim=self.keepdims)


class Edges(nn.Module):
    """Zeros added around each axis; negative numbers cut."""

    def __init__(self, sides: Sides) -> None:
        super().__init__()
        self.around = [0, 0] + [number for side in reversed(sides) for number in side]

    def forward(self, x: Tensor) -> Tensor:
        return F.pad(x, self.around)


class Repeat(nn.Module):
    """Every place several times over, along each axis."""

    def __init__(self, times: tuple[int, ...]) -> None:
        super().__init__()
        self.times = times

    def forward(self, x: Tensor) -> Tensor:
        for axis, times in enumerate(self.times, 1):
            x = x.repeat_interleave(times, axis) if times > 1 else x
        return x


class DropChannels(nn.Module):
    """In training, whole channels are set to zero by chance, and the others grow."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or not self.rate:
            return x
        kept = torch.ones(x.shape[0], *(1,) * (x.dim() - 2), x.shape[-1], device=x.device, dtype=x.dtype)
        return x * F.dropout(kept, self.rate)
