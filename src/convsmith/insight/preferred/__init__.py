"""Images made by optimisation, that a unit answers to more than to any photograph."""

from __future__ import annotations

from .fourier import fourier
from .yosinski import SETTINGS, Regularisers, yosinski

__all__ = ["SETTINGS", "Regularisers", "fourier", "yosinski"]
