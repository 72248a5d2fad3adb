"""Torch modules that do what Keras's layers do where torch's own differ; imported only to lower a network."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .window import Pads


def _even(sides: Pads) -> bool:
    return sides[0] == sides[1] and sides[2] == sides[3]


def _pad(x_NCHW: Tensor, sides: Pads, value: float = 0.0) -> Tensor:
    top, bottom, left, right = sides
    return F.pad(x_NCHW, (left, right, top, bottom), value=value)


def _every(x_NCHW: Tensor, stride: tuple[int, int]) -> Tensor:
    """Every so many rows and columns; the way back fills a tensor whose channels are last in memory."""
    x = x_NCHW.permute(0, 2, 3, 1)[:, :: stride[0], :: stride[1]]
    return x.permute(0, 3, 1, 2)


class Conv2d(nn.Conv2d):
    """A convolution whose padding may be uneven ("same" puts the odd pixel at the bottom and right).

    A 1x1 window with a stride skips pixels: they are left out first, which is the same function. oneDNN's own
    backward of such a convolution writes beyond its buffers for some numbers of channels (10 to 16, batch 16,
    torch 2.13 on processors with AVX-512), which ends the process sooner or later.
    """

    def __init__(self, *args: Any, sides: Pads, **kwargs: Any) -> None:
        even = _even(sides)
        kwargs["padding"] = (sides[0], sides[2]) if even else 0
        super().__init__(*args, **kwargs)
        self.uneven = None if even else sides
        self.skips = self.kernel_size == (1, 1) and self.stride != (1, 1) and sides == (0, 0, 0, 0)

    def forward(self, input: Tensor) -> Tensor:
        if self.skips:
            rows, columns = self.stride
            return F.conv2d(_every(input, (rows, columns)), self.weight, self.bias, groups=self.groups)
        return super().forward(_pad(input, self.uneven) if self.uneven else input)


class MaxPool2d(nn.MaxPool2d):
    """Max-pooling whose padding may be uneven and larger than half the window."""

    def __init__(self, kernel: tuple[int, int], stride: tuple[int, int], sides: Pads) -> None:
        even = _even(sides) and 2 * sides[0] <= kernel[0] and 2 * sides[2] <= kernel[1]
        super().__init__(kernel, stride, padding=(sides[0], sides[2]) if even else 0)
        self.uneven = None if even else sides
        self.skips = stride if kernel == (1, 1) and sides == (0, 0, 0, 0) else None

    def forward(self, input: Tensor) -> Tensor:
        if self.skips:  # the largest of one pixel is that pixel
            return _every(input, self.skips)
        return super().forward(_pad(input, self.uneven, float("-inf")) if self.uneven else input)


class AvgPool2d(nn.AvgPool2d):
    """Average-pooling that leaves padding out of the mean, on any side."""

    def __init__(self, kernel: tuple[int, int], stride: tuple[int, int], sides: Pads) -> None:
        even = _even(sides) and 2 * sides[0] <= kernel[0] and 2 * sides[2] <= kernel[1]
        super().__init__(kernel, stride, padding=(sides[0], sides[2]) if even else 0, count_include_pad=False)
        self.uneven = None if even else sides

    def forward(self, input: Tensor) -> Tensor:
        if not self.uneven:
            return super().forward(input)
        ones = torch.ones_like(input[:1, :1])
        mean = F.avg_pool2d(_pad(input, self.uneven), self.kernel_size, self.stride)
        return mean / F.avg_pool2d(_pad(ones, self.uneven), self.kernel_size, self.stride)


class GlobalPool(nn.Module):
    """The mean or the maximum over rows and columns."""

    def __init__(self, reduce: str, keepdims: bool) -> None:
        super().__init__()
        self.reduce, self.keepdims = reduce, keepdims

    def forward(self, x_NCHW: Tensor) -> Tensor:
        take = torch.mean if self.reduce == "mean" else torch.amax
        # Seen with channels last, so that the gradient has them last too: another order costs whoever is in
        # front of it several times as much.
        x = take(x_NCHW.permute(0, 2, 3, 1), dim=(1, 2))
        return x[:, :, None, None] if self.keepdims else x


class BatchNorm(nn.Module):
    """Keras's batch normalisation: new statistic = momentum × old + (1 − momentum) × batch.

    The batch's variance enters the moving variance divided by n, as in Keras (torch divides by n − 1).
    """

    weight: nn.Parameter | None
    bias: nn.Parameter | None
    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int, momentum: float, epsilon: float, center: bool, scale: bool) -> None:
        super().__init__()
        self.momentum, self.eps = momentum, epsilon
        self.weight = nn.Parameter(torch.ones(channels)) if scale else None
        self.bias = nn.Parameter(torch.zeros(channels)) if center else None
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))
        self.frozen = False

    def forward(self, x: Tensor) -> Tensor:
        if x.dim() not in (2, 4):  # all but images keep their channels last
            return self.of_second_axis(x.movedim(-1, 1)).movedim(1, -1)
        return self.of_second_axis(x)

    def of_second_axis(self, x_NC: Tensor) -> Tensor:
        """The normalised numbers, where the second axis holds the channels."""
        if not self.training or self.frozen:
            return F.batch_norm(
                x_NC, self.running_mean, self.running_var, self.weight, self.bias, False, 0.0, self.eps
            )
        count = x_NC.numel() // x_NC.shape[1]
        # torch divides the batch's variance by n - 1 before it takes it in. The statistics are rescaled
        # around the call through .data, which autograd does not watch: backward does not read them.
        larger = count / (count - 1) if count > 1 else 1.0
        decayed = self.running_var * self.momentum if count == 1 else None
        self.running_var.data.mul_(larger)
        out = torch.batch_norm(
            x_NC, self.weight, self.bias, self.running_mean, self.running_var, True, 1 - self.momentum,
            self.eps, torch.backends.cudnn.enabled,
        )  # fmt: skip
        self.running_var.data.mul_(1 / larger)
        if decayed is not None:  # the variance of one number is 0, not 0 / 0
            self.running_var.data.copy_(decayed)
        return out


class NormAlong(nn.Module):
    """A normalisation of the second axis, applied to another one.

    Args:
        norm: with `weight` and `bias`; a batch norm has its statistics too.
        axis: of the tensor.
    """

    def __init__(self, norm: Any, axis: int) -> None:
        super().__init__()
        self.norm, self.axis = norm, axis

    @property
    def weight(self) -> Any:
        return self.norm.weight

    @property
    def bias(self) -> Any:
        return self.norm.bias

    @property
    def running_mean(self) -> Tensor:
        return self.norm.running_mean

    @property
    def running_var(self) -> Tensor:
        return self.norm.running_var

    def forward(self, x: Tensor) -> Tensor:
        return self.norm.of_second_axis(x.movedim(self.axis, 1)).movedim(1, self.axis)


class ChannelsLast(nn.Module):
    """Reshapes in Keras's order of rows, columns, channels, so that flattened features keep their places."""

    def __init__(self, target: tuple[int, ...]) -> None:
        super().__init__()
        self.target = target

    def forward(self, x: Tensor) -> Tensor:
        if x.dim() == 4:
            x = x.permute(0, 2, 3, 1)
        x = x.reshape(x.shape[0], *self.target)
        return x.permute(0, 3, 1, 2) if x.dim() == 4 else x


