"""What a network costs: rows, totals, memory, receptive fields, budgets, tables; standard library only."""

from .audit import audit
from .budget import Budget, Excess
from .findings import Audit, Finding
from .ledger import Ledger, size
from .memory import liveness, peak_memory, training_memory
from .receptive import Field, fields
from .rows import Row, rows
from .totals import Totals, concentration

__all__ = [
    "Audit", "Budget", "Excess", "Field", "Finding", "Ledger", "Row", "Totals", "audit", "concentration",
    "fields", "liveness", "peak_memory", "rows", "size", "training_memory",
]  # fmt: skip
