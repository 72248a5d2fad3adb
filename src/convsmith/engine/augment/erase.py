"""Parts of images taken away: cutout's square, random erasing's rectangle."""

from __future__ import annotations

import math

import torch
from torch import Tensor

GREY = 127.5


def cut(x: Tensor, generator: torch.Generator, *, side: float) -> Tensor:
    """One grey square in each image, wholly inside it.

    T. DeVries, G. Taylor, "Improved Regularization of Convolutional Neural Networks with Cutout", 2017.

    Args:
        side: of the square, as a share of the image's side.
    """
    rows, columns = x.shape[2:]
    high, wide = max(1, round(side * rows)), max(1, round(side * columns))
    top = torch.randint(0, rows - high + 1, (len(x), 1), generator=generator)
    left = torch.randint(0, columns - wide + 1, (len(x), 1), generator=generator)
    return x.masked_fill(inside(x, top, left, top + high, left + wide), GREY)


def erased(x: Tensor, generator: torch.Generator, *, share: float) -> Tensor:
    """A rectangle of noise in some images: 2 to 33% of the area, sides of 0.3 to 3.3 to one.

    Z. Zhong et al., "Random Erasing Data Augmentation", 2017, algorithm 1; a rectangle that is too long for
    the image is cut off at its border.

    Args:
        share: of the images.
    """
    rows, columns = x.shape[2:]
    draw = torch.rand(5, len(x), generator=generator)
    area = (0.02 + draw[0] * 0.31) * rows * columns
    aspect = torch.exp((draw[1] * 2 - 1) * math.log(3.3))
    high = (area * aspect).sqrt().round().clamp(1, rows)
    wide = (area / aspect).sqrt().round().clamp(1, columns)
    high = torch.where(draw[4] < share, high, 0.0)
    top, left = (draw[2] * (rows - high + 1)).floor(), (draw[3] * (columns - wide + 1)).floor()
    mask = inside(x, top[:, None], left[:, None], (top + high)[:, None], (left + wide)[:, None])
    noise = torch.rand(x.shape, generator=generator).to(x.device, non_blocking=True) * 255
    return torch.where(mask, noise, x)


def inside(x: Tensor, top: Tensor, left: Tensor, bottom: Tensor, right: Tensor) -> Tensor:
    """(N, 1, H, W): which pixels lie in each image's rectangle; sides are (N, 1), the last ones outside."""
    row, column = torch.arange(x.shape[2])[None], torch.arange(x.shape[3])[None]
    in_rows, in_columns = (row >= top) & (row < bottom), (column >= left) & (column < right)
    return (in_rows[:, :, None] & in_columns[:, None, :])[:, None].to(x.device, non_blocking=True)
