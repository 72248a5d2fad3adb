"""Every ATen operator that is read, and how."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import moving, numbers, over, windows

RULES: dict[str, Callable[..., Any]] = {
    **windows.RULES, **numbers.RULES, **moving.RULES, **over.RULES,
}  # fmt: skip
"""Operator -> a function of the walk and the call that gives its output, or a list of them."""
