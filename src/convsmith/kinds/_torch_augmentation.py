"""Keras's random layers in torch: each image of a batch draws its own change, in training only."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..errors import BadInput

_FILLS = {"reflect": "reflection", "nearest": "border", "constant": "zeros"}


def ends(factor: Any, low: float = -1.0) -> tuple[float, float]:
    """The least and the largest of a factor: one number f means low × f to f."""
    if isinstance(factor, (tuple, list)):
        return min(factor), max(factor)
    return low * abs(factor), abs(factor)


class Random(nn.Module):
    """A change that is drawn for each image (`draw`) and then made (`apply`); nothing at inference."""

    def forward(self, x_NCHW: Tensor) -> Tensor:
        return self.apply_to(x_NCHW, self.draw(x_NCHW)) if self.training else x_NCHW

    def draw(self, x_NCHW: Tensor) -> Tensor:
        """One row of random numbers for each image."""
        raise NotImplementedError

    def apply_to(self, x_NCHW: Tensor, drawn: Tensor) -> Tensor:
        """The images, changed as drawn."""
        raise NotImplementedError


def _uniform(x: Tensor, ends: tuple[float, float]) -> Tensor:
    return torch.empty(x.shape[0], device=x.device).uniform_(*ends)


class RandomFlip(Random):
    """Half of the images are mirrored; with both directions, in both at once."""

    def __init__(self, mode: str) -> None:
        super().__init__()
        self.axes = [axis for axis, word in ((3, "horizontal"), (2, "vertical")) if word in mode]

    def draw(self, x_NCHW: Tensor) -> Tensor:
        return _uniform(x_NCHW, (0, 1)) <= 0.5

    def apply_to(self, x_NCHW: Tensor, drawn: Tensor) -> Tensor:
        return torch.where(drawn.reshape(-1, 1, 1, 1), x_NCHW.flip(self.axes), x_NCHW)


class RandomBrightness(Random):
    """A number for each image is added; the result stays in the range of values."""

    def __init__(self, factor: Any, values: tuple[float, float]) -> None:
        super().__init__()
        self.ends, self.values = ends(factor), values

    def draw(self, x_NCHW: Tensor) -> Tensor:
        return _uniform(x_NCHW, self.ends) * (self.values[1] - self.values[0])

    def apply_to(self, x_NCHW: Tensor, drawn: Tensor) -> Tensor:
        return (x_NCHW + drawn.reshape(-1, 1, 1, 1)).clamp(*self.values)


class RandomContrast(Random):
    """Each channel's distance from its mean times a number; the result stays in the range of values."""

    def __init__(self, factor: Any, values: tuple[float, float]) -> None:
        super().__init__()
        low, high = factor if isinstance(factor, (tuple, list)) else ends(factor, 0.0)
        self.ends, self.values = (1.0 - low, 1.0 + high), values

    def draw(self, x_NCHW: Tensor) -> Tensor:
        return _uniform(x_NCHW, self.ends)

    def apply_to(self, x_NCHW: Tensor, drawn: Tensor) -> Tensor:
        mean = x_NCHW.mean((2, 3), keepdim=True)
        return ((x_NCHW - mean) * drawn.reshape(-1, 1, 1, 1) + mean).clamp(*self.values)


class RandomAffine(Random):
    """Turned, shifted or zoomed images, read in one go.

    Args:
        turns: least and largest rotation, in full turns.
        shifts: least and largest shift down and to the right, in sizes of the image.
        zooms: least and largest zoom of rows and columns (1 is none, more is further away); None: as rows.
        fill, value, mode: Keras's fill_mode, fill_value and interpolation.
    """

    def __init__(
        self,
        *,
        turns: tuple[float, float] = (0.0, 0.0),
        shifts: tuple[tuple[float, float], tuple[float, float]] = ((0.0, 0.0), (0.0, 0.0)),
        zooms: tuple[tuple[float, float], tuple[float, float] | None] = ((1.0, 1.0), None),
        fill: str,
        value: float,
        mode: str,
    ) -> None:
        super().__init__()
        if fill not in _FILLS:
            raise BadInput("fill_mode", f"got '{fill}'", " or ".join(_FILLS))
        self.turns, self.shifts, self.zooms = turns, shifts, zooms
        self.fill, self.value, self.mode = _FILLS[fill], value, mode

    def draw(self, x_NCHW: Tensor) -> Tensor:
        """Turn, shift down, shift right, zoom of rows, zoom of columns, for each image."""
        rows = _uniform(x_NCHW, self.zooms[0])
        columns = rows if self.zooms[1] is None else _uniform(x_NCHW, self.zooms[1])
        moved = (_uniform(x_NCHW, item) for item in (self.turns, *self.shifts))
        return torch.stack([*moved, rows, columns], dim=1)

    def apply_to(self, x_NCHW: Tensor, drawn: Tensor) -> Tensor:
        height, width = x_NCHW.shape[2:]
        turn, down, right, rows, columns = (drawn[:, place].reshape(-1, 1, 1) for place in range(5))
        cos, sin = torch.cos(turn * 2 * math.pi), torch.sin(turn * 2 * math.pi)
        middle_x, middle_y = (width - 1) / 2, (height - 1) / 2
        x = torch.arange(width, device=x_NCHW.device).reshape(1, 1, -1) - middle_x
        y = torch.arange(height, device=x_NCHW.device).reshape(1, -1, 1) - middle_y
        # For each pixel of the result, the place in the image that it is read from.
        from_x = columns * (cos * x - sin * y) - right * width + middle_x
        from_y = rows * (sin * x + cos * y) - down * height + middle_y
        grid = torch.stack([(2 * from_x + 1) / width - 1, (2 * from_y + 1) / height - 1], dim=-1)
        read = F.grid_sample(
            x_NCHW - self.value if self.value else x_NCHW,
            grid.to(x_NCHW.dtype),
            mode=self.mode,
            padding_mode=self.fill,
            align_corners=False,
        )
        return read + self.value if self.value else read
