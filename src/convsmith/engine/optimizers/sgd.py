"""Stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from .base import OPTIMIZERS, Optimizer


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
        self, parameters: list[Tensor], grads: list[Tensor], state: dict[str, list[Tensor]], rate: float
    ) -> None:
        if not self.momentum:
            torch._foreach_add_(parameters, grads, alpha=-rate)
            return
        moments = state["momentum"]
        torch._foreach_mul_(moments, self.momentum)
        torch._foreach_add_(moments, grads, alpha=-rate)
        if self.nesterov:
            torch._foreach_add_(parameters, moments, alpha=self.momentum)
            torch._foreach_add_(parameters, grads, alpha=-rate)
        else:
            torch._foreach_add_(parameters, moments)
