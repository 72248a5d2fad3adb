"""Lion (Chen et al., 2023): the sign of a momentum."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from .base import OPTIMIZERS, Optimizer
from .factors import Factor, add_


@OPTIMIZERS.register("lion")
class Lion(Optimizer):
    """Keras's Lion (beta_1 0.9 for the step's direction, beta_2 0.99 for the momentum)."""

    slots = ("momentum",)
    places: ClassVar[Mapping[str, str]] = {"momentum": "_momentums"}
    settings = ("beta_1", "beta_2")

    def __init__(
        self, parameters: Sequence[Tensor], *, beta_1: float = 0.9, beta_2: float = 0.99, **common: Any
    ) -> None:
        self.beta_1, self.beta_2 = beta_1, beta_2
        super().__init__(parameters, **common)

    def update(
        self,
        parameters: list[Tensor],
        grads: list[Tensor],
        state: dict[str, list[Tensor]],
        numbers: Sequence[Factor],
    ) -> None:
        moments = state["momentum"]
        direction = torch._foreach_mul(moments, self.beta_1)
        torch._foreach_add_(direction, grads, alpha=1 - self.beta_1)
        torch._foreach_sign_(direction)
        add_(parameters, direction, -numbers[0])
        torch._foreach_mul_(moments, self.beta_2)
        torch._foreach_add_(moments, grads, alpha=1 - self.beta_2)
