"""Adadelta (Zeiler, 2012)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from .. import native
from .base import OPTIMIZERS, Optimizer
from .factors import Factor, add_


@OPTIMIZERS.register("adadelta")
class Adadelta(Optimizer):
    """Keras's Adadelta (learning rate 0.001, rho 0.95, epsilon 1e-7)."""

    slots = ("accumulated_grad", "accumulated_delta_var")
    places: ClassVar[Mapping[str, str]] = {
        "accumulated_grad": "_accumulated_grads",
        "accumulated_delta_var": "_accumulated_delta_vars",
    }
    settings = ("rho", "epsilon")

    def __init__(
        self, parameters: Sequence[Tensor], *, rho: float = 0.95, epsilon: float = 1e-7, **common: Any
    ) -> None:
        self.rho, self.epsilon = rho, epsilon
        super().__init__(parameters, **common)

    def update(
        self,
        parameters: list[Tensor],
        grads: list[Tensor],
        state: dict[str, list[Tensor]],
        numbers: Sequence[Factor],
    ) -> None:
        squares, deltas = state["accumulated_grad"], state["accumulated_delta_var"]
        if native.takes_rows(*parameters, *grads) and isinstance(numbers[0], float):
            for row in zip(parameters, grads, squares, deltas, strict=True):
                native.adadelta(*row, numbers[0], self.rho, self.epsilon)
            return
        torch._foreach_mul_(squares, self.rho)
        torch._foreach_addcmul_(squares, grads, grads, 1 - self.rho)
        change = torch._foreach_add(deltas, self.epsilon)
        torch._foreach_div_(change, torch._foreach_add(squares, self.epsilon))
        torch._foreach_sqrt_(change)
        torch._foreach_mul_(change, grads)
        torch._foreach_mul_(deltas, self.rho)
        torch._foreach_addcmul_(deltas, change, change, 1 - self.rho)
        add_(parameters, change, -numbers[0])
