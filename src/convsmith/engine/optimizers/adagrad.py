"""Adagrad (Duchi et al., 2011)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from .base import OPTIMIZERS, Optimizer
from .factors import Factor, add_ratio_


@OPTIMIZERS.register("adagrad")
class Adagrad(Optimizer):
    """Keras's Adagrad (accumulator starts at 0.1, epsilon 1e-7 under the root)."""

    slots = ("accumulator",)
    places: ClassVar[Mapping[str, str]] = {"accumulator": "_accumulators"}
    settings = ("initial_accumulator_value", "epsilon")

    def __init__(
        self,
        parameters: Sequence[Tensor],
        *,
        initial_accumulator_value: float = 0.1,
        epsilon: float = 1e-7,
        **common: Any,
    ) -> None:
        self.epsilon = epsilon
        super().__init__(parameters, **common)
        self.state["accumulator"] = self._new(initial_accumulator_value)

    def update(
        self,
        parameters: list[Tensor],
        grads: list[Tensor],
        state: dict[str, list[Tensor]],
        numbers: Sequence[Factor],
    ) -> None:
        total = state["accumulator"]
        torch._foreach_addcmul_(total, grads, grads)
        below = torch._foreach_add(total, self.epsilon)
        torch._foreach_sqrt_(below)
        add_ratio_(parameters, grads, below, -numbers[0])
