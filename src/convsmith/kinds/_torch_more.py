"""Torch modules of the rarer layers, as Keras has them; imported only to lower a network that has one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..errors import BadInput


def channels_last(x: Tensor) -> Tensor:
    """NCHW as Keras's rows, columns, channels (a view); other ranks as they are."""
    return x.permute(0, 2, 3, 1) if x.dim() == 4 else x


def channels_first(x: Tensor) -> Tensor:
    """The way back from `channels_last`."""
    return x.permute(0, 3, 1, 2) if x.dim() == 4 else x


class LayerNorm(nn.Module):
    """Layer normalisation over some sizes of Keras's layout.

    Args:
        sizes: of what is normalised together.
        order: Keras's axes, those at the end; None where they are there already.
    """

    def __init__(
        self,
        sizes: tuple[int, ...],
        epsilon: float,
        center: bool,
        scale: bool,
        order: tuple[int, ...] | None = None,
    ) -> None:
        super().__init__()
        self.sizes, self.eps, self.order = sizes, epsilon, order
        self.weight = nn.Parameter(torch.ones(sizes)) if scale else None
        self.bias = nn.Parameter(torch.zeros(sizes)) if center else None

    def forward(self, x: Tensor) -> Tensor:
        x = channels_last(x)
        if self.order is None:
            return channels_first(F.layer_norm(x, self.sizes, self.weight, self.bias, self.eps))
        x = F.layer_norm(x.permute(self.order), self.sizes, self.weight, self.bias, self.eps)
        return channels_first(x.permute(sorted(range(x.dim()), key=self.order.__getitem__)))


class GroupNorm(nn.Module):
    """Group normalisation of the channels."""

    def __init__(self, groups: int, channels: int, epsilon: float, center: bool, scale: bool) -> None:
        super().__init__()
        self.groups, self.eps = groups, epsilon
        self.weight = nn.Parameter(torch.ones(channels)) if scale else None
        self.bias = nn.Parameter(torch.zeros(channels)) if center else None

    def forward(self, x: Tensor) -> Tensor:
        if x.dim() not in (2, 4):  # all but images keep their channels last
            return self.of_second_axis(x.movedim(-1, 1)).movedim(1, -1)
        return self.of_second_axis(x)

    def of_second_axis(self, x_NC: Tensor) -> Tensor:
        """The normalised numbers, where the second axis holds the channels."""
        learned = [one for one in (self.weight, self.bias) if one is not None and one.requires_grad]
        # torch's way back fails on a bias alone; for an input without a gradient and with its channels last
        # it writes through a pointer to nothing, which ends the process (torch 2.13).
        if not learned or (x_NC.requires_grad and self.weight is not None):
            return F.group_norm(x_NC, self.groups, self.weight, self.bias, self.eps)
        out, places = F.group_norm(x_NC, self.groups, None, None, self.eps), (-1, *[1] * (x_NC.dim() - 2))
        out = out if self.weight is None else out * self.weight.reshape(places)
        return out if self.bias is None else out + self.bias.reshape(places)


class EachStep(nn.Module):
    """A layer, and its activation, for each step alone."""

    def __init__(self, inner: nn.Module, activation: nn.Module | None) -> None:
        super().__init__()
        self.inner, self.activation = inner, activation

    def forward(self, x: Tensor) -> Tensor:
        x = channels_last(x)
        out = self.inner(channels_first(x.flatten(0, 1)))
        out = channels_last(out if self.activation is None else self.activation(out))
        return channels_first(out.unflatten(0, x.shape[:2]))


class UnitNorm(nn.Module):
    """Numbers divided by the length of what stands along some axes."""

    def __init__(self, axes: tuple[int, ...]) -> None:
        super().__init__()
        self.axes = axes

    def forward(self, x: Tensor) -> Tensor:
        return x * x.square().sum(self.axes, keepdim=True).clamp(min=1e-12).rsqrt()


class SoftmaxOver(nn.Module):
    """Shares of what stands along some axes."""

    def __init__(self, axes: tuple[int, ...]) -> None:
        super().__init__()
        self.axes = axes

    def forward(self, x: Tensor) -> Tensor:
        if len(self.axes) == 1:
            return x.softmax(self.axes[0])
        return (x - x.logsumexp(self.axes, keepdim=True)).exp()


