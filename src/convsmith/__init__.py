"""convsmith: images and a budget in; a finished convolutional network out.

The verbs are loaded when they are touched, so that importing convsmith takes no time.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .data import read
    from .engine.keras.calls import evaluate, fit, predict
    from .jobs.explain import explain
    from .jobs.export import export
    from .jobs.fool import fool
    from .jobs.forge import forge
    from .jobs.mistakes import mistakes
    from .jobs.robustness import robustness
    from .jobs.search import search
    from .jobs.style import style
    from .jobs.train import train
    from .jobs.units import see_units
    from .ledger import audit, compare, diff, draw, size
    from .reports import report

__version__ = "0.1.0"

_VERBS = {
    "read": "data",
    "size": "ledger",
    "draw": "ledger",
    "compare": "ledger",
    "diff": "ledger",
    "audit": "ledger",
    "fit": "engine.keras.calls",
    "predict": "engine.keras.calls",
    "evaluate": "engine.keras.calls",
    "train": "jobs.train",
    "search": "jobs.search",
    "forge": "jobs.forge",
    "explain": "jobs.explain",
    "fool": "jobs.fool",
    "robustness": "jobs.robustness",
    "style": "jobs.style",
    "see_units": "jobs.units",
    "mistakes": "jobs.mistakes",
    "export": "jobs.export",
    "report": "reports",
}

__all__ = [
    "audit", "compare", "diff", "draw", "evaluate", "explain", "export", "fit", "fool", "forge", "mistakes",
    "predict", "read", "report", "robustness", "search", "see_units", "size", "style", "train",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _VERBS:
        raise AttributeError(f"module 'convsmith' has no attribute '{name}'")
    return getattr(importlib.import_module(f"convsmith.{_VERBS[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
