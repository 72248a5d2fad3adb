"""Between which numbers every tensor of a program lies, measured on images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import BadInput, BadName
from .floats import run_floats
from .program import Program

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    Ranges = dict[int, tuple[float, float]]

METHODS = ("minmax", "percentile", "mse")
BINS = 2048
PERCENT = 99.99
SHRINKS = 40
"""Ranges that are tried between a third of the whole one and all of it, for the least squared error."""
BATCH = 16


def measured_ranges(program: Program, x_NHWC: np.ndarray, *, method: str = "minmax") -> Ranges:
    """The range of every computed tensor, over images.

    Args:
        program: of floating-point operators.
        x_NHWC: raw pixels, (N, rows, columns, channels); some hundred training images.
        method: "minmax" for the whole range; "percentile" without the farthest 1 in 10,000; "mse" for the
            one with the least squared error of 256 steps (both from histograms of 2,048 bins).

    Returns:
        Tensor's number -> least and greatest value, 0 among them.

    Raises:
        BadInput: for no images, or a network whose outputs are not finite.
    """
    import numpy as np

    if method not in METHODS:
        raise BadName("method", method, METHODS)
    if not len(x_NHWC):
        raise BadInput("images", "none to measure ranges on", "some hundred training images")
    batches = [x_NHWC[start : start + BATCH] for start in range(0, len(x_NHWC), BATCH)]
    found: Ranges = {}

    def widen(tensor: int, value: Tensor) -> None:
        low, high = float(value.min()), float(value.max())
        if not np.isfinite(low + high):
            name = program.tensors[tensor].name
            raise BadInput(f"layer {name}", "gives numbers that are not finite", "finite ones")
        was = found.get(tensor, (0.0, 0.0))
        found[tensor] = (min(was[0], low), max(was[1], high))

    for batch in batches:
        run_floats(program, batch, see=widen)
    if method == "minmax":
        return found
    counts = {tensor: np.zeros(BINS) for tensor in found}

    def count(tensor: int, value: Tensor) -> None:
        low, high = found[tensor]
        if high > low:
            counts[tensor] += value.histc(BINS, low, high).numpy()

    for batch in batches:
        run_floats(program, batch, see=count)
    narrow = _percentile if method == "percentile" else _least_error
    return {
        tensor: narrow(counts[tensor], low, high) if high > low else (low, high)
        for tensor, (low, high) in found.items()
    }


def _percentile(counts: np.ndarray, low: float, high: float) -> tuple[float, float]:
    import numpy as np

    edges = np.linspace(low, high, BINS + 1)
    share = np.cumsum(counts) / counts.sum()
    beyond = (1 - PERCENT / 100) / (2 if low < 0 < high else 1)
    least = edges[int(np.searchsorted(share, beyond))] if low < 0 else 0.0
    most = edges[min(int(np.searchsorted(share, 1 - beyond)) + 1, BINS)] if high > 0 else 0.0
    return min(float(least), 0.0), max(float(most), 0.0)


def _least_error(counts: np.ndarray, low: float, high: float) -> tuple[float, float]:
    import numpy as np

    edges = np.linspace(low, high, BINS + 1)
    centres = (edges[1:] + edges[:-1]) / 2
    best, error = (low, high), np.inf
    for part in np.linspace(1 / 3, 1, SHRINKS):
        least, most = low * part, high * part
        step = (most - least) / 255
        near = np.clip(np.round((centres - least) / step), 0, 255) * step + least
        squared = float((counts * (centres - near) ** 2).sum())
        if squared < error:
            best, error = (least, most), squared
    return best
