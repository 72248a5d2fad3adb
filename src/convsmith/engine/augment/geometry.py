"""Where pixels go: one affine resampling of a whole batch; exact mirroring and moving by whole pixels."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from .operation import OPERATIONS, Operation


def affine(x: Tensor, across: Tensor, down: Tensor, padding: str) -> Tensor:
    """Each output pixel from the place that two rows of a matrix name, bilinearly.

    Args:
        x: (N, C, H, W).
        across: (N, 3): the column to look at, from the output's column, row and 1, in units of half a side
            from the middle.
        down: (N, 3): the row, likewise.
        padding: beyond the border: ``"reflection"``, ``"border"`` or ``"zeros"``.
    """
    grid = F.affine_grid(
        torch.stack([across, down], 1).to(x.device, non_blocking=True), list(x.shape), align_corners=False
    )
    return F.grid_sample(x, grid, mode="bilinear", padding_mode=padding, align_corners=False)


def moved(
    x: Tensor,
    generator: torch.Generator,
    *,
    flip: float,
    shift: float,
    zoom: float,
    aspect: float,
    rotate: float,
    shear: float,
) -> Tensor:
    """All moves in one resampling; the amounts are those of `Policy`."""
    rows, columns = x.shape[2:]
    draw = torch.rand(7, len(x), generator=generator) * 2 - 1
    zooms = torch.exp(draw[0] * math.log1p(zoom))
    aspects = torch.exp(draw[1] * (math.log1p(aspect) / 2))
    angle = draw[2] * math.radians(rotate)
    slant = draw[3] * shear
    mirror = torch.where(draw[4] < flip * 2 - 1, -1.0, 1.0)
    wide, high = 1 / (zooms * aspects), aspects / zooms
    cos, sin, ratio = angle.cos(), angle.sin(), rows / columns
    across = torch.stack([cos * wide * mirror, (slant - sin * ratio) * high, draw[5] * 2 * shift], 1)
    down = torch.stack([sin / ratio * wide * mirror, cos * high, draw[6] * 2 * shift], 1)
    return affine(x, across, down, "reflection")


def cropped(x: Tensor, generator: torch.Generator, *, flip: float, crop: float) -> Tensor:
    """Mirrored or not, and moved by whole pixels, the border mirrored outwards: no pixel is made up.

    The same as padding, cropping and mirroring each image (A. Krizhevsky et al., 2012, section 4.1).
    """
    count, _, rows, columns = x.shape
    draw = torch.rand(3, count, generator=generator)
    down, across = round(crop * rows), round(crop * columns)
    row = _reflected(torch.arange(rows) + _whole(draw[0], down)[:, None], rows)
    column = _reflected(torch.arange(columns) + _whole(draw[1], across)[:, None], columns)
    column = torch.where((draw[2] < flip)[:, None], column.flip(1), column)
    image = torch.arange(count, device=x.device)[:, None, None]
    row, column = (
        row.to(x.device, non_blocking=True)[:, :, None],
        column.to(x.device, non_blocking=True)[:, None, :],
    )
    return x.permute(0, 2, 3, 1)[image, row, column].permute(0, 3, 1, 2)


def _whole(draw: Tensor, most: int) -> Tensor:
    """Whole numbers from -most to most, from numbers in [0, 1)."""
    return (draw * (2 * most + 1)).long() - most


def _reflected(place: Tensor, size: int) -> Tensor:
    """Places beyond the border mirrored about the border pixel."""
    last = size - 1
    return last - (place.abs() - last).abs() if last else torch.zeros_like(place)


def _rows(x: Tensor, values: list[Tensor | float]) -> Tensor:
    return torch.stack([torch.as_tensor(value).expand(len(x)) for value in values], 1)


def shear_x(x: Tensor, amount: Tensor) -> Tensor:
    """Each row moved sideways by the amount times its distance from the middle."""
    ratio = x.shape[2] / x.shape[3]
    return affine(x, _rows(x, [1.0, amount * ratio, 0.0]), _rows(x, [0.0, 1.0, 0.0]), "zeros")


def shear_y(x: Tensor, amount: Tensor) -> Tensor:
    """Each column moved up or down by the amount times its distance from the middle."""
    ratio = x.shape[3] / x.shape[2]
    return affine(x, _rows(x, [1.0, 0.0, 0.0]), _rows(x, [amount * ratio, 1.0, 0.0]), "zeros")


def translate_x(x: Tensor, amount: Tensor) -> Tensor:
    """Moved sideways by this share of the width."""
    return affine(x, _rows(x, [1.0, 0.0, amount * 2]), _rows(x, [0.0, 1.0, 0.0]), "zeros")


def translate_y(x: Tensor, amount: Tensor) -> Tensor:
    """Moved up or down by this share of the height."""
    return affine(x, _rows(x, [1.0, 0.0, 0.0]), _rows(x, [0.0, 1.0, amount * 2]), "zeros")


def rotate(x: Tensor, degrees: Tensor) -> Tensor:
    """Turned about the middle, counter-clockwise."""
    angle, ratio = torch.deg2rad(degrees), x.shape[2] / x.shape[3]
    across = _rows(x, [angle.cos(), -angle.sin() * ratio, 0.0])
    down = _rows(x, [angle.sin() / ratio, angle.cos(), 0.0])
    return affine(x, across, down, "zeros")


# TrivialAugment moves by up to 32 pixels of 224 or of 32 alike; as a share of the side that is up to all.
OPERATIONS.add("shear_x", Operation(shear_x, (0, 0.99), (0, 0.3), (0, 0.15), signed=True))
OPERATIONS.add("shear_y", Operation(shear_y, (0, 0.99), (0, 0.3), (0, 0.15), signed=True))
OPERATIONS.add("translate_x", Operation(translate_x, (0, 0.5), (0, 0.45), (0, 0.12), signed=True))
OPERATIONS.add("translate_y", Operation(translate_y, (0, 0.5), (0, 0.45), (0, 0.12), signed=True))
OPERATIONS.add("rotate", Operation(rotate, (0, 135), (0, 30), (0, 15), signed=True))
