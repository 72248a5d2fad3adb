"""Sums with a factor that is a number, or a tensor where a recorded step is replayed with another one."""

from __future__ import annotations

import torch
from torch import Tensor

Rows = list[Tensor] | tuple[Tensor, ...]
Factor = float | Tensor
"""A number; a tensor without axes on the same device reads the same and may change from replay to replay."""


def add_(to: Rows, what: Rows, factor: Factor) -> None:
    """Add `what` times a factor, in place.

    Example:
        >>> x = torch.ones(2)
        >>> add_([x], [torch.ones(2)], 3.0)
        >>> add_([x], [torch.ones(2)], torch.tensor(-1.0))
        >>> x
        tensor([3., 3.])
    """
    if isinstance(factor, Tensor):
        torch._foreach_add_(to, torch._foreach_mul(what, factor))
    else:
        torch._foreach_add_(to, what, alpha=factor)


def add_ratio_(to: Rows, above: Rows, below: Rows, by: Factor) -> None:
    """Add `above` / `below` times a factor, in place."""
    if isinstance(by, Tensor):
        add_(to, torch._foreach_div(above, below), by)
    else:
        torch._foreach_addcdiv_(to, above, below, by)


def blend_(to: Rows, what: Rows, share: Factor) -> None:
    """Go this share of the way to `what`, in place."""
    if isinstance(share, Tensor):
        add_(to, torch._foreach_sub(what, to), share)
    else:
        torch._foreach_lerp_(to, what, share)
