"""Stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from .base import OPTIMIZERS, Optimizer
from .factors import Factor, add_


@OPTIMIZERS.register("sgd")
class SGD(Optimizer):
    """Keras's SGD; the momentum carries the learning rate of its time."""

    default_rate = 0.01

    places: ClassVar[Mapping[str, str]] = {"momentum": "momentums"}
    settings = ("momentum", "nesterov")

    def __init__(
        self, parameters: Sequence[Tensor], *, momentum: float = 0.0, nesterov: bool = False, **common: Any
    ) -> None:
        self.momentum, self.nesterov = momentum, nesterov
        self.slots = ("momentum",) if momentum else ()  # type: ignore[assignment,misc]
        super().__init__(parameters, **common)

    def update(
        self,
        parameters: list[Tensor],
        grads: list[Tensor],
        state: dict[str, list[Tensor]],
        numbers: Sequence[Factor],
    ) -> None:
        rate = numbers[0]
        if not self.momentum:
            add_(parameters, grads, -rate)
            return
        moments = state["momentum"]
        torch._foreach_mul_(moments, self.momentum)
        add_(moments, grads, -rate)
        if self.nesterov:
            torch._foreach_add_(parameters, moments, alpha=self.momentum)
            add_(parameters, grads, -rate)
        else:
            torch._foreach_add_(parameters, moments)
