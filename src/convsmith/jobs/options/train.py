"""What train is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...options import define
from .common import JobOptions
from .training import Distillation, Engine, FineTuning, Training


@dataclass(frozen=True, kw_only=True)
class TrainOptions(Training, FineTuning, Distillation, Engine, JobOptions):
    """Everything that decides what a training ends with; its recipe.json."""

    network: Any = define(
        None, "a name in the zoo, a .keras or .json file; in Python also a Keras model or a Graph."
    )
