"""How to train: what the caller asked for, and sound values for everything else."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import BadInput, BadName
from . import augment as augmentation
from .optimizers import OPTIMIZERS
from .schedule import SCHEDULES, WARM_UP


@dataclass(frozen=True)
class Recipe:
    """Every setting of one training, with its value.

    Args:
        epochs: passes over the images, as asked for at the start.
        batch_size: images per step.
        optimizer: name.
        learning_rate: the largest of the training.
        schedule: name; see `engine.schedule`.
        warm_up: share of the training in which the learning rate rises.
        weight_decay: decoupled, on kernels only; times the learning rate each step.
        label_smoothing: share of each target spread over all classes.
        ema: how many epochs the average of the weights looks back; 0 for none.
        augment: how images are varied.
        strength: what the amounts of `augment` are multiplied by.
        why: where the augmentation comes from.
        seed: of the order of images, the augmentation and dropout.
    """

    epochs: int
    batch_size: int
    optimizer: str
    learning_rate: float
    schedule: str
    warm_up: float
    weight_decay: float
    label_smoothing: float
    ema: float
    augment: augmentation.Policy
    strength: float
    why: str
    seed: int

    def to_json(self) -> dict[str, Any]:
        """The recipe as a JSON-able dictionary."""
        return dataclasses.asdict(self)


_RATES = {"adamw": 0.01, "adam": 0.005, "sgd": 0.1, "rmsprop": 0.002, "adagrad": 0.02, "adadelta": 1.0}
_DECAYS = {"adamw": 0.05, "sgd": 0.0005}


def recipe(
    x: np.ndarray,
    *,
    epochs: int,
    batch_size: int | None,
    optimizer: str,
    learning_rate: float | None,
    schedule: str,
    warm_up: float | None,
    weight_decay: float | None,
    label_smoothing: float,
    ema: float | None,
    augment: str | augmentation.Policy | Mapping[str, Any] | None,
    seed: int,
) -> Recipe:
    """The recipe for these images: what is None is chosen here.

    Raises:
        BadInput: a setting out of its range.
        BadName: an unknown optimizer, schedule or policy.
    """
    name = "adamw" if optimizer == "auto" else optimizer.lower()
    if name not in OPTIMIZERS:
        raise BadName("optimizer", optimizer, ["auto", *OPTIMIZERS])
    if schedule not in SCHEDULES:
        raise BadName("schedule", schedule, SCHEDULES)
    if batch_size is None:
        batch_size = automatic_batch(len(x))
    found, why = augmentation.policy(augment, x)
    for label, value, low, high in (
        ("epochs", epochs, 1, 10**6),
        ("batch_size", batch_size, 1, 10**6),
        ("learning_rate", learning_rate, 0, 1e6),
        ("warm_up", warm_up, 0, 1),
        ("weight_decay", weight_decay, 0, 1e6),
        ("label_smoothing", label_smoothing, 0, 1),
        ("ema", ema, 0, 1e6),
    ):
        if value is not None and not low <= value <= high:
            raise BadInput(label, f"came {value!r}", f"{low} to {high:g}")
    return Recipe(
        epochs=int(epochs),
        batch_size=int(batch_size),
        optimizer=name,
        learning_rate=_RATES.get(name, 0.001) if learning_rate is None else float(learning_rate),
        schedule=schedule,
        warm_up=WARM_UP[schedule] if warm_up is None else float(warm_up),
        weight_decay=_DECAYS.get(name, 0.0) if weight_decay is None else float(weight_decay),
        label_smoothing=float(label_smoothing),
        ema=1.0 if ema is None else float(ema),
        augment=found,
        strength=augmentation.strength(int(epochs)) if augment == "auto" else 1.0,
        why=why,
        seed=int(seed),
    )


def automatic_batch(images: int) -> int:
    """Images per step: small sets want many steps, large ones full ones.

    Example:
        >>> automatic_batch(300), automatic_batch(1400), automatic_batch(60_000)
        (16, 64, 128)
    """
    size = 16
    while size < 128 and images >= size * 40:
        size *= 2
    return size
