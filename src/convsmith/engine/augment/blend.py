"""Two images in one, and their labels by the same shares: mixup and cutmix."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F


def mixed(x: Tensor, target: Tensor, generator: torch.Generator, *, classes: int) -> tuple[Tensor, Tensor]:
    """Each image blended with another one of the batch, by one share drawn evenly from 0 to 1.

    H. Zhang et al., "mixup: Beyond Empirical Risk Minimization", ICLR 2018, with alpha = 1.

    Args:
        target: class numbers (N,), or rows of shares.

    Returns:
        Images, and rows of shares.
    """
    share = float(torch.rand((), generator=generator))
    other = torch.randperm(len(x), generator=generator).to(x.device, non_blocking=True)
    shares = rows_of(target, classes)
    return torch.lerp(x, x[other], share), torch.lerp(shares, shares[other], share)


def pasted(x: Tensor, target: Tensor, generator: torch.Generator, *, classes: int) -> tuple[Tensor, Tensor]:
    """A rectangle of another image of the batch in each, one place for all; labels by the shares of the area.

    S. Yun et al., "CutMix: Regularization Strategy to Train Strong Classifiers with Localizable Features",
    ICCV 2019, section 3.1, with alpha = 1; what lies outside the image is cut off and not counted.

    Args:
        target: class numbers (N,), or rows of shares.

    Returns:
        Images, and rows of shares.
    """
    rows, columns = x.shape[2:]
    draw = torch.rand(3, generator=generator).tolist()
    other = torch.randperm(len(x), generator=generator).to(x.device, non_blocking=True)
    side = math.sqrt(1 - draw[0])
    high, wide = round(side * rows), round(side * columns)
    top, left = int(draw[1] * rows) - high // 2, int(draw[2] * columns) - wide // 2
    bottom, right = min(top + high, rows), min(left + wide, columns)
    top, left = max(top, 0), max(left, 0)
    out = x.clone()
    out[:, :, top:bottom, left:right] = x[other][:, :, top:bottom, left:right]
    share = (bottom - top) * (right - left) / (rows * columns)
    shares = rows_of(target, classes)
    return out, torch.lerp(shares, shares[other], share)


def rows_of(target: Tensor, classes: int) -> Tensor:
    """Class numbers as rows of shares; rows as they are."""
    return F.one_hot(target, classes).to(torch.float32) if target.dim() == 1 else target
