"""Keras's optimizers with Keras's definitions and defaults, on lists of tensors at once."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from ..errors import BadInput
from ..registry import Registry

PART = 1 << 15
"""Numbers worked on at once: with gradient and state they fit into a core's second cache."""

OPTIMIZERS: Registry[type[Optimizer]] = Registry("optimizer")


class Optimizer(ABC):
    """What all share: clipping, decoupled weight decay, and one state tensor per slot and parameter.

    Args:
        parameters: leaf tensors with gradients.
        weight_decay: each step takes this share, times the learning rate, off the weights; None for none.
        decayed: which parameters decay; all of them without it, as in Keras.
        clipnorm: largest length of each gradient.
        global_clipnorm: largest length of all gradients together.
        clipvalue: largest size of each number of a gradient.
    """

    slots: ClassVar[tuple[str, ...]] = ()
    default_rate: ClassVar[float] = 0.001

    def __init__(
        self,
        parameters: Sequence[Tensor],
        *,
        weight_decay: float | None = None,
        decayed: Sequence[bool] | None = None,
        clipnorm: float | None = None,
        global_clipnorm: float | None = None,
        clipvalue: float | None = None,
    ) -> None:
        self.parameters = list(parameters)
        self.weight_decay = weight_decay
        self.decayed = [
            p
            for p, wanted in zip(self.parameters, decayed or [True] * len(self.parameters), strict=True)
            if wanted
        ]
        self.clipnorm, self.global_clipnorm, self.clipvalue = clipnorm, global_clipnorm, clipvalue
        self.iterations = 0
        self.state: dict[str, list[Tensor]] = {slot: self._new() for slot in self.slots}
        self._parts: list[tuple[list[tuple[int, slice]], list[Tensor], dict[str, list[Tensor]]]] = []

    def _new(self, value: float = 0.0) -> list[Tensor]:
        return [torch.full_like(p, value, requires_grad=False) for p in self.parameters]

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """Change the parameters by their gradients, and drop the gradients.

        Args:
            rate: the learning rate of this step.
        """
        grads = [p.grad if p.grad is not None else torch.zeros_like(p) for p in self.parameters]
        grads = list(self._clipped(grads))
        if self.weight_decay and self.decayed:
            torch._foreach_mul_(self.decayed, 1 - self.weight_decay * rate)
        self.iterations += 1
        flat = [_flat(grad, p) for grad, p in zip(grads, self.parameters, strict=True)]
        for places, parameters, state in self._parts or self._cut():
            self.update(parameters, [flat[index][part] for index, part in places], state, rate)
        for p in self.parameters:
            p.grad = None

    def _cut(self) -> list[tuple[list[tuple[int, slice]], list[Tensor], dict[str, list[Tensor]]]]:
        """Views of parameters and state in parts that stay in the processor's cache from pass to pass."""
        groups: list[list[tuple[int, slice]]] = [[]]
        room = PART
        for index, parameter in enumerate(self.parameters):
            for start in range(0, parameter.numel(), PART):
                size = min(PART, parameter.numel() - start)
                if size > room:
                    groups.append([])
                    room = PART
                groups[-1].append((index, slice(start, start + size)))
                room -= size
        views = [_flat(p.detach(), p) for p in self.parameters]
        kept = {
            slot: [_flat(t, p) for t, p in zip(tensors, self.parameters, strict=True)]
            for slot, tensors in self.state.items()
        }
        self._parts = [
            (
                group,
                [views[index][part] for index, part in group],
                {slot: [tensors[index][part] for index, part in group] for slot, tensors in kept.items()},
            )
            for group in groups
            if group
        ]
        return self._parts

    @abstractmethod
    def update(
        self, parameters: list[Tensor], grads: list[Tensor], state: dict[str, list[Tensor]], rate: float
    ) -> None:
        """Change some of the parameters and their state in place."""

    def _clipped(self, grads: list[Tensor]) -> Sequence[Tensor]:
        if self.clipnorm:
            norms = torch._foreach_norm(grads)
            return [
                g * (self.clipnorm / n.clamp(min=self.clipnorm)) for g, n in zip(grads, norms, strict=True)
            ]
        if self.global_clipnorm:
            norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(grads)))
            return torch._foreach_mul(
                grads, float(self.global_clipnorm / norm.clamp(min=self.global_clipnorm))
            )
        if self.clipvalue:
            return torch._foreach_clamp_max(torch._foreach_clamp_min(grads, -self.clipvalue), self.clipvalue)
        return grads


def _flat(tensor: Tensor, like: Tensor) -> Tensor:
    """The tensor's numbers as one row, in the order in which `like` has them in memory."""
    if tensor.stride() != like.stride():
        tensor = torch.empty_like(like).copy_(tensor)
    return tensor.as_strided((tensor.numel(),), (1,))


