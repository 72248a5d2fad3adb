"""The curvature of the validation loss in alpha: its growth tells that a relaxed cell is about to collapse.

A. Zela et al., "Understanding and Robustifying Differentiable Architecture Search", ICLR 2020: where the
largest eigenvalue grows fast, what is derived generalises badly; the search is stopped where the eigenvalue
five epochs ago was less than three quarters of today's, both averaged over five epochs, and the cell of then
is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

WINDOW = 5
"""Epochs that eigenvalues are averaged over, and looked back."""
RATIO = 0.75
STEP = 1e-2  # of the differences, as in DARTS' own
ROUNDS = 8
_NOTHING = 1e-9

Gradient = Callable[[Tensor], Tensor]


def largest_eigenvalue(gradient: Gradient, at: Tensor, *, rounds: int | None = None) -> float:
    """The largest eigenvalue of a Hessian, by Lanczos' method on differences of gradients.

    Args:
        gradient: of the loss, at a point.
        at: the point.
        rounds: of the iteration, 8 without it; each costs two gradients. As many as there are dimensions are
            exact.

    Example:
        >>> matrix = torch.diag(torch.tensor([3.0, -4.0, 0.5]))
        >>> round(largest_eigenvalue(lambda x: matrix @ x, torch.zeros(3)), 3)
        3.0
    """
    generator = torch.Generator().manual_seed(0)
    basis: list[Tensor] = []
    turned: list[Tensor] = []
    direction = torch.randn(len(at), generator=generator).to(at.dtype)
    for _ in range(min(ROUNDS if rounds is None else rounds, len(at))):
        for one in (*basis, *basis):  # twice: once leaves what rounding brings back
            direction = direction - (direction @ one) * one
        norm = float(direction.norm())
        if not norm > _NOTHING:
            break
        basis.append(direction / norm)
        ahead, behind = gradient(at + STEP * basis[-1]), gradient(at - STEP * basis[-1])
        turned.append((ahead - behind) / (2 * STEP))
        direction = turned[-1]
    if not basis:
        return 0.0
    projected = torch.stack(basis) @ torch.stack(turned).T
    return float(torch.linalg.eigvalsh((projected + projected.T) / 2)[-1])


def grows(values: Sequence[float]) -> bool:
    """Whether the eigenvalues, one for each epoch, say that it is time to stop.

    Example:
        >>> grows([0.1] * 10), grows([0.1] * 5 + [0.2] * 5), grows([0.1, 0.9])
        (False, True, False)
    """
    if len(values) < 2 * WINDOW:
        return False
    now = sum(values[-WINDOW:]) / WINDOW
    then = sum(values[-2 * WINDOW : -WINDOW]) / WINDOW
    return now > 0 and then / now < RATIO
