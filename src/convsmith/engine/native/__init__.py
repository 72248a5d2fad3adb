"""Compiled passes over memory, for float32 tensors on a processor with channels last.

torch does the same in several passes each, so whoever calls these keeps torch's way beside it, for where the
package was built without a compiler (`available`) and for tensors that are not of this kind (`takes`).
``CONVSMITH_NATIVE=0`` leaves all of it to torch.
"""

from __future__ import annotations

import ctypes
import hashlib
import math
import os
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

ACTIVATIONS = {"none": 0, "relu": 1, "relu6": 2}
WINOGRAD_MOST = 128 * 128
"""Channels times filters up to which a convolution's planes stay in the cache."""
WINOGRAD_LEAST = 512
"""Pixels of an output from which they are worth their making."""
_VARIANTS = {"AVX512": ("avx512", "avx2"), "AVX2": ("avx2",)}
"""What torch says of a processor -> the libraries that run on it, best first."""

_pointer, _long, _int, _float = ctypes.c_void_p, ctypes.c_long, ctypes.c_int, ctypes.c_float
_SIGNATURES: dict[str, list[Any]] = {
    "pool": [*[_pointer] * 3, *[_long] * 8, _int, _long],
    "pool_back": [*[_pointer] * 3, *[_long] * 9],
    "norm": [*[_pointer] * 4, _float, _int, _long, _long, *[_pointer] * 5, _long],
    "norm_back": [*[_pointer] * 7, _int, _long, _long, *[_pointer] * 5, _long],
    "bias_back": [_pointer, _pointer, _int, _long, _long, *[_pointer] * 3, _long],
    "depthwise": [*[_pointer] * 3, _int, *[_long] * 9, _pointer, _long],
    "winograd_room": [_long, _long, _int, _pointer, _pointer, _long],
    "narrow_room": [*[_long] * 9, _pointer, _pointer, _long],
    "narrow": [*[_pointer] * 3, *[_long] * 9, *[_pointer] * 2, _long],
    "winograd": [*[_pointer] * 3, _int, *[_pointer] * 2, *[_long] * 9, *[_pointer] * 2, _long],
    "winograd_back": [*[_pointer] * 3, *[_long] * 9, *[_pointer] * 2, _long],
    "dropout": [_pointer, _pointer, _long, ctypes.c_uint64, ctypes.c_uint32, _float, _long],
    "adadelta": [*[_pointer] * 4, _long, *[_float] * 4, _long],
}


@cache
def _library() -> tuple[ctypes.CDLL, bool] | None:
    """The library for this processor, and whether it can use torch's threads; None where there is none."""
    if os.environ.get("CONVSMITH_NATIVE") == "0":
        return None
    folder = Path(__file__).parent
    sources = sorted([*folder.glob("*.cpp"), *folder.glob("*.h")])
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest().encode()
    for variant in _VARIANTS.get(torch.backends.cpu.get_cpu_capability(), ("generic",)):
        try:
            library = ctypes.CDLL(str(folder / f"kernels.so.{variant}"))
        except OSError:
            continue
        library.convsmith_source.restype = ctypes.c_char_p
        if library.convsmith_source() != digest:  # an older source's: the installation was not repeated
            continue
        for name, kinds in _SIGNATURES.items():
            function = getattr(library, f"convsmith_{name}")
            function.argtypes, function.restype = kinds, None
        return library, _lend_threads(library)
    return None


def _lend_threads(library: ctypes.CDLL) -> bool:
    """Give the library the OpenMP runtime of torch; a second one would fight it for the cores."""
    beside = Path(torch.__file__).parent / "lib"
    try:
        runtime = ctypes.CDLL(str(next(beside.glob("libtorch_cpu.*"))))
        found = [
            getattr(runtime, one) for one in ("GOMP_parallel", "omp_get_thread_num", "omp_get_num_threads")
        ]
    except (StopIteration, OSError, AttributeError):
        return False
    library.convsmith_runtime(*(ctypes.cast(one, _pointer) for one in found))
    return True


def available() -> bool:
    """Whether there is a library for this processor that can use as many threads as torch does."""
    found = _library()
    return found is not None and (found[1] or torch.get_num_threads() == 1)


def takes(*tensors: Tensor) -> bool:
    """Whether these tensors are what the functions here take, and the functions are there."""
    return available() and all(
        x.device.type == "cpu"
        and x.dtype == torch.float32
        and x.dim() == 4
        and x.numel() > 0
        and x.is_contiguous(memory_format=torch.channels_last)
        for x in tensors
    ) and not torch.is_autocast_enabled("cpu")  # fmt: skip


def takes_rows(*tensors: Tensor) -> bool:
    """The same for numbers in one row each."""
    return available() and all(
        x.device.type == "cpu" and x.dtype == torch.float32 and x.is_contiguous() for x in tensors
    )


