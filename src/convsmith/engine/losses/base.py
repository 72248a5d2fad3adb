"""The registry of losses, and how Keras makes one number of many: ranks, weights, masks, reductions."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ...registry import Registry

EPSILON = 1e-7
"""Keras's floor under a probability before its logarithm."""

LOSSES: Registry[Callable[..., Tensor]] = Registry("loss", __package__)
"""Keras's name -> ``(y_true, y_pred, *, settings)``: a loss for each place but the last axis, (N, ...)."""

MEANS = ("sum_over_batch_size", "mean")


def shares(labels: Tensor, classes: int) -> Tensor:
    """Shares of classes of class numbers, float32; unlike ``one_hot`` it never looks at the numbers first.

    Example:
        >>> shares(torch.tensor([1, 0]), 3)
        tensor([[0., 1., 0.],
                [1., 0., 0.]])
    """
    return torch.zeros(len(labels), classes, device=labels.device).scatter_(1, labels[:, None], 1.0)


def same_rank(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """Both with the same number of axes where one has a last axis of size 1 more than the other.

    Example:
        >>> [tuple(found.shape) for found in same_rank(torch.zeros(3), torch.zeros(3, 1))]
        [(3, 1), (3, 1)]
    """
    if first.dim() == second.dim() + 1 and first.shape[-1] == 1:
        return (first, second.unsqueeze(-1)) if second.dim() == 1 else (first.squeeze(-1), second)
    if second.dim() == first.dim() + 1 and second.shape[-1] == 1:
        return (first.unsqueeze(-1), second) if first.dim() == 1 else (first, second.squeeze(-1))
    return first, second


def reduced(
    values: Tensor,
    weights: Tensor | None = None,
    *,
    mask: Tensor | None = None,
    reduction: str | None = "sum_over_batch_size",
) -> Tensor:
    """One number of a loss's values, as Keras's ``Loss`` makes it.

    Args:
        values: (N, ...).
        weights: a weight for each value or each image.
        mask: True where a value counts; a mean is over these alone.
        reduction: ``"sum_over_batch_size"``, ``"mean"``, ``"sum"``, ``"mean_with_sample_weight"`` or None.

    Example:
        >>> float(reduced(torch.tensor([1.0, 3.0]), torch.tensor([1.0, 0.0])))
        0.5
    """
    if mask is not None:
        share = mask.to(values.dtype)
        if reduction in MEANS:
            share = share * (share.numel() / share.sum().clamp(min=1.0))
        if weights is not None:
            share, weights = same_rank(share, weights)
        weights = share if weights is None else weights * share
    if weights is not None:
        values, weights = same_rank(values, weights)
        values = values * weights
    if reduction in (None, "none") or values.dim() == 0:
        return values
    if reduction == "sum":
        return values.sum()
    if reduction == "mean_with_sample_weight" and weights is not None:
        total = weights.sum()
        return torch.where(total == 0, torch.zeros_like(total), values.sum() / total)
    return values.mean()
