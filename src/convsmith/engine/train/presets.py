"""Recipes by name: what the settings of a training are where nobody gives them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Preset:
    """Settings of one training; None is chosen from the images or the optimizer.

    Args:
        note: what it is for, in one line.
        epochs: passes over the images.
        batch_size: images per step.
        optimizer: name.
        learning_rate: the largest of the training.
        momentum: of sgd.
        schedule: name.
        warm_up: share of the training in which the rate rises.
        weight_decay: decoupled, on kernels only.
        label_smoothing: share of each target spread over all classes.
        ema: how many epochs the average of the weights looks back; at most a twentieth of the training.
        augment: a policy's name, or a policy's fields.
        tta: how test images are varied; see `engine.tta`.
    """

    note: str
    epochs: int = 20
    batch_size: int | None = None
    optimizer: str = "adamw"
    learning_rate: float | None = None
    momentum: float = 0.9
    schedule: str = "one_cycle"
    warm_up: float | None = None
    weight_decay: float | None = None
    label_smoothing: float = 0.1
    ema: float = 1.0
    augment: str | Mapping[str, Any] = "auto"
    tta: str = "none"


PRESETS: Mapping[str, Preset] = {
    "auto": Preset("sound values for any images"),
    "plain": Preset(
        "Keras's defaults: SGD at 0.01 in batches of 32, nothing else",
        batch_size=32, optimizer="sgd", learning_rate=0.01, momentum=0.0, schedule="constant",
        weight_decay=0.0, label_smoothing=0.0, ema=0.0, augment="none",
    ),
    "fast": Preset(
        "as few epochs as possible: photos mirrored and moved by whole pixels, characters left alone",
        epochs=10, batch_size=64, augment="light", tta="auto",
    ),
}  # fmt: skip
"""Name of a recipe -> its settings."""
