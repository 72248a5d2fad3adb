"""What a network costs: rows, totals, memory, receptive fields, budgets, tables; standard library only."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from .budget import Budget, Excess
from .ledger import Ledger, size
from .memory import liveness, peak_memory, training_memory
from .receptive import Field, fields
from .rows import Row, rows
from .totals import Totals, concentration
from .what_if import changed

if TYPE_CHECKING:
    from .comparison import Comparison, compare
    from .difference import Difference, diff
    from .picture import draw
    from .published.auditing import audit
    from .published.findings import Audit, Finding

# Loaded when touched, so that sizing a network does not pay for them.
_HOMES = {
    "audit": "published.auditing", "Audit": "published.findings", "Finding": "published.findings",
    "compare": "comparison",
    "Comparison": "comparison", "diff": "difference", "Difference": "difference", "draw": "picture",
}  # fmt: skip

__all__ = [
    "Audit", "Budget", "Comparison", "Difference", "Excess", "Field", "Finding", "Ledger", "Row", "Totals",
    "audit", "changed", "compare", "concentration", "diff", "draw", "fields", "liveness", "peak_memory",
    "rows", "size", "training_memory",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
