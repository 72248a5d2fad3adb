"""Compiled convolutions that are faster than oneDNN's, and their gradients.

They take what `native.takes` takes. Where they are faster, `native.limits` says and
`engine.lowered.fused` asks.
"""

from __future__ import annotations

import ctypes
import math

import torch
from torch import Tensor

from . import ACTIVATIONS, call, takes
from .limits import limit

Pair = tuple[int, ...]
"""Rows and columns."""


def depthwise_weights(grad: Tensor, x: Tensor, size: int, stride: int, padding: Pair) -> Tensor:
    """The gradient of a depthwise convolution's kernel.

    Args:
        grad: behind the convolution.
        x: its input.
        size: rows and columns of the kernel: 5 or 7 (with 3, oneDNN is as fast).
        stride: of rows and columns.
        padding: zeros above and left of the image.

    Returns:
        (C, 1, size, size), in memory with the channels last.
    """
    count, channels, high, wide = x.shape
    kernel = torch.empty(size, size, channels)
    work = torch.empty(torch.get_num_threads() * (size * size * channels * 3 // 2 + 1), dtype=torch.float64)
    call(
        "depthwise", x, grad, kernel, size, count, high, wide, channels, *grad.shape[2:],
        stride, *padding, work,
    )  # fmt: skip
    return kernel.permute(2, 0, 1).unsqueeze(1)


def fits_winograd(channels: int, filters: int) -> bool:
    """Whether `winograd` is faster than oneDNN with so many channels and filters, as far as was measured."""
    enough = min(channels, filters) >= limit("winograd least channels")
    return enough and channels * filters <= limit("winograd most products")


def takes_winograd(x: Tensor, padding: Pair) -> bool:
    """Whether it takes this input, and has enough to do with it."""
    size = size_behind(x, (3, 3), padding)
    fits = takes(x) and max(padding) <= 2 and min(size) >= 1
    return fits and len(x) * math.prod(size) >= limit("winograd least pixels")


def winograd(
    x: Tensor, weight: Tensor, bias: Tensor | None, padding: Pair, activation: str = "none"
) -> Tensor:
    """activation(3x3 convolution with a stride of one + bias), in 16 multiplications instead of 36.

    Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016, section 4.1.

    Args:
        x: (N, C, H, W) with at least 16 channels.
        weight: (K, C, 3, 3) with K of at least 16.
        bias: K numbers; None for zeros.
        padding: zeros above and below, left and right of the image; 2 at most.
        activation: of `ACTIVATIONS`.

    Returns:
        (N, K, H + 2 padding - 2, W + 2 padding - 2).
    """
    high, wide = size_behind(x, (3, 3), padding)
    out = torch.empty(len(x), len(weight), high, wide, memory_format=torch.channels_last)
    _winograd(x, weight, bias, activation, out, None, padding)
    return out


def winograd_pool(
    x: Tensor, weight: Tensor, bias: Tensor | None, padding: Pair, *, relu: bool
) -> tuple[Tensor, Tensor]:
    """`winograd` and the max-pooling of 2x2 behind it, at once: what `native.pool` returns."""
    high, wide = size_behind(x, (3, 3), padding)
    out, places = _pooled(len(x), len(weight), high // 2, wide // 2)
    _winograd(x, weight, bias, "relu" if relu else "none", out, places, padding)
    return out, places


def winograd_image(grad: Tensor, weight: Tensor, padding: Pair) -> Tensor:
    """The gradient of the input of `winograd`.

    Args:
        grad: behind the convolution.
        weight, padding: as there.
    """
    return winograd(grad, weight.flip(2, 3).transpose(0, 1), None, (2 - padding[0], 2 - padding[1]))


def winograd_weights(grad: Tensor, x: Tensor, padding: Pair) -> Tensor:
    """The gradient of the kernel of `winograd`, (K, C, 3, 3).

    Args:
        grad: behind the convolution.
        x, padding: as there.
    """
    count, channels, high, wide = x.shape
    filters = grad.shape[1]
    kernel = torch.empty(3, 3, channels, filters)
    call(
        "winograd_back", grad, x, kernel, count, high, wide, channels, filters, *grad.shape[2:], *padding,
        *_room("winograd", channels, filters, True),
    )  # fmt: skip
    return kernel.permute(3, 2, 0, 1)


def _winograd(
    x: Tensor, weight: Tensor, bias: Tensor | None, activation: str, out: Tensor, places: Tensor | None,
    padding: Pair,
) -> None:  # fmt: skip
    count, channels, high, wide = x.shape
    filters = len(weight)
    call(
        "winograd", x, weight.permute(2, 3, 1, 0).contiguous(), bias, ACTIVATIONS[activation], out, places,
        count, high, wide, channels, filters, *size_behind(x, (3, 3), padding), *padding,
        *_room("winograd", channels, filters, False),
    )  # fmt: skip


def takes_direct(x: Tensor, kernel: Pair, padding: Pair) -> bool:
    """Whether `direct` takes this input, and has an image for every thread."""
    high, wide = size_behind(x, kernel, padding)
    return takes(x) and high >= 1 and wide >= 4 and len(x) >= torch.get_num_threads()


def direct(x: Tensor, weight: Tensor, bias: Tensor | None, padding: Pair, activation: str = "none") -> Tensor:
    """activation(convolution with a stride of one + bias), with the sums in registers: for few channels.

    Args:
        x: (N, C, H, W).
        weight: (K, C, rows, columns).
        bias: K numbers; None for zeros.
        padding: zeros above and below, left and right of the image.
        activation: of `ACTIVATIONS`.

    Returns:
        (N, K, H + 2 padding - rows + 1, W + 2 padding - columns + 1).
    """
    high, wide = size_behind(x, weight.shape[2:], padding)
    out = torch.empty(len(x), len(weight), high, wide, memory_format=torch.channels_last)
    _direct(x, weight, bias, activation, out, None, padding)
    return out


def direct_pool(
    x: Tensor, weight: Tensor, bias: Tensor | None, padding: Pair, *, relu: bool
) -> tuple[Tensor, Tensor]:
    """`direct` and the max-pooling of 2x2 behind it, at once: what `native.pool` returns."""
    high, wide = size_behind(x, weight.shape[2:], padding)
    out, places = _pooled(len(x), len(weight), high // 2, wide // 2)
    _direct(x, weight, bias, "relu" if relu else "none", out, places, padding)
    return out, places


def direct_weights(grad: Tensor, x: Tensor, kernel: Pair, padding: Pair) -> Tensor:
    """The gradient of the kernel of `direct`, (K, C, rows, columns).

    Args:
        grad: behind the convolution.
        kernel: rows and columns.
        x, padding: as there.
    """
    count, channels, high, wide = x.shape
    numbers = count, high, wide, channels, grad.shape[1], *kernel, *padding
    found = torch.empty(*kernel, channels, grad.shape[1])
    call("direct_back", grad, x, found, *numbers, *_room("direct", True, *numbers))
    return found.permute(3, 2, 0, 1)


def _direct(
    x: Tensor, weight: Tensor, bias: Tensor | None, activation: str, out: Tensor, places: Tensor | None,
    padding: Pair,
) -> None:  # fmt: skip
    count, channels, high, wide = x.shape
    numbers = count, high, wide, channels, len(weight), *weight.shape[2:], *padding
    call(
        "direct", x, weight.permute(2, 3, 1, 0).contiguous(), bias, ACTIVATIONS[activation], out, places,
        *numbers, *_room("direct", False, *numbers),
    )  # fmt: skip


def narrow_image(grad: Tensor, weight: Tensor, size: torch.Size, padding: Pair) -> Tensor:
    """The gradient of a convolution's input where that has few channels; for a stride of one.

    Args:
        grad: behind the convolution.
        weight: (K, C, rows, columns).
        size: of the input, (N, C, H, W).
        padding: zeros above and below, left and right of the input.
    """
    count, channels, high, wide = size
    numbers = count, high, wide, channels, len(weight), *weight.shape[2:], *padding
    out = torch.empty(size, memory_format=torch.channels_last)
    call("narrow", grad, weight.permute(0, 2, 3, 1).contiguous(), out, *numbers, *_room("narrow", *numbers))
    return out


def _room(name: str, *numbers: int) -> tuple[Tensor, Tensor]:
    """Two tensors for a function to work in, as large as it asks for."""
    sizes = ctypes.c_long(), ctypes.c_long()
    call(f"{name}_room", *numbers, *map(ctypes.byref, sizes))
    return torch.empty(sizes[0].value), torch.empty(sizes[1].value)


def size_behind(x: Tensor, kernel: Pair, padding: Pair) -> tuple[int, int]:
    """Rows and columns behind a convolution with a stride of one."""
    (high, wide), (rows, columns) = x.shape[2:], kernel
    return high + 2 * padding[0] - rows + 1, wide + 2 * padding[1] - columns + 1


def _pooled(*size: int) -> tuple[Tensor, Tensor]:
    """Memory for what a max-pooling gives: the largest numbers, and where they were."""
    last = torch.channels_last
    places = torch.empty(size, dtype=torch.uint8, memory_format=last)
    return torch.empty(size, memory_format=last), places