class Dense(nn.Linear):
    """A dense layer over the last axis of Keras's layout."""

    def forward(self, input: Tensor) -> Tensor:
        if input.dim() == 4:
            return super().forward(input.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        return super().forward(input)


class Merge(nn.Module):
    """Element-wise sum, product, maximum or average of several tensors, or their concatenation."""

    def __init__(self, operation: str, axis: int = 1) -> None:
        super().__init__()
        self.operation, self.axis = operation, axis

    def forward(self, *inputs: Tensor) -> Tensor:
        if self.operation == "concatenate":
            return torch.cat(inputs, dim=self.axis)
        result = inputs[0]
        for other in inputs[1:]:
            if self.operation in ("add", "average"):
                result = result + other
            elif self.operation == "multiply":
                result = result * other
            elif self.operation == "subtract":
                result = result - other
            elif self.operation == "maximum":
                result = torch.maximum(result, other)
            else:
                result = torch.minimum(result, other)
        return result / len(inputs) if self.operation == "average" else result


class Affine(nn.Module):
    """x × scale + offset."""

    scale: Tensor
    offset: Tensor

    def __init__(self, scale: Tensor, offset: Tensor) -> None:
        super().__init__()
        self.register_buffer("scale", scale, persistent=False)
        self.register_buffer("offset", offset, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.scale + self.offset


class Softmax(nn.Module):
    """Softmax over Keras's last axis (the channels)."""

    def __init__(self, log: bool = False) -> None:
        super().__init__()
        self.log = log

    def forward(self, x: Tensor) -> Tensor:
        axis = 1 if x.dim() == 4 else -1
        return x.log_softmax(axis) if self.log else x.softmax(axis)


class ClampedReLU(nn.Module):
    """Keras's ReLU with a maximum, a slope below the threshold, and a threshold."""

    def __init__(self, max_value: float | None, negative_slope: float, threshold: float) -> None:
        super().__init__()
        self.max_value, self.negative_slope, self.threshold = max_value, negative_slope, threshold

    def forward(self, x: Tensor) -> Tensor:
        below = self.negative_slope * (x - self.threshold)
        out = torch.where(x >= self.threshold, x, below)
        return out if self.max_value is None else out.clamp(max=self.max_value)


class HardSigmoid(nn.Module):
    """Keras's hard sigmoid: relu6(x + 3) / 6."""

    def forward(self, x: Tensor) -> Tensor:
        return F.hardsigmoid(x)


class Exponential(nn.Module):
    """e to the x."""

    def forward(self, x: Tensor) -> Tensor:
        return x.exp()
