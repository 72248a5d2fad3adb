"""Muon (Jordan et al., 2024): momentum made orthogonal, for matrices; Adam for everything else."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from .adam import Adam
from .base import OPTIMIZERS, Optimizer
from .factors import Factor, add_


@OPTIMIZERS.register("muon")
class Muon(Optimizer):
    """Keras's Muon, with the scale of Liu et al. (2025, arXiv 2502.16982, equation 4).

    Args:
        parameters: leaf tensors.
        matrices: which parameters take Muon's step, the others take Adam's; those with two axes without it.
        adam_weight_decay: weight decay of the others; `weight_decay` is the matrices'.
        rms_rate: the scale of Muon's steps, times the root of the longer side; None for no scaling.
    """

    slots = ("momentum", "velocity")
    places: ClassVar[Mapping[str, str]] = {"momentum": "momentums", "velocity": "adam_velocities"}
    settings = (
        "adam_beta_1", "adam_beta_2", "adam_weight_decay", "epsilon", "muon_a", "muon_b", "muon_c",
        "adam_lr_ratio", "momentum", "ns_steps", "nesterov", "rms_rate",
    )  # fmt: skip

    def __init__(
        self,
        parameters: Sequence[Tensor],
        *,
        matrices: Sequence[bool] | None = None,
        weight_decay: float | None = 0.004,
        adam_beta_1: float = 0.9,
        adam_beta_2: float = 0.999,
        adam_weight_decay: float | None = 0.004,
        epsilon: float = 1e-7,
        muon_a: float = 3.4445,
        muon_b: float = -4.7750,
        muon_c: float = 2.0315,
        adam_lr_ratio: float = 1.0,
        momentum: float = 0.95,
        ns_steps: int = 5,
        nesterov: bool = True,
        rms_rate: float | None = 0.2,
        **common: Any,
    ) -> None:
        super().__init__(parameters, weight_decay=weight_decay, **common)
        self.matrices = [p.dim() == 2 for p in self.parameters] if matrices is None else list(matrices)
        self.adam_weight_decay, self.adam_lr_ratio = adam_weight_decay, adam_lr_ratio
        self.powers = (muon_a, muon_b, muon_c)
        self.momentum, self.ns_steps, self.nesterov, self.rms_rate = momentum, ns_steps, nesterov, rms_rate
        others = [p for p, matrix in zip(self.parameters, self.matrices, strict=True) if not matrix]
        self.adam = Adam(others, beta_1=adam_beta_1, beta_2=adam_beta_2, epsilon=epsilon)
        for slot in self.slots:  # one state in both
            self.adam.state[slot] = self._others(self.state[slot])

    def _others(self, tensors: list[Tensor]) -> list[Tensor]:
        return [t for t, matrix in zip(tensors, self.matrices, strict=True) if not matrix]

    def numbers(self, rate: float) -> tuple[float, ...]:
        self.adam.iterations = self.time - 1
        return rate, *self.adam.numbers(rate * self.adam_lr_ratio)

    def _decay(self, rate: Factor) -> None:
        for p, wanted, matrix in zip(self.parameters, self.decays, self.matrices, strict=True):
            share = self.weight_decay if matrix else self.adam_weight_decay
            if wanted and share:
                p.mul_(1 - share * rate)

    def _change(self, grads: list[Tensor], numbers: Sequence[Factor]) -> None:
        if self.adam.parameters:
            self.adam._change(self._others(grads), numbers[1:])
        for p, grad, moment, matrix in zip(
            self.parameters, grads, self.state["momentum"], self.matrices, strict=True
        ):
            if matrix:
                own = grad.as_strided(p.shape, p.stride())
                moment.mul_(self.momentum).add_(own)
                self.update([p], [own + self.momentum * moment if self.nesterov else moment], {}, numbers)

    def update(
        self,
        parameters: list[Tensor],
        grads: list[Tensor],
        state: dict[str, list[Tensor]],
        numbers: Sequence[Factor],
    ) -> None:
        for p, grad in zip(parameters, grads, strict=True):
            # A dense layer on an image is a 1 x 1 convolution in torch: two axes of four are one long.
            matrix = grad.reshape(grad.shape[0], -1)
            scale = 1.0 if self.rms_rate is None else math.sqrt(max(matrix.shape)) * self.rms_rate
            step = orthogonal(matrix, self.ns_steps, self.powers).reshape(p.shape)
            add_([p], [step], -numbers[0] * scale)


def orthogonal(matrix: Tensor, steps: int, powers: tuple[float, float, float]) -> Tensor:
    """The matrix with all its singular values near 1, by Newton and Schulz's iteration.

    Args:
        matrix: two axes.
        steps: iterations.
        powers: factors of x, x³ and x⁵ that each iteration applies to the singular values.

    Example:
        >>> found = orthogonal(torch.diag(torch.tensor([3.0, 0.5])), 5, (3.4445, -4.7750, 2.0315))
        >>> bool(((found.diag() > 0.6) & (found.diag() < 1.3)).all())
        True
    """
    a, b, c = powers
    x = matrix.T if matrix.shape[0] > matrix.shape[1] else matrix
    x = x / (torch.linalg.matrix_norm(x) + 1e-7)
    for _ in range(steps):
        square = x @ x.T
        x = a * x + (b * square + c * square @ square) @ x
    return x.T if matrix.shape[0] > matrix.shape[1] else x
