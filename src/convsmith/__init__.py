"""convsmith: images and a budget in; a finished convolutional network out.

The verbs are loaded when they are touched, so that importing convsmith takes no time. Their table is
`convsmith.verbs`; ``__init__.pyi`` is made from it for type checkers and editors.
"""

from __future__ import annotations

from typing import Any

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    from .verbs import PYTHON

    if name == "__all__":
        return sorted(PYTHON)
    if name not in PYTHON:
        raise AttributeError(f"module 'convsmith' has no attribute '{name}'")
    return PYTHON[name].function


def __dir__() -> list[str]:
    return sorted([*__getattr__("__all__"), "__version__"])
