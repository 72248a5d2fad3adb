"""Adam (Kingma and Ba, 2015) and AdamW (Loshchilov and Hutter, 2019)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from .base import OPTIMIZERS, Optimizer
from .factors import Factor


@OPTIMIZERS.register("adam")
class Adam(Optimizer):
    """Keras's Adam (epsilon 1e-7, added before the bias correction), in one pass over memory."""

    slots = ("momentum", "velocity")
    places: ClassVar[Mapping[str, str]] = {
        "momentum": "_momentums",
        "velocity": "_velocities",
        "velocity_hat": "_velocity_hats",
    }
    settings = ("beta_1", "beta_2", "epsilon", "amsgrad")

    def __init__(
        self,
        parameters: Sequence[Tensor],
        *,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        **common: Any,
    ) -> None:
        self.beta_1, self.beta_2, self.epsilon, self.amsgrad = beta_1, beta_2, epsilon, amsgrad
        if amsgrad:
            self.slots = (*self.slots, "velocity_hat")  # type: ignore[assignment,misc]
        super().__init__(parameters, **common)

    def numbers(self, rate: float) -> tuple[float, ...]:
        time = self.time
        return rate, rate * math.sqrt(1 - self.beta_2**time) / (1 - self.beta_1**time)

    def update(
        self,
        parameters: list[Tensor],
        grads: list[Tensor],
        state: dict[str, list[Tensor]],
        numbers: Sequence[Factor],
    ) -> None:
        # torch divides the velocity by its bias correction before it adds epsilon, Keras after. Here the rate
        # has both corrections, as in Keras; to torch, the training has gone on for ever and needs none.
        step = torch.full((), math.inf, device=parameters[0].device)  # no copy to wait for
        torch._fused_adamw_(
            parameters,
            grads,
            state["momentum"],
            state["velocity"],
            state.get("velocity_hat", []),
            [step] * len(parameters),
            lr=numbers[1],
            beta1=self.beta_1,
            beta2=self.beta_2,
            weight_decay=0.0,
            eps=self.epsilon,
            amsgrad=self.amsgrad,
            maximize=False,
        )


@OPTIMIZERS.register("adamw")
class AdamW(Adam):
    """Keras's AdamW: Adam with decoupled weight decay of 0.004."""

    def __init__(
        self, parameters: Sequence[Tensor], *, weight_decay: float | None = 0.004, **settings: Any
    ) -> None:
        super().__init__(parameters, weight_decay=weight_decay, **settings)
