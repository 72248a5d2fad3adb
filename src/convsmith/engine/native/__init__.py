"""Compiled passes over memory, for float32 tensors on a processor with channels last.

torch does the same in several passes each, so whoever calls these keeps torch's way beside it, for where the
package was built without a compiler (`available`) and for tensors that are not of this kind (`takes`).
``CONVSMITH_NATIVE=0`` leaves all of it to torch.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import warnings
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from convsmith.errors import ConvsmithWarning

ACTIVATIONS = {"none": 0, "relu": 1, "relu6": 2}
_VARIANTS = {"AVX512": ("avx512", "avx2"), "AVX2": ("avx2",)}
"""What torch says of a processor -> the libraries that run on it, best first."""

NOTHING_COMPILED = (
    "the compiled kernels are not here, and training is slower without them; a C++ compiler (c++, g++ or "
    "clang++) and pip install --force-reinstall --no-deps convsmith bring them"
)

_pointer, _long, _int, _float = ctypes.c_void_p, ctypes.c_long, ctypes.c_int, ctypes.c_float
_SIGNATURES: dict[str, list[Any]] = {
    "pool": [*[_pointer] * 3, *[_long] * 8, _int, _long],
    "pool_back": [*[_pointer] * 3, *[_long] * 9],
    "norm": [*[_pointer] * 4, _float, _int, _long, _long, *[_pointer] * 5, _long],
    "norm_back": [*[_pointer] * 7, _int, _long, _long, *[_pointer] * 5, _long],
    "bias_back": [_pointer, _pointer, _int, _long, _long, *[_pointer] * 3, _long],
    "depthwise": [*[_pointer] * 3, _int, *[_long] * 9, _pointer, _long],
    "winograd_room": [_long, _long, _int, _pointer, _pointer, _long],
    "direct_room": [_int, *[_long] * 9, _pointer, _pointer, _long],
    "direct": [*[_pointer] * 3, _int, *[_pointer] * 2, *[_long] * 9, *[_pointer] * 2, _long],
    "direct_back": [*[_pointer] * 3, *[_long] * 9, *[_pointer] * 2, _long],
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
    warnings.warn(NOTHING_COMPILED, ConvsmithWarning, stacklevel=2)
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


def kernels() -> dict[str, str | None]:
    """Which library does the work in this process, for a run to record.

    Returns:
        "compiled": the instruction set that it was compiled for, None where torch does all of the work;
        "build": what tells this library from every other one; "why": what keeps it from work.
    """
    found = _library()
    if found is None:
        chosen = os.environ.get("CONVSMITH_NATIVE") == "0"
        return {"compiled": None, "why": "CONVSMITH_NATIVE=0" if chosen else "none for this processor"}
    path = Path(found[0]._name)
    build = hashlib.sha256(path.read_bytes()).hexdigest()[:12]
    told: dict[str, str | None] = {"compiled": path.suffix[1:], "build": build}
    return told if found[1] else {**told, "why": "cannot use torch's threads: only where there is one"}


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


def call(name: str, *arguments: Any) -> None:
    """Call a compiled function; tensors go as the places of their numbers, the number of threads last."""
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
    call("pool", x, out, places, count, high, wide, channels, *window, *size[2:], relu)
    return out, places


def pool_back(grad: Tensor, places: Tensor, window: tuple[int, int], size: torch.Size) -> Tensor:
    """The gradient in front of `pool`, for an input of this size."""
    count, channels, high, wide = size
    out = torch.empty(size, memory_format=torch.channels_last)
    call("pool_back", grad, out, places, count, high, wide, channels, *window, *grad.shape[2:])
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
    call(
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
    call(
        "norm_back", grad, x, out, gamma, beta, mean, inv, ACTIVATIONS[activation], rows, channels,
        to_x, to_other if masked else None, to_gamma, to_beta, _work(channels),
    )  # fmt: skip
    return to_x, to_other, to_gamma, to_beta


def bias_back(grad: Tensor, out: Tensor | None, activation: str) -> tuple[Tensor, Tensor]:
    """The gradients in front of an activation (by its output; None without one) and of a bias before it."""
    rows, channels = _rows(grad)
    before, to_bias = None if activation == "none" else torch.empty_like(grad), torch.empty(channels)
    call("bias_back", grad, out, ACTIVATIONS[activation], rows, channels, before, to_bias, _work(channels))
    return grad if before is None else before, to_bias


def dropout(x: Tensor, rate: float, key: int) -> Tensor:
    """Zero for a share `rate` of the numbers, the others times 1 / (1 - rate).

    Args:
        x: without gaps in memory, fewer than 2^32 numbers.
        rate: from 0 to below 1.
        key: from 0 to 2^64 - 1; the same key, shape and strides drop the same places.
    """
    out = torch.empty_like(x)
    call("dropout", x, out, x.numel(), key, min(round(rate * 2**32), 2**32 - 1), 1 / (1 - rate))
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
    call("adadelta", parameters, grads, squares, deltas, count, rate, rho, 1 - rho, epsilon)
