"""Losses with Keras's definitions, and the cross-entropy fused with a softmax before it."""

from __future__ import annotations

from .base import EPSILON, LOSSES, reduced, same_rank, shares
from .entropy import cross_entropy, from_probabilities

__all__ = ["EPSILON", "LOSSES", "cross_entropy", "from_probabilities", "reduced", "same_rank", "shares"]
