"""Gradient ascent in the pixels with four regularisers.

J. Yosinski, J. Clune, A. Nguyen, T. Fuchs, H. Lipson, "Understanding Neural Networks Through Deep
Visualization", 2015, section 3 and table 1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..one_layer import checked_units
from .climb import objective, portions

if TYPE_CHECKING:
    import numpy as np
    import torch

    from ...engine.lower import Lowered

GREY, START, RATE = 127.5, 10.0, 8.0
"""The mean image, the spread of the random beginning and the size of a step, in grey levels of 255."""


@dataclass(frozen=True)
class Regularisers:
    """What is done to the image after every step; 0 leaves one out.

    Args:
        decay: the share that each pixel loses (L2 decay): no extreme pixels.
        blur: the Gaussian's standard deviation in pixels: no high frequencies.
        every: steps from one blur to the next.
        norm_percentile: this share of the pixels, those nearest to grey, becomes grey.
        contribution_percentile: likewise the share of pixels that help the unit least.
    """

    decay: float = 0.0
    blur: float = 0.0
    every: int = 0
    norm_percentile: float = 0.0
    contribution_percentile: float = 0.0


SETTINGS = (
    Regularisers(blur=0.5, every=4, norm_percentile=50),
    Regularisers(decay=0.3, norm_percentile=20),
    Regularisers(decay=0.0001, blur=1.0, every=4),
    Regularisers(blur=0.5, every=4, contribution_percentile=90),
)
"""The paper's four (table 1, found by trying 300 at random); the third made most of its pictures."""


def yosinski(
    net: Lowered,
    layer: str,
    units: list[int] | None = None,
    *,
    regularisers: Regularisers = SETTINGS[2],
    steps: int = 96,
    seed: int = 0,
    on_share: Callable[[float], None] | None = None,
) -> np.ndarray:
    """For each unit an image that it answers to at the middle of its layer's output.

    Each step adds the answer's gradient, scaled to 8 grey levels (root of the mean square), to the image's
    difference from grey; then come the regularisers.

    Args:
        net: a network from `engine.lower`; not changed.
        layer: the layer; the network's last layer gives an image for each class.
        units: which of its units; all without it.
        regularisers: what is done to the image after every step.
        steps: how many.
        seed: of the random beginning, the same for every unit.
        on_share: told how far it is, 0 to 1.

    Returns:
        (units, H, W, C), uint8.

    Raises:
        BadInput: the layer has no such unit.

    Example:
        >>> from convsmith.engine.lower import lower
        >>> from convsmith.zoo import network
        >>> yosinski(lower(network("lenet5")), "conv2", [0, 3], steps=2).shape
        (2, 32, 32, 1)
    """
    import numpy as np
    import torch

    chosen = checked_units(net, layer, units)
    rows, columns, channels = (int(size or 0) for size in net.graph.input_shape)
    random = torch.Generator().manual_seed(seed)
    start_CHW = START * torch.randn((channels, rows, columns), generator=random)
    made: list[torch.Tensor] = []
    for some in portions(net, chosen):
        away = start_CHW.expand(len(some), -1, -1, -1).clone()
        for step in range(1, steps + 1):
            if on_share is not None:
                on_share((len(some) * (step - 1) / steps + sum(len(part) for part in made)) / len(chosen))
            x_UCHW = (GREY + away).requires_grad_(True)
            with torch.enable_grad():
                score_U = objective(net, layer, some, x_UCHW, centre=True)
                (slope,) = torch.autograd.grad(score_U.sum(), x_UCHW)
            size = slope.square().mean((1, 2, 3), keepdim=True).sqrt().clamp(min=1e-12)
            away = (away + RATE * slope / size).clamp(-GREY, GREY)
            away = regularised(away, slope, regularisers, step)
        made.append((GREY + away).permute(0, 2, 3, 1))
    return np.rint(torch.cat(made).clamp(0, 255).numpy()).astype(np.uint8)


def regularised(
    away_UCHW: torch.Tensor, slope_UCHW: torch.Tensor, by: Regularisers, step: int
) -> torch.Tensor:
    """The image's difference from grey after the regularisers.

    Args:
        away_UCHW: the difference.
        slope_UCHW: the answer's gradient, for the contribution of each pixel: its size times the slope, over
            the channels, without sign.
        by: which regularisers.
        step: the number of the step, from 1.
    """
    if by.decay:
        away_UCHW = away_UCHW * (1 - by.decay)
    if by.blur and by.every and step % by.every == 0:
        away_UCHW = blurred(away_UCHW, by.blur)
    if by.norm_percentile:
        away_UCHW = _without_least(away_UCHW, away_UCHW.norm(dim=1), by.norm_percentile)
    if by.contribution_percentile:
        helps = (away_UCHW * slope_UCHW).sum(1).abs()
        away_UCHW = _without_least(away_UCHW, helps, by.contribution_percentile)
    return away_UCHW


def _without_least(away_UCHW: torch.Tensor, size_UHW: torch.Tensor, percentile: float) -> torch.Tensor:
    import torch

    limit = torch.quantile(size_UHW.flatten(1), percentile / 100, dim=1)[:, None, None]
    return away_UCHW * (size_UHW >= limit)[:, None]


def blurred(x_NCHW: torch.Tensor, sigma: float) -> torch.Tensor:
    """A Gaussian of `sigma` pixels, edges repeated."""
    import torch
    from torch.nn import functional as F

    reach = max(1, round(3 * sigma))
    place = torch.arange(-reach, reach + 1, dtype=x_NCHW.dtype)
    weight = torch.exp(-(place**2) / (2 * sigma**2))
    weight = weight / weight.sum()
    channels = x_NCHW.shape[1]
    across = weight[None, None, None].expand(channels, 1, 1, -1)
    x_NCHW = F.pad(x_NCHW, (reach, reach, reach, reach), mode="replicate")
    x_NCHW = F.conv2d(x_NCHW, across, groups=channels)
    return F.conv2d(x_NCHW, across.transpose(2, 3), groups=channels)
