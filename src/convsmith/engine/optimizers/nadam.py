"""Nadam (Dozat, 2016): Adam with Nesterov's look ahead."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from .base import OPTIMIZERS, Optimizer
from .factors import Factor, add_ratio_


@OPTIMIZERS.register("nadam")
class Nadam(Optimizer):
    """Keras's Nadam (epsilon 1e-7, added after the bias correction; momentum decays by 0.96)."""

    slots = ("momentum", "velocity")
    places: ClassVar[Mapping[str, str]] = {"momentum": "_momentums", "velocity": "_velocities"}
    settings = ("beta_1", "beta_2", "epsilon")

    def __init__(
        self,
        parameters: Sequence[Tensor],
        *,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        **common: Any,
    ) -> None:
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon
        self._known = (0, 1.0)
        super().__init__(parameters, **common)

    def _momentum(self, time: int) -> float:
        return self.beta_1 * (1 - 0.5 * 0.96**time)

    def product(self, time: int) -> float:
        """The product of the momenta of all updates up to this one."""
        at, value = self._known if self._known[0] <= time else (0, 1.0)
        while at < time and value:
            at += 1
            value *= self._momentum(at)
        self._known = (time, value)
        return value

    def numbers(self, rate: float) -> tuple[float, ...]:
        time = self.time
        product, ahead = self.product(time), self._momentum(time + 1)
        return (
            rate,
            1 / math.sqrt(1 - self.beta_2**time),
            -rate * ahead / (1 - product * ahead),
            -rate * (1 - self._momentum(time)) / (1 - product),
        )

    def update(
        self,
        parameters: list[Tensor],
        grads: list[Tensor],
        state: dict[str, list[Tensor]],
        numbers: Sequence[Factor],
    ) -> None:
        _, correction, by_moment, by_gradient = numbers
        moments, squares = state["momentum"], state["velocity"]
        torch._foreach_lerp_(moments, grads, 1 - self.beta_1)
        torch._foreach_mul_(squares, self.beta_2)
        torch._foreach_addcmul_(squares, grads, grads, 1 - self.beta_2)
        below = torch._foreach_sqrt(squares)
        torch._foreach_mul_(below, correction)
        torch._foreach_add_(below, self.epsilon)
        add_ratio_(parameters, moments, below, by_moment)
        add_ratio_(parameters, grads, below, by_gradient)
