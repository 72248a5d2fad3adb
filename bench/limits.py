"""Where the compiled convolutions are worth it: torch's time over ours on both sides of each limit.

    python bench/limits.py              all that `convsmith.engine.native.limits` has of convolutions
    python bench/limits.py direct       those with this in their name

Processor time of one thread, torch and ours in turns in one process, the median of each; about a minute.
Above 1 ours is faster. A limit is right on a machine where the side that takes ours is not below 1, the other
not far above. On a shared Xeon with AVX-512 (November 2026) the small ones move by a tenth from run to run.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from statistics import median

import torch
from torch import Tensor
from torch.nn import functional as F

from convsmith.engine import native
from convsmith.engine.native import convolutions
from convsmith.engine.native.limits import LIMITS

TURNS = 25
Both = tuple[Callable[[], object], Callable[[], object]]
"""torch's way and ours."""


def image(*size: int) -> Tensor:
    return torch.randn(size).contiguous(memory_format=torch.channels_last)


def convolution(
    count: int, side: int, channels: int, filters: int, kernel: int
) -> tuple[Tensor, Tensor, tuple[int, int]]:
    """Images, weights and the padding that keeps their size."""
    return image(count, channels, side, side), image(filters, channels, kernel, kernel), (kernel // 2,) * 2


def forward(ours: Callable[..., Tensor], *sizes: int) -> Both:
    x, weight, padding = convolution(*sizes)
    return lambda: F.conv2d(x, weight, None, 1, padding), lambda: ours(x, weight, None, padding)


def pooled(*sizes: int) -> Both:
    x, weight, padding = convolution(*sizes)
    return (
        lambda: native.pool(F.conv2d(x, weight, None, 1, padding), (2, 2), relu=True),
        lambda: convolutions.direct_pool(x, weight, None, padding, relu=True),
    )


def backward(ours: Callable[..., Tensor], which: int, *sizes: int) -> Both:
    """The gradient of the input (which = 0) or of the kernel (1)."""
    x, weight, padding = convolution(*sizes)
    grad = F.conv2d(x, weight, None, 1, padding)
    mask = [which == 0, which == 1, False]

    def theirs() -> object:
        return torch.ops.aten.convolution_backward(
            grad, x, weight, None, [1, 1], padding, [1, 1], False, [0, 0], 1, mask
        )

    return theirs, lambda: ours(grad, x, weight, padding)


def narrow(grad: Tensor, x: Tensor, weight: Tensor, padding: tuple[int, int]) -> Tensor:
    return convolutions.narrow_image(grad, weight, x.shape, padding)


def direct_kernel(grad: Tensor, x: Tensor, weight: Tensor, padding: tuple[int, int]) -> Tensor:
    return convolutions.direct_weights(grad, x, tuple(weight.shape[2:]), padding)


def winograd_kernel(grad: Tensor, x: Tensor, weight: Tensor, padding: tuple[int, int]) -> Tensor:
    return convolutions.winograd_weights(grad, x, padding)


winograd, direct = convolutions.winograd, convolutions.direct
SIDES: dict[str, dict[str, Callable[[], Both]]] = {
    "winograd least channels": {
        "16": lambda: forward(winograd, 64, 28, 16, 16, 3),
        "24": lambda: forward(winograd, 64, 28, 24, 24, 3),
    },
    "winograd most products": {
        "128 x 128": lambda: forward(winograd, 32, 14, 128, 128, 3),
        "256 x 256": lambda: forward(winograd, 32, 7, 256, 256, 3),
    },
    "winograd least pixels": {
        "256": lambda: forward(winograd, 4, 8, 32, 32, 3),
        "1024": lambda: forward(winograd, 16, 8, 32, 32, 3),
    },
    "winograd kernel more filters": {
        "16": lambda: backward(winograd_kernel, 1, 64, 28, 16, 16, 3),
        "24": lambda: backward(winograd_kernel, 1, 64, 28, 24, 24, 3),
    },
    "narrow most channels": {
        "4": lambda: backward(narrow, 0, 64, 28, 4, 16, 3),
        "8": lambda: backward(narrow, 0, 64, 28, 8, 16, 3),
    },
    "narrow most channels, wide": {
        "8": lambda: backward(narrow, 0, 64, 14, 8, 16, 5),
        "12": lambda: backward(narrow, 0, 64, 14, 12, 16, 5),
    },
    "direct most channels": {
        "6": lambda: forward(direct, 64, 28, 6, 12, 3), "12": lambda: forward(direct, 64, 28, 12, 12, 3),
    },
    "direct most numbers with pool": {
        "180": lambda: pooled(64, 28, 20, 12, 3), "300": lambda: pooled(64, 28, 12, 24, 5),
    },
    "direct kernel most numbers": {
        "27": lambda: backward(direct_kernel, 1, 64, 28, 3, 16, 3),
        "45": lambda: backward(direct_kernel, 1, 64, 28, 5, 16, 3),
    },
    "direct kernel least channels": {
        "5": lambda: backward(direct_kernel, 1, 64, 28, 5, 12, 3),
        "6": lambda: backward(direct_kernel, 1, 64, 28, 6, 12, 3),
    },
    "direct kernel below channels": {
        "14": lambda: backward(direct_kernel, 1, 64, 28, 14, 24, 3),
        "20": lambda: backward(direct_kernel, 1, 64, 28, 20, 12, 3),
    },
}  # fmt: skip
"""Limit -> what is counted -> both ways at this size."""


def ratio(both: Both) -> float:
    """torch's processor time over ours."""
    spent: tuple[list[float], list[float]] = ([], [])
    for turn in range(TURNS + 3):
        for way, times in zip(both, spent, strict=True):
            began = time.process_time()
            way()
            if turn >= 3:
                times.append(time.process_time() - began)
    return median(spent[0]) / median(spent[1])


def main() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    if not native.available():
        raise SystemExit("the package was built without a C++ compiler")
    print(f"{torch.backends.cpu.get_cpu_capability()}, torch {torch.__version__}, one thread")
    for name, sides in SIDES.items():
        if not sys.argv[1:] or any(part in name for part in sys.argv[1:]):
            found = ", ".join(f"{at}: {ratio(both()):.2f}" for at, both in sides.items())
            print(f"{name} ({LIMITS[name].value}): {found}", flush=True)


if __name__ == "__main__":
    main()
