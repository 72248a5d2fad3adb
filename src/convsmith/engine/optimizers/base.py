"""What all optimizers share: clipping, weight decay, accumulated gradients, averaged weights, one step."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from ...errors import BadInput
from ...registry import Registry
from .factors import Factor

PART = 1 << 15
"""Numbers a thread works on at once: with gradient and state they fit into a core's second cache."""

Part = tuple[list[tuple[int, slice]], Tensor, dict[str, list[Tensor]]]
"""Which pieces of which gradients; the parameters' own numbers and each slot's, as one row."""

OPTIMIZERS: Registry[type[Optimizer]] = Registry("optimizer", __package__)


class Optimizer(ABC):
    """Clipping, decoupled weight decay, and one state tensor per slot and parameter.

    Args:
        parameters: leaf tensors with gradients.
        weight_decay: each step takes this share, times the learning rate, off the weights; None for none.
        decayed: which parameters decay; all of them without it, as in Keras.
        clipnorm: largest length of each gradient.
        global_clipnorm: largest length of all gradients together.
        clipvalue: largest size of each number of a gradient.
        use_ema: keep a running average of the parameters in the slot ``average``.
        ema_momentum: what of the average stays at each step.
        ema_overwrite_frequency: the parameters become their average each so many updates; None for never.
        gradient_accumulation_steps: one update for each so many steps, by the mean of their gradients.
    """

    slots: ClassVar[tuple[str, ...]] = ()
    places: ClassVar[Mapping[str, str]] = {}
    """Slot -> the attribute in which Keras's own optimizer keeps the same state."""
    settings: ClassVar[tuple[str, ...]] = ()
    """Keras's arguments that are this optimizer's own."""
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
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        gradient_accumulation_steps: int | None = None,
    ) -> None:
        self.parameters = list(parameters)
        self.weight_decay = weight_decay
        self.decays = list(decayed or [True] * len(self.parameters))
        self.clipnorm, self.global_clipnorm, self.clipvalue = clipnorm, global_clipnorm, clipvalue
        self.ema_momentum, self.ema_overwrite_frequency = ema_momentum, ema_overwrite_frequency
        self.every = gradient_accumulation_steps or 1
        self.iterations = 0
        shared = {"average": use_ema, "gradient": self.every > 1}
        own = (*self.slots, *(slot for slot, wanted in shared.items() if wanted))
        self.state: dict[str, list[Tensor]] = {slot: self._new() for slot in own}
        self._parts: list[Part] = []

    def _new(self, value: float = 0.0) -> list[Tensor]:
        return [torch.full_like(p, value, requires_grad=False) for p in self.parameters]

    @property
    def time(self) -> int:
        """The number of the update that comes now or, within a step, is being done: from 1."""
        return self.iterations // self.every + 1

    def step(self, rate: float) -> None:
        """Change the parameters by their gradients, and drop the gradients.

        Args:
            rate: the learning rate of this step.
        """
        self.apply(self.numbers(rate))
        self.iterations += 1

    def numbers(self, rate: float) -> tuple[float, ...]:
        """The learning rate of this step, and whatever else of `update` depends on how many came before."""
        return (rate,)

    @torch.no_grad()
    def apply(self, numbers: Sequence[Factor]) -> None:
        """The part of `step` that works on tensors; it can be recorded where all steps are one update each.

        Args:
            numbers: this step's `numbers`, as numbers or as tensors without axes.
        """
        grads = [p.grad if p.grad is not None else torch.zeros_like(p) for p in self.parameters]
        if self.every > 1:
            torch._foreach_add_(self.state["gradient"], grads)
        if (self.iterations + 1) % self.every == 0:
            if self.every > 1:
                grads = list(torch._foreach_div(self.state["gradient"], float(self.every)))
                torch._foreach_zero_(self.state["gradient"])
            grads = list(self._clipped(grads))
            self._decay(numbers[0])
            self._change([_flat(grad, p) for grad, p in zip(grads, self.parameters, strict=True)], numbers)
        if "average" in self.state:
            self._average()
        for p in self.parameters:
            p.grad = None

    def _decay(self, rate: Factor) -> None:
        decayed = [p for p, wanted in zip(self.parameters, self.decays, strict=True) if wanted]
        if self.weight_decay and decayed:
            torch._foreach_mul_(decayed, 1 - self.weight_decay * rate)

    def _change(self, grads: list[Tensor], numbers: Sequence[Factor]) -> None:
        for places, parameters, state in self._parts or self._cut():
            taken = [grads[index][part] for index, part in places]
            self.update([parameters], taken if len(taken) == 1 else [torch.cat(taken)], state, numbers)

    def _average(self) -> None:
        share = 1 - self.ema_momentum if self.time > 1 else 1.0
        torch._foreach_lerp_(self.state["average"], self.parameters, share)
        if self.ema_overwrite_frequency and self.time % self.ema_overwrite_frequency == 0:
            self.finish()

    @torch.no_grad()
    def finish(self) -> None:
        """The end of a training: the parameters become their average, where one is kept."""
        if "average" in self.state:
            torch._foreach_copy_(self.parameters, self.state["average"])

    def _cut(self) -> list[Part]:
        """Parameters and each slot in one row of memory, cut into parts that stay in the processor's cache.

        A part may span many small parameters: one call for all of them, instead of one for each.
        """
        row = _joined(self.parameters, self.parameters)
        rows = {slot: _joined(self.state[slot], self.parameters) for slot in self.slots}
        groups: list[list[tuple[int, slice]]] = [[]]
        on_cpu = all(p.device.type == "cpu" for p in self.parameters)
        room = most = PART * torch.get_num_threads() if on_cpu else sys.maxsize
        for index, parameter in enumerate(self.parameters):
            for start in range(0, parameter.numel(), most):
                size = min(most, parameter.numel() - start)
                if size > room:
                    groups.append([])
                    room = most
                groups[-1].append((index, slice(start, start + size)))
                room -= size
        end = 0
        for group in filter(None, groups):
            start, end = end, end + sum(part.stop - part.start for _, part in group)
            state = {slot: [one[start:end]] for slot, one in rows.items()}
            self._parts.append((group, row[start:end], state))
        return self._parts

    @abstractmethod
    def update(
        self,
        parameters: list[Tensor],
        grads: list[Tensor],
        state: dict[str, list[Tensor]],
        numbers: Sequence[Factor],
    ) -> None:
        """Change some of the parameters and their state in place, by this step's `numbers`."""

    def _clipped(self, grads: list[Tensor]) -> Sequence[Tensor]:
        if self.clipnorm:
            norms = torch._foreach_norm(grads)
            return [
                g * (self.clipnorm / n.clamp(min=self.clipnorm)) for g, n in zip(grads, norms, strict=True)
            ]
        if self.global_clipnorm:
            norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(grads)))
            return torch._foreach_mul(grads, self.global_clipnorm / norm.clamp(min=self.global_clipnorm))
        if self.clipvalue:
            return torch._foreach_clamp_max(torch._foreach_clamp_min(grads, -self.clipvalue), self.clipvalue)
        return grads


def _flat(tensor: Tensor, like: Tensor) -> Tensor:
    """The tensor's numbers as one row, in the order in which `like` has them in memory."""
    if tensor.stride() != like.stride():
        tensor = torch.empty_like(like).copy_(tensor)
    return tensor.as_strided((tensor.numel(),), (1,))


def _joined(tensors: Sequence[Tensor], parameters: Sequence[Tensor]) -> Tensor:
    """All numbers in one row of memory, whose views the tensors become."""
    row = torch.cat([_flat(t.detach(), p) for t, p in zip(tensors, parameters, strict=True)])
    start = 0
    for tensor, p in zip(tensors, parameters, strict=True):
        tensor.data = row[start : start + p.numel()].as_strided(p.shape, p.stride())
        start += p.numel()
    return row


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