def _call(name: str, *arguments: Any) -> None:
    found = _library()
    assert found is not None, "ask `available` first"
    plain = [one.data_ptr() if isinstance(one, Tensor) else one for one in arguments]
    getattr(found[0], f"convsmith_{name}")(*plain, torch.get_num_threads())


def _rows(x: Tensor) -> tuple[int, int]:
    channels = x.shape[1]
    return x.numel() // channels, channels


def _work(channels: int) -> Tensor:
    return torch.empty((3 * torch.get_num_threads() + 2) * channels, dtype=torch.float64)


def pool(x: Tensor, window: tuple[int, int], *, relu: bool) -> tuple[Tensor, Tensor]:
    """Max-pooling by windows side by side, and a ReLU behind it.

    Args:
        x: (N, C, H, W).
        window: rows and columns, at most 255 pixels together; also the stride.
        relu: whether what is not above 0 becomes 0.

    Returns:
        The largest numbers, and where in its window each was (255: nowhere, it became 0), uint8.
    """
    count, channels, high, wide = x.shape
    size = count, channels, high // window[0], wide // window[1]
    out = torch.empty(size, memory_format=torch.channels_last)
    places = torch.empty(size, dtype=torch.uint8, memory_format=torch.channels_last)
    _call("pool", x, out, places, count, high, wide, channels, *window, *size[2:], relu)
    return out, places


def pool_back(grad: Tensor, places: Tensor, window: tuple[int, int], size: torch.Size) -> Tensor:
    """The gradient in front of `pool`, for an input of this size."""
    count, channels, high, wide = size
    out = torch.empty(size, memory_format=torch.channels_last)
    _call("pool_back", grad, out, places, count, high, wide, channels, *window, *grad.shape[2:])
    return out


