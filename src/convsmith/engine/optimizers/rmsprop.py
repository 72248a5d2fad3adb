"""RMSprop (Tieleman and Hinton, 2012)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from .base import OPTIMIZERS, Optimizer
from .factors import Factor, add_ratio_


@OPTIMIZERS.register("rmsprop")
class RMSprop(Optimizer):
    """Keras's RMSprop (rho 0.9, epsilon 1e-7 under the root)."""

    places: ClassVar[Mapping[str, str]] = {
        "velocity": "_velocities",
        "momentum": "_momentums",
        "average_gradient": "_average_gradients",
    }
    settings = ("rho", "momentum", "epsilon", "centered")

    def __init__(
        self,
        parameters: Sequence[Tensor],
        *,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
        **common: Any,
    ) -> None:
        self.rho, self.momentum, self.epsilon, self.centered = rho, momentum, epsilon, centered
        wanted = {"velocity": True, "momentum": momentum > 0, "average_gradient": centered}
        self.slots = tuple(slot for slot, used in wanted.items() if used)  # type: ignore[assignment,misc]
        super().__init__(parameters, **common)

    def update(
        self,
        parameters: list[Tensor],
        grads: list[Tensor],
        state: dict[str, list[Tensor]],
        numbers: Sequence[Factor],
    ) -> None:
        squares = state["velocity"]
        torch._foreach_mul_(squares, self.rho)
        torch._foreach_addcmul_(squares, grads, grads, 1 - self.rho)
        below = torch._foreach_add(squares, self.epsilon)
        if self.centered:
            means = state["average_gradient"]
            torch._foreach_lerp_(means, grads, 1 - self.rho)
            torch._foreach_addcmul_(below, means, means, -1.0)
        torch._foreach_sqrt_(below)
        if self.momentum > 0:
            moments = state["momentum"]
            torch._foreach_mul_(moments, self.momentum)
            add_ratio_(moments, grads, below, numbers[0])
            torch._foreach_sub_(parameters, moments)
        else:
            add_ratio_(parameters, grads, below, -numbers[0])
