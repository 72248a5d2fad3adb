"""Keras's optimizers with Keras's definitions and defaults, on lists of tensors at once."""

from __future__ import annotations

from .base import OPTIMIZERS, Optimizer, optimizer

__all__ = ["OPTIMIZERS", "Optimizer", "optimizer"]
