"""The learning rate over a training, as a share of its largest, by progress from 0 to 1."""

from __future__ import annotations

import math
from collections.abc import Callable

from ...errors import BadName

SCHEDULES: dict[str, Callable[[float], float]] = {
    "one_cycle": lambda left: left,
    "cosine": lambda left: 0.5 - 0.5 * math.cos(math.pi * left),
    "linear": lambda left: left,
    "step": lambda left: 1.0 if left > 1 / 2 else 0.1 if left > 1 / 4 else 0.01,
    "constant": lambda left: 1.0,
}
WARM_UP = {"one_cycle": 0.2, "cosine": 0.05, "linear": 0.05, "step": 0.05, "constant": 0.0}
FIRST = 0.05  # the share of the largest rate that a warm-up starts from


def share(name: str, progress: float, warm_up: float) -> float:
    """The learning rate at this point, as a share of the largest.

    Args:
        name: ``"one_cycle"`` (up in a line, down in a line), ``"cosine"``, ``"linear"`` (a short warm-up,
            then down in a line), ``"step"`` (a tenth of it from half of the rest on, a hundredth from three
            quarters on: K. He et al., "Deep Residual Learning", 2015, section 4.2) or ``"constant"``.
        progress: how much of the training is done, 0 to 1.
        warm_up: the share of the training in which the rate rises.

    Raises:
        BadName: for an unknown schedule.

    Example:
        >>> [round(share("one_cycle", at, 0.2), 3) for at in (0.0, 0.2, 0.6, 1.0)]
        [0.05, 1.0, 0.5, 0.0]
    """
    if name not in SCHEDULES:
        raise BadName("schedule", name, SCHEDULES)
    if progress < warm_up:
        return FIRST + (1 - FIRST) * progress / warm_up
    return SCHEDULES[name](1 - (progress - warm_up) / max(1 - warm_up, 1e-9))
