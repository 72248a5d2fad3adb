"""Where the compiled convolutions are worth it: every limit that was measured on one machine, in one table.

Measured by `bench/limits.py`, which measures both sides of each limit again on any machine: torch's processor
time over ours, one thread, medians of turns in one process (a shared Xeon with AVX-512, torch 2.13, November
2026). The decisions have the whole tables, of a quiet machine. They are not measured anew while installing
or at first use: another choice rounds other digits, and a run would not have the same bits on two machines.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limit:
    """One limit.

    Args:
        value: the last or first number with which the compiled way is taken.
        of: what is counted.
        measured: torch's time over ours on both sides; empty where whole steps were measured.
        decision: the number of the page in docs/decisions that has the whole table.
    """

    value: int
    of: str
    measured: str
    decision: int


LIMITS = {
    "winograd least channels": Limit(
        16, "channels and filters of a 3x3 convolution, each at least", "16: 1.18, 24: 1.25", 55
    ),
    "winograd most products": Limit(
        128 * 128, "channels times filters, at most: their planes stay in the cache",
        "128 x 128: 1.40, 256 x 256: 0.82", 55,
    ),
    "winograd least pixels": Limit(
        512, "pixels of the outputs of a batch, at least", "256: 1.07, 1024: 1.22", 55
    ),
    "winograd kernel more filters": Limit(
        16, "filters that the gradient of the kernel needs more than", "16: 0.98, 24: 1.17", 55
    ),
    "narrow most channels": Limit(
        4, "channels, at most, for the gradient of the input: kernels of less than 5 columns",
        "4: 1.42, 8: 1.06", 55,
    ),
    "narrow most channels, wide": Limit(
        8, "the same with kernels of 5 columns and more", "8: 1.27, 12: 0.90", 55
    ),
    "direct most channels": Limit(6, "channels, at most, for the output", "6: 0.93, 12: 1.02", 56),
    "direct most numbers with pool": Limit(
        216, "numbers of a filter, at most, with a max-pooling of 2x2 behind it", "180: 1.36, 300: 1.32", 56
    ),
    "direct kernel most numbers": Limit(
        28, "numbers of a filter, at most, for the gradient of the kernel", "27: 0.97, 45: 1.00", 56
    ),
    "direct kernel least channels": Limit(
        6, "channels from which that gradient is ours with more numbers, too", "5: 1.01, 6: 0.88", 56
    ),
    "direct kernel below channels": Limit(16, "channels below which it is", "14: 1.34, 20: 0.87", 56),
    "widen least pixels": Limit(
        64, "pixels of an output from which a 1x1 convolution is joined with its batch norm", "", 23
    ),
    "activate least filters": Limit(
        32, "filters from which a convolution with a bias does its activation itself", "", 23
    ),
}  # fmt: skip


def limit(name: str) -> int:
    """The value of a limit.

    Example:
        >>> limit("winograd least channels")
        16
    """
    return LIMITS[name].value
