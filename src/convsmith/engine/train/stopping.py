"""When a training ends before its last planned epoch, and which epoch counts: decided by its history.

The history is in every checkpoint, so a training that goes on after a crash decides the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def best(history: Sequence[Mapping[str, Any]]) -> int:
    """The place of the best epoch: most validation images right; then the smallest loss on them; the first.

    Args:
        history: one record per epoch, with val_accuracy and val_loss.

    Example:
        >>> best([{"val_accuracy": 0.5, "val_loss": 1}, {"val_accuracy": 0.8, "val_loss": 0.5},
        ...       {"val_accuracy": 0.8, "val_loss": 0.6}])
        1
    """
    return max(range(len(history)), key=lambda at: (_merit(history[at]), -at))


def stops(
    history: Sequence[Mapping[str, Any]], *, patience: int | None, until_accuracy: float | None
) -> bool:
    """Whether a training ends here.

    Args:
        history: one record per epoch so far.
        patience: how many epochs may follow the best one; None for all.
        until_accuracy: the share of validation images that is enough; None for no such end.

    Example:
        >>> records = [{"val_accuracy": a, "val_loss": 1 - a} for a in (0.5, 0.9, 0.8, 0.85)]
        >>> [stops(records[:n], patience=2, until_accuracy=None) for n in (2, 3, 4)]
        [False, False, True]
        >>> stops(records[:2], patience=None, until_accuracy=0.9)
        True
    """
    if not history:
        return False
    if until_accuracy is not None and history[-1]["val_accuracy"] >= until_accuracy:
        return True
    return patience is not None and len(history) - 1 - best(history) >= patience


def _merit(record: Mapping[str, Any]) -> tuple[float, float]:
    return float(record["val_accuracy"]), -float(record["val_loss"])