def optimizer(name: str, parameters: Sequence[Tensor], **settings: Any) -> Optimizer:
    """The optimizer of that name.

    Args:
        name: Keras's class name in any case, e.g. ``"adam"``.
        parameters: leaf tensors.
        settings: Keras's arguments, without the learning rate.

    Raises:
        BadName: for an unknown name, with the nearest one.
        BadInput: for a setting that this optimizer does not have.

    Example:
        >>> optimizer("adam", [torch.zeros(3, requires_grad=True)], beta_1=0.8).slots
        ('momentum', 'velocity')
    """
    kind = OPTIMIZERS[name.lower()]
    try:
        return kind(parameters, **settings)
    except TypeError as error:
        raise BadInput(f"optimizer {name}", str(error), f"Keras's arguments of {kind.__name__}") from None


_register: Callable[[str], Any] = OPTIMIZERS.register


@_register("sgd")
class SGD(Optimizer):
    """Keras's SGD; the momentum carries the learning rate of its time."""

    default_rate = 0.01

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


@_register("adam")
class Adam(Optimizer):
    """Keras's Adam (epsilon 1e-7, added before the bias correction), in one pass over memory."""

    slots = ("momentum", "velocity")

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

    def update(
        self, parameters: list[Tensor], grads: list[Tensor], state: dict[str, list[Tensor]], rate: float
    ) -> None:
        # torch divides the velocity by its bias correction before it adds epsilon; Keras after.
        epsilon = self.epsilon / math.sqrt(1 - self.beta_2**self.iterations)
        step = torch.tensor(float(self.iterations), device=parameters[0].device)
        torch._fused_adamw_(
            parameters,
            grads,
            state["momentum"],
            state["velocity"],
            state.get("velocity_hat", []),
            [step] * len(parameters),
            lr=rate,
            beta1=self.beta_1,
            beta2=self.beta_2,
            weight_decay=0.0,
            eps=epsilon,
            amsgrad=self.amsgrad,
            maximize=False,
        )


@_register("adamw")
class AdamW(Adam):
    """Keras's AdamW: Adam with decoupled weight decay of 0.004."""

    def __init__(
        self, parameters: Sequence[Tensor], *, weight_decay: float | None = 0.004, **settings: Any
    ) -> None:
        super().__init__(parameters, weight_decay=weight_decay, **settings)


@_register("adadelta")
class Adadelta(Optimizer):
    """Keras's Adadelta (learning rate 0.001, rho 0.95, epsilon 1e-7)."""

    slots = ("accumulated_grad", "accumulated_delta_var")

    def __init__(
        self, parameters: Sequence[Tensor], *, rho: float = 0.95, epsilon: float = 1e-7, **common: Any
    ) -> None:
        self.rho, self.epsilon = rho, epsilon
        super().__init__(parameters, **common)

    def update(
        self, parameters: list[Tensor], grads: list[Tensor], state: dict[str, list[Tensor]], rate: float
    ) -> None:
        squares, deltas = state["accumulated_grad"], state["accumulated_delta_var"]
        torch._foreach_mul_(squares, self.rho)
        torch._foreach_addcmul_(squares, grads, grads, 1 - self.rho)
        change = torch._foreach_add(deltas, self.epsilon)
        torch._foreach_div_(change, torch._foreach_add(squares, self.epsilon))
        torch._foreach_sqrt_(change)
        torch._foreach_mul_(change, grads)
        torch._foreach_mul_(deltas, self.rho)
        torch._foreach_addcmul_(deltas, change, change, 1 - self.rho)
        torch._foreach_add_(parameters, change, alpha=-rate)


@_register("rmsprop")
class RMSprop(Optimizer):
    """Keras's RMSprop (rho 0.9, epsilon 1e-7 under the root)."""

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
        self, parameters: list[Tensor], grads: list[Tensor], state: dict[str, list[Tensor]], rate: float
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
            torch._foreach_addcdiv_(moments, grads, below, rate)
            torch._foreach_sub_(parameters, moments)
        else:
            torch._foreach_addcdiv_(parameters, grads, below, -rate)


@_register("adagrad")
class Adagrad(Optimizer):
    """Keras's Adagrad (accumulator starts at 0.1, epsilon 1e-7 under the root)."""

    slots = ("accumulator",)

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
        self, parameters: list[Tensor], grads: list[Tensor], state: dict[str, list[Tensor]], rate: float
    ) -> None:
        total = state["accumulator"]
        torch._foreach_addcmul_(total, grads, grads)
        below = torch._foreach_add(total, self.epsilon)
        torch._foreach_sqrt_(below)
        torch._foreach_addcdiv_(parameters, grads, below, -rate)