class Standardize(nn.Module):
    """(x - mean) / spread with fixed or measured statistics, or the way back."""

    mean: Tensor
    variance: Tensor

    def __init__(
        self, sizes: tuple[int, ...], given: Sequence[Any] | None, invert: bool, image: bool
    ) -> None:
        super().__init__()
        self.invert, self.places = invert, (-1, 1, 1) if image and sizes else sizes
        measured = given is None
        mean, variance = (torch.zeros(sizes), torch.ones(sizes)) if given is None else map(_copy, given)
        self.register_buffer("mean", mean, persistent=measured)
        self.register_buffer("variance", variance, persistent=measured)
        if measured:
            self.register_buffer("count", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        mean = self.mean.reshape(self.places)
        spread = self.variance.sqrt().clamp(min=1e-7).reshape(self.places)
        return x * spread + mean if self.invert else (x - mean) / spread


def _copy(array: Any) -> Tensor:
    return torch.tensor(array.tolist(), dtype=torch.float32)


class Upsample(nn.Module):
    """Rows and columns times a whole number."""

    def __init__(self, size: tuple[int, int], mode: str) -> None:
        super().__init__()
        self.size, self.mode = size, mode

    def forward(self, x_NCHW: Tensor) -> Tensor:
        target = (x_NCHW.shape[2] * self.size[0], x_NCHW.shape[3] * self.size[1])
        return _resize(x_NCHW, target, self.mode)


class Resize(nn.Module):
    """Rows and columns to one size."""

    def __init__(self, size: tuple[int, int], mode: str, antialias: bool = False) -> None:
        super().__init__()
        self.size, self.mode, self.antialias = size, mode, antialias

    def forward(self, x_NCHW: Tensor) -> Tensor:
        return _resize(x_NCHW, self.size, self.mode, self.antialias)


def _resize(x_NCHW: Tensor, size: tuple[int, int], mode: str, antialias: bool = False) -> Tensor:
    if mode == "nearest":  # there is nothing to smooth, in Keras neither
        return F.interpolate(x_NCHW, size, mode="nearest-exact")
    return F.interpolate(x_NCHW, size, mode=mode, align_corners=False, antialias=antialias)


def nearest_places(n: int, target: int) -> list[int]:
    """Which of `n` pixels each of `target` pixels is, by torch's rounding."""
    places = torch.arange(n, dtype=torch.float32).reshape(1, 1, n, 1)
    return [int(place) for place in _resize(places, (target, 1), "nearest").flatten()]


class Permute(nn.Module):
    """Sizes in another order, in Keras's layout."""

    def __init__(self, order: tuple[int, ...]) -> None:
        super().__init__()
        self.order = order

    def forward(self, x: Tensor) -> Tensor:
        return channels_first(channels_last(x).permute(self.order))


class Repeat(nn.Module):
    """A row of features, n times over."""

    def __init__(self, n: int) -> None:
        super().__init__()
        self.n = n

    def forward(self, x: Tensor) -> Tensor:
        return x[:, None].expand(-1, self.n, -1)


class PReLU(nn.Module):
    """Negative numbers times a learned slope; alpha is in Keras's layout, images come as NCHW."""

    def __init__(self, sizes: tuple[int, ...]) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.zeros(sizes))

    def forward(self, x: Tensor) -> Tensor:
        alpha = self.alpha.permute(2, 0, 1) if x.dim() == 4 else self.alpha
        return F.relu(x) - alpha * F.relu(-x)


class LayerScale(nn.Module):
    """Each channel times a learned number."""

    def __init__(self, channels: int, start: float, image: bool) -> None:
        super().__init__()
        self.gamma, self.image = nn.Parameter(torch.full((channels,), start)), image

    def forward(self, x: Tensor) -> Tensor:
        return x * (self.gamma.reshape(-1, 1, 1) if self.image else self.gamma)


class ScaledAdd(nn.Module):
    """The first tensor plus the second times a constant."""

    def __init__(self, scale: float) -> None:
        super().__init__()
        self.scale = scale

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        return first + second * self.scale


class GaussianNoise(nn.Module):
    """In training, normal numbers are added."""

    def __init__(self, stddev: float) -> None:
        super().__init__()
        self.stddev = stddev

    def forward(self, x: Tensor) -> Tensor:
        return x + torch.randn_like(x) * self.stddev if self.training else x


class GaussianDropout(nn.Module):
    """In training, numbers times normal ones around 1."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.stddev = (rate / (1 - rate)) ** 0.5 if rate < 1 else float("inf")

    def forward(self, x: Tensor) -> Tensor:
        return x * (1 + torch.randn_like(x) * self.stddev) if self.training else x


class StochasticDepth(nn.Module):
    """In training, whole images of a branch are set to zero by chance, and the others grow."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or not self.rate:
            return x
        keep = 1 - self.rate
        chance = torch.rand(x.shape[0], *(1,) * (x.dim() - 1), device=x.device, dtype=x.dtype)
        return x / keep * (chance < keep)


class InferenceOnly(nn.Module):
    """A layer that changes nothing at inference; in training it is refused rather than left out."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            raise BadInput(
                f"layer of kind {self.name}",
                "cannot augment in training here",
                "a network without it",
                "augmentation by the training's own option",
            )
        return x


class ConvTranspose2d(nn.ConvTranspose2d):
    """A transposed convolution cut to Keras's size; a negative cut adds pixels that hold the bias alone."""

    def __init__(self, *args: Any, crop: list[tuple[int, int]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.crop = crop

    def forward(self, input: Tensor, output_size: Any = None) -> Tensor:
        out = F.conv_transpose2d(input, self.weight, None, self.stride, 0, 0, 1, self.dilation)
        (top, bottom), (left, right) = self.crop
        out = F.pad(out, (-left, -right, -top, -bottom))
        return out if self.bias is None else out + self.bias.reshape(-1, 1, 1)


class Scale(nn.Module):
    """Times learned factors, plus learned offsets, in Keras's layout."""

    def __init__(self, sizes: tuple[int, ...], scale: bool, center: bool) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(sizes)) if scale else None
        self.bias = nn.Parameter(torch.zeros(sizes)) if center else None

    def forward(self, x: Tensor) -> Tensor:
        out = channels_last(x)
        out = out if self.weight is None else out * self.weight
        return channels_first(out if self.bias is None else out + self.bias)


class LocalResponseNorm(nn.Module):
    """ONNX's LRN; torch's own has the window of an even size on the other side."""

    def __init__(self, size: int, alpha: float, beta: float, bias: float) -> None:
        super().__init__()
        self.size, self.alpha, self.beta, self.bias = size, alpha, beta, bias

    def forward(self, x_NCHW: Tensor) -> Tensor:
        channels = x_NCHW.shape[1]
        before = (self.size - 1) // 2
        after = min(self.size - 1 - before, channels)
        before = min(before, channels)
        squares = F.pad(x_NCHW * x_NCHW, (0, 0, 0, 0, before, after))
        total = sum(squares[:, place : place + channels] for place in range(before + after + 1))
        return x_NCHW / (self.bias + self.alpha / self.size * total) ** self.beta
