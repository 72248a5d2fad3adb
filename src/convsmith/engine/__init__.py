"""The engine: a Graph as a torch module, trained with Keras's semantics, faster."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .fit import fit as fit_model
    from .loop import Fitted, TrainingFailed, fit
    from .lower import Lowered, lower
    from .predict import evaluate, predict

_HOMES = {
    "Fitted": "loop", "TrainingFailed": "loop", "fit": "loop", "Lowered": "lower", "lower": "lower",
    "evaluate": "predict", "predict": "predict",
}  # fmt: skip

__all__ = ["Fitted", "Lowered", "TrainingFailed", "evaluate", "fit", "fit_model", "lower", "predict"]


def __getattr__(name: str) -> Any:
    # Loaded when touched: importing the room must not import torch.
    if name == "fit_model":
        return importlib.import_module(".fit", __name__).fit
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
