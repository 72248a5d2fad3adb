"""Losses that ask for a margin or for overlap: the hinge family, Dice, Tversky."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from .base import EPSILON, LOSSES


def _signs(y_true: Tensor) -> Tensor:
    """Targets as -1 and 1, where all are 0 and 1."""
    binary = ((y_true == 0) | (y_true == 1)).all()
    return torch.where(binary, 2 * y_true - 1, y_true)


def _short(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """How much of the margin of 1 is missing."""
    return torch.maximum(1 - _signs(y_true) * y_pred, torch.zeros(()))


@LOSSES.register("hinge")
def hinge(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """The mean of what is missing to a margin of 1; targets -1 and 1, or 0 and 1."""
    return _short(y_true, y_pred).mean(-1)


@LOSSES.register("squared_hinge")
def squared_hinge(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """The mean of the square of what is missing to a margin of 1."""
    return _short(y_true, y_pred).square().mean(-1)


@LOSSES.register("categorical_hinge")
def categorical_hinge(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """What is missing to a margin of 1 between the right class and the strongest wrong one."""
    right = (y_true * y_pred).sum(-1)
    wrong = ((1 - y_true) * y_pred).amax(-1)
    return torch.maximum(wrong - right + 1, torch.zeros(()))


@LOSSES.register("dice")
def dice(y_true: Tensor, y_pred: Tensor, *, axis: int | Sequence[int] | None = None) -> Tensor:
    """1 minus twice the overlap over the sum of both areas; over all axes without `axis`."""
    over = _axes(y_true, axis)
    return 1 - 2 * (y_true * y_pred).sum(over) / (y_true.sum(over) + y_pred.sum(over) + EPSILON)


@LOSSES.register("tversky")
def tversky(
    y_true: Tensor,
    y_pred: Tensor,
    *,
    alpha: float = 0.5,
    beta: float = 0.5,
    axis: int | Sequence[int] | None = None,
) -> Tensor:
    """Dice with weights for both kinds of error: `alpha` for missed area, `beta` for area too much."""
    over = _axes(y_true, axis)
    both = (y_true * y_pred).sum(over)
    missed, extra = ((1 - y_pred) * y_true).sum(over), (y_pred * (1 - y_true)).sum(over)
    return 1 - both / (both + alpha * missed + beta * extra + EPSILON)


def _axes(y: Tensor, axis: int | Sequence[int] | None) -> list[int]:
    if axis is None:
        return list(range(y.dim()))
    return [axis] if isinstance(axis, int) else list(axis)
