"""Zero-cost scores: what an untrained network tells of itself, in a fraction of a second; one in each file.

Each is a function ``(graph, images_NCHW, labels, *, seed) -> float``: raw pixels as float32, higher is
better, minus infinity for a network that does not tell images apart. They rank networks of one space for
one kind of images, and only roughly: on NAS-Bench-201 the best of them has a rank correlation of about .6
over all cells and .1 to .35 among the best fifth. So they choose what a search begins with and reject the
worst; they never pick a winner.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from convsmith.registry import Registry

if TYPE_CHECKING:
    import numpy as np

    from convsmith.graph import Graph

PROXIES: Registry[Callable[..., float]] = Registry("zero-cost score", package="convsmith.nas.proxies")


def noise(graph: Graph, *, images: int = 32, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Pictures of noise and labels, for a search that has no images at hand.

    Args:
        graph: whose input and classes.
        images: how many.
        seed: of the noise.

    Returns:
        Pixels from 0 to 255, NCHW float32, and labels.
    """
    import numpy as np

    rng = np.random.default_rng(seed)
    rows, columns, channels = (side or 1 for side in graph.input_shape)
    pixels = rng.integers(0, 256, size=(images, channels, rows, columns)).astype(np.float32)
    return pixels, rng.integers(graph.output_shape[-1] or 1, size=images)


__all__ = ["PROXIES", "noise"]
