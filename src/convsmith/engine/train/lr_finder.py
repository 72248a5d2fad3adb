"""The learning-rate finder: a short training whose rate grows, and the rate at which its loss fell best.

L. Smith, "Cyclical Learning Rates for Training Neural Networks", WACV 2017, section 3.3.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from torch import Tensor

from ...errors import BadInput, ConvsmithError
from ...graph import Graph
from ..loop import check_labels
from ..lower import Lowered
from ..predict import check_images
from ..recipe import Recipe, recipe
from ..training import Training
from .objective import CROSS_ENTROPY, Objective

LOW, HIGH = 1e-6, 10.0
STEPS = 120
BEHIND = 10.0
"""The rate is this much below the one whose loss was smallest: that one is at the edge, and the mean lags."""
DIVERGED = 2.0
"""The sweep ends where the smoothed loss is this many times the smallest: what falls later fell elsewhere."""
MEMORY = 0.9
"""Of the running mean of the losses."""


@dataclass(frozen=True)
class FoundRate:
    """What a sweep over learning rates saw.

    Args:
        rate: to train with, as the largest of a schedule.
        rates: that were tried, in order.
        losses: the loss at each, smoothed.
    """

    rate: float
    rates: tuple[float, ...]
    losses: tuple[float, ...]

    def to_json(self) -> dict[str, Any]:
        """As a JSON-able dictionary."""
        return {"rate": self.rate, "rates": list(self.rates), "losses": list(self.losses)}


def sweep(
    step: Callable[[float], float], *, low: float = LOW, high: float = HIGH, steps: int = STEPS
) -> FoundRate:
    """Take steps with a rate that grows by one factor, until the loss explodes; choose a rate.

    Args:
        step: takes one step with this rate and gives the loss before it.
        low: the first rate.
        high: the last.
        steps: how many at most.

    Raises:
        ConvsmithError: where the loss was not a number from the start.

    Example:
        >>> place = [1.0]
        >>> def step(rate):  # of gradient descent on 2 x^2: it diverges above a rate of 2 / 4
        ...     before = 2 * place[0] ** 2
        ...     place[0] -= rate * 4 * place[0]
        ...     return before
        >>> 0.02 < sweep(step).rate < 0.5  # not above what holds
        True
    """
    if not 0 < low < high or steps < 10:
        raise BadInput("sweep", f"{low!r} to {high!r} in {steps!r} steps", "0 < low < high, 10 steps or more")
    rates: list[float] = []
    losses: list[float] = []
    mean = 0.0
    for at in range(steps):
        rate = low * (high / low) ** (at / (steps - 1))
        loss = step(rate)
        if not math.isfinite(loss):
            break
        mean = MEMORY * mean + (1 - MEMORY) * loss
        rates.append(rate)
        losses.append(mean / (1 - MEMORY ** (at + 1)))
        if at > 10 and losses[-1] > DIVERGED * min(losses):
            break
    if not rates:
        raise ConvsmithError("learning-rate finder: the loss is not a number from the start")
    return FoundRate(rates[int(np.argmin(losses))] / BEHIND, tuple(rates), tuple(losses))


def find(
    graph: Graph,
    x: np.ndarray,
    y: np.ndarray,
    *,
    weights: Mapping[str, np.ndarray] | None = None,
    batch_size: int | None = None,
    optimizer: str = "auto",
    recipe_name: str = "auto",
    loss: str = CROSS_ENTROPY,
    weight_decay: float | None = None,
    layer_decay: float = 1.0,
    label_smoothing: float | None = None,
    steps: int = STEPS,
    seed: int = 0,
) -> FoundRate:
    """The learning rate for a network, images and an optimizer; nothing that came in is changed.

    Args:
        graph: the network.
        x: raw pixels (N, H, W, C).
        y: class numbers (N,).
        weights: to start from.
        batch_size: images per step.
        optimizer: name.
        recipe_name: of the preset that gives the rest.
        loss: Keras's name.
        weight_decay, layer_decay, label_smoothing: as of the training that follows.
        steps: how many; images are seen again where there are too few.
        seed: of first weights and order.

    Raises:
        BadInput: images, labels or settings that do not fit.

    Example:
        >>> from convsmith.zoo import network
        >>> x = np.random.default_rng(0).integers(0, 255, (64, 32, 32, 1)).astype(np.uint8)
        >>> found = find(network("lenet5", classes=2), x, np.arange(64) % 2, steps=20)
        >>> 1e-7 < found.rate < 10
        True
    """
    check_images(graph, x)
    labels = check_labels(graph, y, len(x))
    chosen = recipe(
        x, labels, name=recipe_name, batch_size=batch_size, optimizer=optimizer, loss=loss, augment="none",
        weight_decay=weight_decay, layer_decay=layer_decay, label_smoothing=label_smoothing, seed=seed,
    )  # fmt: skip
    training = _Sweep(graph, x, labels, chosen, weights, steps)
    while not training.ended:
        if training.epoch(lambda: training.ended) is not None:
            training.history.append({})  # another order next time
    losses = iter(training.losses)
    return sweep(lambda rate: next(losses, math.nan), steps=steps)


class _Kept(Objective):
    """An objective that keeps each step's loss."""

    def __init__(self, classes: int, *, loss: str, label_smoothing: float) -> None:
        super().__init__(classes, loss=loss, label_smoothing=label_smoothing)
        self.losses: list[float] = []

    def __call__(self, module: Lowered, x_NCHW: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        loss, scores = super().__call__(module, x_NCHW, target)
        self.losses.append(float(loss.detach()))
        return loss, scores


class _Sweep(Training):
    """A training whose rate grows by one factor from step to step."""

    def __init__(
        self,
        graph: Graph,
        x: np.ndarray,
        y: np.ndarray,
        chosen: Recipe,
        weights: Mapping[str, np.ndarray] | None,
        steps: int,
    ) -> None:
        super().__init__(graph, x, y, replace(chosen, epochs=steps + 1, ema=0.0), weights, None)
        self.objective: _Kept = _Kept(self.classes, loss=chosen.loss, label_smoothing=chosen.label_smoothing)
        self.most = steps

    @property
    def losses(self) -> list[float]:
        """Of the steps so far."""
        return self.objective.losses

    @property
    def ended(self) -> bool:
        """Whether all steps are done, or the loss went out of bounds."""
        found = self.losses
        return len(found) >= self.most or (bool(found) and not found[-1] < 50 * max(found[:10]))

    def rate(self, at: float) -> float:
        """The rate of the next step."""
        return LOW * (HIGH / LOW) ** (len(self.losses) / (self.most - 1))
