"""Integrated gradients: M. Sundararajan, A. Taly, Q. Yan, "Axiomatic Attribution for Deep Networks", 2017."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..explanation import Explanation
from ..method import METHODS
from ..target import Target
from ._pixels import aimed_at, baseline_image, input_gradient, of_pixels, scores_of

if TYPE_CHECKING:
    import torch

    from ...engine.lower import Lowered


@METHODS.register()
def integrated_gradients(
    net: Lowered,
    images_NCHW: torch.Tensor,
    target: Target = None,
    *,
    layer: str | None = None,
    steps: int = 50,
    baseline: str = "black",
    batch_size: int = 64,
) -> Explanation:
    """The gradient along the way from a baseline to the image, times the way; summed over the channels.

    The parts add up to score(image) - score(baseline). How far the sum is off, as a share of that difference,
    is measured for each image and stands in ``arrays["completeness_error_N"]``.

    Args:
        steps: points on the way (Gauss and Legendre's, which need fewest).
        baseline: "black", "white" or "mean" (each image's mean colour).
        batch_size: points on the way times images, at a time.
    """
    import numpy as np
    import torch

    aimed = aimed_at(net, images_NCHW, target)
    start = baseline_image(images_NCHW, baseline)
    way = images_NCHW - start
    points, weights = np.polynomial.legendre.leggauss(steps)
    total = torch.zeros_like(images_NCHW)
    many = max(1, batch_size // len(images_NCHW))  # small batches waste the processor
    for first in range(0, steps, many):
        some = slice(first, first + many)
        along = [start + point * way for point in (points[some] + 1) / 2]
        slopes = input_gradient(net, torch.cat(along), aimed.tiled(len(along)))[0].split(len(images_NCHW))
        for weight, slope_NCHW in zip(weights[some] / 2, slopes, strict=True):
            total += weight * slope_NCHW
    parts_NCHW = total * way
    scores_N = scores_of(net, images_NCHW, aimed)
    difference = scores_N - scores_of(net, start, aimed)
    error_N = (parts_NCHW.sum((1, 2, 3)) - difference).abs() / difference.abs().clamp(min=1e-6)
    worst = f"{float(error_N.max()):.1%}"
    return of_pixels(
        "integrated_gradients",
        images_NCHW,
        parts_NCHW.sum(1),
        aimed,
        scores_N,
        signed=True,
        arrays={"attribution_NCHW": parts_NCHW, "completeness_error_N": error_N},
        notes=(f"compared with a {baseline} image; the parts add up within {worst} at {steps} steps",),
    )
