"""convsmith: images and a budget in; a finished convolutional network out.

The verbs are loaded when they are touched, so that importing convsmith takes no time. Their table is
`convsmith.verbs`; ``__init__.pyi`` is made from it for type checkers and editors.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    from .verbs import CLASSES, PYTHON

    if name == "__all__":  # a star import leaves Python's own list in its place
        return sorted({*PYTHON, *CLASSES} - {"list"})
    if name in CLASSES:
        return getattr(importlib.import_module(CLASSES[name]), name)
    if name not in PYTHON:
        raise AttributeError(f"module 'convsmith' has no attribute '{name}'")
    return PYTHON[name].function


def __dir__() -> list[str]:
    return sorted([*__getattr__("__all__"), "__version__", "list"])
