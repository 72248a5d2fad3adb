"""What a network costs: rows, totals, memory, receptive fields, budgets, tables; standard library only."""

from .audit import audit
from .budget import Budget, Excess
from .compare import Comparison, compare
from .difference import Difference, diff
from .findings import Audit, Finding
from .ledger import Ledger, size
from .memory import liveness, peak_memory, training_memory
from .picture import draw
from .receptive import Field, fields
from .rows import Row, rows
from .totals import Totals, concentration
from .what_if import changed

__all__ = [
    "Audit", "Budget", "Comparison", "Difference", "Excess", "Field", "Finding", "Ledger", "Row", "Totals",
    "audit", "changed", "compare", "concentration", "diff", "draw", "fields", "liveness", "peak_memory",
    "rows", "size", "training_memory",
]  # fmt: skip
