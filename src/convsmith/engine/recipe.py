"""How to train: what the caller asked for, and sound values for everything else."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import BadInput, BadName
from . import augment as augmentation
from .device import PRECISIONS
from .optimizers import OPTIMIZERS
from .train import balance as balances
from .train.objective import CROSS_ENTROPY, OBJECTIVES
from .train.presets import PRESETS
from .train.schedule import SCHEDULES, WARM_UP


@dataclass(frozen=True)
class Recipe:
    """Every setting of one training, with its value.

    Args:
        name: of the preset that the values come from which nobody gave.
        epochs: passes over the images, as asked for at the start.
        batch_size: images per step.
        optimizer: name.
        learning_rate: the largest of the training.
        momentum: of sgd.
        schedule: name; see `engine.train.schedule`.
        warm_up: share of the training in which the learning rate rises.
        weight_decay: decoupled, on kernels only; times the learning rate each step.
        layer_decay: each stage before the head learns slower than the next by this; see
            `engine.train.layerwise_lr`.
        loss: Keras's name; see `engine.train.objective`.
        label_smoothing: share of each target spread over all classes.
        ema: how many epochs the average of the weights looks back, at most a twentieth of all; 0 for none.
        augment: how images are varied.
        strength: what the amounts of `augment` are multiplied by.
        why: where the augmentation comes from.
        balance: what is done about classes of different sizes: "none", "weights" or "sampling".
        balance_why: where that comes from.
        patience: epochs that may follow the best one, whose weights then count; None for all.
        until_accuracy: share of validation images that ends the training; None for no such end.
        precision: of the network's products: "float32" or "bfloat16".
        cuda_graphs: whether steps are recorded once and replayed; see `engine.lowered.cuda_graphs`.
        seed: of the order of images, the augmentation and dropout.
        views: rows that are views of one image; an epoch takes one of each.
    """

    name: str
    epochs: int
    batch_size: int
    optimizer: str
    learning_rate: float
    momentum: float
    schedule: str
    warm_up: float
    weight_decay: float
    layer_decay: float
    loss: str
    label_smoothing: float
    ema: float
    augment: augmentation.Policy
    strength: float
    why: str
    balance: str
    balance_why: str
    patience: int | None
    until_accuracy: float | None
    precision: str
    cuda_graphs: bool
    seed: int
    views: int = 1

    def to_json(self) -> dict[str, Any]:
        """The recipe as a JSON-able dictionary."""
        return dataclasses.asdict(self)


_RATES = {
    "adamw": 0.01,
    "adam": 0.005,
    "nadam": 0.005,
    "sgd": 0.1,
    "rmsprop": 0.002,
    "adagrad": 0.02,
    "adadelta": 1.0,
}
_DECAYS = {"adamw": 0.05, "sgd": 0.0005}


def recipe(
    x: np.ndarray,
    y: np.ndarray,
    *,
    name: str = "auto",
    epochs: int | None = None,
    batch_size: int | None = None,
    optimizer: str = "auto",
    learning_rate: float | None = None,
    schedule: str | None = None,
    warm_up: float | None = None,
    weight_decay: float | None = None,
    layer_decay: float = 1.0,
    loss: str = CROSS_ENTROPY,
    label_smoothing: float | None = None,
    ema: float | None = None,
    augment: str | augmentation.Policy | Mapping[str, Any] | None = "auto",
    balance: str = "none",
    patience: int | None = None,
    until_accuracy: float | None = None,
    precision: str = "float32",
    cuda_graphs: bool = False,
    seed: int = 0,
    views: int = 1,
) -> Recipe:
    """The recipe for these images: what is None or "auto" is the preset's, or is chosen here.

    Args:
        x: training images, (N, H, W, C).
        y: their class numbers, (N,).
        name: of the preset; see `engine.train.presets`. The other arguments are those of `engine.loop.fit`.

    Raises:
        BadInput: a setting out of its range.
        BadName: an unknown preset, optimizer, loss, schedule, policy or balance.

    Example:
        >>> found = recipe(np.zeros((300, 8, 8, 1), np.uint8), np.arange(300) % 3, epochs=5)
        >>> found.optimizer, found.batch_size, found.schedule
        ('adamw', 16, 'one_cycle')
    """
    if name not in PRESETS:
        raise BadName("recipe", name, PRESETS)
    preset = PRESETS[name]
    chosen = preset.optimizer if optimizer == "auto" else optimizer.lower()
    if chosen not in OPTIMIZERS:
        raise BadName("optimizer", optimizer, ["auto", *OPTIMIZERS])
    schedule = preset.schedule if schedule is None else schedule
    if schedule not in SCHEDULES:
        raise BadName("schedule", schedule, SCHEDULES)
    epochs = preset.epochs if epochs is None else epochs
    batch_size = preset.batch_size if batch_size is None else batch_size
    batch_size = automatic_batch(len(x) // views, epochs) if batch_size is None else batch_size
    if chosen == preset.optimizer:  # another optimizer wants rates of its own
        learning_rate = preset.learning_rate if learning_rate is None else learning_rate
        weight_decay = preset.weight_decay if weight_decay is None else weight_decay
    warm_up = preset.warm_up if warm_up is None and schedule == preset.schedule else warm_up
    label_smoothing = preset.label_smoothing if label_smoothing is None else label_smoothing
    ema = preset.ema if ema is None else ema
    augment = preset.augment if augment == "auto" else augment
    found, why = augmentation.policy(augment, x)
    for label, value, low, high in (
        ("epochs", epochs, 1, 10**6),
        ("batch_size", batch_size, 1, 10**6),
        ("learning_rate", learning_rate, 0, 1e6),
        ("warm_up", warm_up, 0, 1),
        ("weight_decay", weight_decay, 0, 1e6),
        ("layer_decay", layer_decay, 0.01, 1),
        ("label_smoothing", label_smoothing, 0, 1),
        ("ema", ema, 0, 1e6),
        ("patience", patience, 1, 10**6),
        ("until_accuracy", until_accuracy, 0.01, 1),
    ):
        if value is not None and not low <= value <= high:
            raise BadInput(label, f"got {value!r}", f"{low} to {high:g}")
    if loss not in OBJECTIVES:
        raise BadName("loss", loss, OBJECTIVES)
    if precision not in PRECISIONS:
        raise BadName("precision", precision, PRECISIONS)
    balanced, balance_why = balances.chosen(balance, y)
    return Recipe(
        name=name,
        epochs=int(epochs),
        batch_size=int(batch_size),
        optimizer=chosen,
        learning_rate=_RATES.get(chosen, 0.001) if learning_rate is None else float(learning_rate),
        momentum=preset.momentum if chosen == preset.optimizer else 0.9,
        schedule=schedule,
        warm_up=WARM_UP[schedule] if warm_up is None else float(warm_up),
        weight_decay=_DECAYS.get(chosen, 0.0) if weight_decay is None else float(weight_decay),
        layer_decay=float(layer_decay),
        loss=loss,
        label_smoothing=float(label_smoothing),
        ema=float(ema),
        augment=found,
        strength=augmentation.strength(int(epochs)) if augment == "auto" else 1.0,
        why=why,
        balance=balanced,
        balance_why=balance_why,
        patience=None if patience is None else int(patience),
        until_accuracy=None if until_accuracy is None else float(until_accuracy),
        precision=precision,
        cuda_graphs=cuda_graphs,
        seed=int(seed),
        views=int(views),
    )


FEW_STEPS = 240
"""Steps that a training should have, where batches of `SMALL_BATCH` images still give them."""
SMALL_BATCH = 32


def automatic_batch(images: int, epochs: int | None = None) -> int:
    """Images per step: small sets want many steps, large ones full ones; few epochs want more steps.

    A network learns by steps: in a single epoch small batches teach it more than large ones
    (docs/decisions/0049-what-a-training-costs.md).

    Args:
        images: in an epoch.
        epochs: of the training; None for many.

    Example:
        >>> automatic_batch(300), automatic_batch(1400), automatic_batch(60_000)
        (16, 64, 128)
        >>> automatic_batch(8500, epochs=1), automatic_batch(8500, epochs=10)
        (32, 128)
    """
    size = 16
    while size < 128 and images >= size * 40:
        size *= 2
    while epochs is not None and size > SMALL_BATCH and images // size * epochs < FEW_STEPS:
        size //= 2
    return size


def few_epochs(images: int, steps: int = 160) -> int:
    """So many epochs that a training has enough steps to say something, however few images there are.

    Example:
        >>> few_epochs(300), few_epochs(1400), few_epochs(8500)
        (9, 4, 1)
    """
    each = max(1, images // min(automatic_batch(images), SMALL_BATCH))
    return -(-steps // each)