def norm(
    x: Tensor,
    other: Tensor | None,
    gamma: Tensor | None,
    beta: Tensor | None,
    epsilon: float,
    activation: str,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """activation(batch norm of `x` by its own statistics + `other`).

    Args:
        x: (N, C, H, W).
        other: what is added, of the same shape; None for nothing.
        gamma: C factors; None for ones.
        beta: C terms; None for zeros.
        epsilon: added to the variance.
        activation: of `ACTIVATIONS`.

    Returns:
        The output; mean, variance (divided by the count) and 1 / standard deviation of each channel.
    """
    rows, channels = _rows(x)
    out = torch.empty_like(x)
    mean, var, inv = torch.empty(3, channels)
    _call(
        "norm", x, other, gamma, beta, epsilon, ACTIVATIONS[activation], rows, channels,
        out, mean, var, inv, _work(channels),
    )  # fmt: skip
    return out, mean, var, inv


def norm_back(
    grad: Tensor,
    x: Tensor,
    out: Tensor | None,
    gamma: Tensor | None,
    beta: Tensor | None,
    mean: Tensor,
    inv: Tensor,
    activation: str,
) -> tuple[Tensor, Tensor | None, Tensor, Tensor]:
    """The gradients in front of `norm`.

    Args:
        grad: behind it.
        x: its input.
        out: its output where something was added; None otherwise.
        gamma, beta, mean, inv, activation: as in `norm`.

    Returns:
        The gradients of x, of what was added (None for nothing), of gamma and of beta.
    """
    rows, channels = _rows(x)
    to_x = torch.empty_like(x)
    masked = out is not None and activation != "none"
    to_other = torch.empty_like(x) if masked else None if out is None else grad
    to_gamma, to_beta = torch.empty(2, channels)
    _call(
        "norm_back", grad, x, out, gamma, beta, mean, inv, ACTIVATIONS[activation], rows, channels,
        to_x, to_other if masked else None, to_gamma, to_beta, _work(channels),
    )  # fmt: skip
    return to_x, to_other, to_gamma, to_beta


def bias_back(grad: Tensor, out: Tensor | None, activation: str) -> tuple[Tensor, Tensor]:
    """The gradients in front of an activation (by its output; None without one) and of a bias before it."""
    rows, channels = _rows(grad)
    before, to_bias = None if activation == "none" else torch.empty_like(grad), torch.empty(channels)
    _call("bias_back", grad, out, ACTIVATIONS[activation], rows, channels, before, to_bias, _work(channels))
    return grad if before is None else before, to_bias


def depthwise_weights(grad: Tensor, x: Tensor, size: int, stride: int, padding: tuple[int, int]) -> Tensor:
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
    _call(
        "depthwise", x, grad, kernel, size, count, high, wide, channels, *grad.shape[2:],
        stride, *padding, work,
    )  # fmt: skip
    return kernel.permute(2, 0, 1).unsqueeze(1)


def fits_winograd(channels: int, filters: int) -> bool:
    """Whether `winograd` is faster than oneDNN with so many channels and filters, as far as was measured."""
    return min(channels, filters) >= 16 and channels * filters <= WINOGRAD_MOST


def takes_winograd(x: Tensor, padding: tuple[int, int]) -> bool:
    """Whether it takes this input, and has enough to do with it."""
    size = _size(x, padding)
    fits = takes(x) and max(padding) <= 2 and min(size) >= 1
    return fits and len(x) * math.prod(size) >= WINOGRAD_LEAST


def winograd(
    x: Tensor, weight: Tensor, bias: Tensor | None, padding: tuple[int, int], activation: str = "none"
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
    high, wide = _size(x, padding)
    out = torch.empty(len(x), len(weight), high, wide, memory_format=torch.channels_last)
    _winograd(x, weight, bias, activation, out, None, padding)
    return out


def winograd_pool(
    x: Tensor, weight: Tensor, bias: Tensor | None, padding: tuple[int, int], *, relu: bool
) -> tuple[Tensor, Tensor]:
    """`winograd` and the max-pooling of 2x2 behind it, at once: what `pool` returns."""
    high, wide = _size(x, padding)
    size = len(x), len(weight), high // 2, wide // 2
    out = torch.empty(size, memory_format=torch.channels_last)
    places = torch.empty(size, dtype=torch.uint8, memory_format=torch.channels_last)
    _winograd(x, weight, bias, "relu" if relu else "none", out, places, padding)
    return out, places


def winograd_image(grad: Tensor, weight: Tensor, padding: tuple[int, int]) -> Tensor:
    """The gradient of the input of `winograd`.

    Args:
        grad: behind the convolution.
        weight, padding: as there.
    """
    return winograd(grad, weight.flip(2, 3).transpose(0, 1), None, (2 - padding[0], 2 - padding[1]))


def winograd_weights(grad: Tensor, x: Tensor, padding: tuple[int, int]) -> Tensor:
    """The gradient of the kernel of `winograd`, (K, C, 3, 3).

    Args:
        grad: behind the convolution.
        x, padding: as there.
    """
    count, channels, high, wide = x.shape
    filters = grad.shape[1]
    kernel = torch.empty(3, 3, channels, filters)
    _call(
        "winograd_back", grad, x, kernel, count, high, wide, channels, filters, *grad.shape[2:], *padding,
        *_room("winograd", channels, filters, True),
    )  # fmt: skip
    return kernel.permute(3, 2, 0, 1)


def _size(x: Tensor, padding: tuple[int, int]) -> tuple[int, int]:
    """Rows and columns behind a convolution of 3x3."""
    return x.shape[2] + 2 * padding[0] - 2, x.shape[3] + 2 * padding[1] - 2


def _winograd(
    x: Tensor, weight: Tensor, bias: Tensor | None, activation: str, out: Tensor, places: Tensor | None,
    padding: tuple[int, int],
) -> None:  # fmt: skip
    count, channels, high, wide = x.shape
    filters = len(weight)
    _call(
        "winograd", x, weight.permute(2, 3, 1, 0).contiguous(), bias, ACTIVATIONS[activation], out, places,
        count, high, wide, channels, filters, *_size(x, padding), *padding,
        *_room("winograd", channels, filters, False),
    )  # fmt: skip


def narrow_image(grad: Tensor, weight: Tensor, size: torch.Size, padding: tuple[int, int]) -> Tensor:
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
    _call("narrow", grad, weight.permute(0, 2, 3, 1).contiguous(), out, *numbers, *_room("narrow", *numbers))
    return out


def _room(name: str, *numbers: int) -> tuple[Tensor, Tensor]:
    """Two tensors for a function to work in, as large as it asks for."""
    sizes = _long(), _long()
    _call(f"{name}_room", *numbers, *map(ctypes.byref, sizes))
    return torch.empty(sizes[0].value), torch.empty(sizes[1].value)


def dropout(x: Tensor, rate: float, key: int) -> Tensor:
    """Zero for a share `rate` of the numbers, the others times 1 / (1 - rate).

    Args:
        x: without gaps in memory, fewer than 2^32 numbers.
        rate: from 0 to below 1.
        key: from 0 to 2^64 - 1; the same key, shape and strides drop the same places.
    """
    out = torch.empty_like(x)
    _call("dropout", x, out, x.numel(), key, min(round(rate * 2**32), 2**32 - 1), 1 / (1 - rate))
    return out


def adadelta(
    parameters: Tensor,
    grads: Tensor,
    squares: Tensor,
    deltas: Tensor,
    rate: float,
    rho: float,
    epsilon: float,
) -> None:
    """A step of Adadelta on rows of numbers, in place; see `optimizers.adadelta`."""
    count = parameters.numel()
    _call("adadelta", parameters, grads, squares, deltas, count, rate, rho, 1 - rho, epsilon)
