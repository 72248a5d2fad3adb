"""Where a network is wrong: accuracy and its interval, per class, what is taken for what, surest mistakes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

from ..errors import BadInput

if TYPE_CHECKING:
    import numpy as np


def wilson(successes: int, n: int, *, confidence: float = 0.95) -> tuple[float, float]:
    """The interval that a share's true value lies in, from `successes` of `n` (E. B. Wilson, 1927).

    Args:
        successes: how many were right.
        n: how many there were; for 0 the interval is (0, 1).
        confidence: how often such intervals hold the true value.

    Raises:
        BadInput: for impossible counts.

    Example:
        >>> low, high = wilson(98, 100)
        >>> round(low, 4), round(high, 4)
        (0.93, 0.9945)
    """
    if not 0 <= successes <= n or not 0 < confidence < 1:
        raise BadInput(
            "wilson", f"{successes} of {n} at {confidence}", "0 <= successes <= n", "wilson(98, 100)"
        )
    if n == 0:
        return 0.0, 1.0
    z2 = NormalDist().inv_cdf((1 + confidence) / 2) ** 2
    share = successes / n
    middle = share + z2 / (2 * n)
    half = math.sqrt(z2 * (share * (1 - share) / n + z2 / (4 * n * n)))
    low, high = (middle - half) / (1 + z2 / n), (middle + half) / (1 + z2 / n)
    return (0.0 if successes == 0 else low), (1.0 if successes == n else high)


def confusion(y: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """How often each class (row) is taken for each class (column).

    Args:
        y: true class numbers, (N,).
        predicted: said class numbers, (N,).
        classes: how many classes there are.

    Returns:
        Counts, (classes, classes), int64.

    Example:
        >>> import numpy as np
        >>> confusion(np.array([0, 0, 1]), np.array([0, 1, 1]), 2).tolist()
        [[1, 1], [0, 1]]
    """
    import numpy as np

    y, predicted = np.asarray(y), np.asarray(predicted)
    if len(y) != len(predicted):
        raise BadInput("confusion", f"{len(y)} labels and {len(predicted)} predictions", "one for each")
    both = np.concatenate([y, predicted])
    if len(both) and not (both.min() >= 0 and both.max() < classes):
        raise BadInput("confusion", f"class numbers {both.min()} to {both.max()}", f"0 to {classes - 1}")
    return np.bincount(y * classes + predicted, minlength=classes * classes).reshape(classes, classes)


def per_class(counts: np.ndarray, names: Sequence[str], *, confidence: float = 0.95) -> list[dict[str, Any]]:
    """For each class how many of its images are found, and how many that are called so are it.

    Args:
        counts: as `confusion` gives it.
        names: the classes' names.
        confidence: of the recall's Wilson interval.

    Returns:
        Rows with class, n, correct, recall, precision, f1, interval; None where nothing can be divided.
    """
    rows = []
    for k, name in enumerate(names):
        n, said, right = int(counts[k].sum()), int(counts[:, k].sum()), int(counts[k, k])
        rows.append(
            {
                "class": name,
                "n": n,
                "correct": right,
                "recall": right / n if n else None,
                "precision": right / said if said else None,
                "f1": 2 * right / (n + said) if n + said else None,
                "interval": list(wilson(right, n, confidence=confidence)) if n else None,
            }
        )
    return rows


def figures(y: np.ndarray, probabilities: np.ndarray, names: Sequence[str]) -> dict[str, Any]:
    """What a test says, ready for metrics.json.

    Args:
        y: true class numbers, (N,).
        probabilities: the network's, (N, classes).
        names: the classes' names.

    Returns:
        test_accuracy, interval (Wilson, 95%), n_test, log_loss (nats), per_class, confusion.

    Raises:
        BadInput: for shapes that do not belong together, or probabilities that are not numbers.
    """
    import numpy as np

    y, probabilities = np.asarray(y), np.asarray(probabilities)
    if probabilities.shape != (len(y), len(names)):
        raise BadInput("figures", f"probabilities {probabilities.shape}", f"({len(y)}, {len(names)})")
    if not np.isfinite(probabilities).all():
        raise BadInput(
            "figures", "probabilities with NaN or infinity", "finite numbers", "a lower learning rate"
        )
    counts = confusion(y, probabilities.argmax(1), len(names))
    right = int(np.trace(counts))
    of_true = probabilities[np.arange(len(y)), y].astype(np.float64)
    return {
        "test_accuracy": right / len(y) if len(y) else None,
        "interval": list(wilson(right, len(y))),
        "n_test": len(y),
        "log_loss": float(-np.log(np.clip(of_true, 1e-7, 1)).mean()) if len(y) else None,
        "per_class": per_class(counts, names),
        "confusion": counts.tolist(),
    }


def surest_wrong(y: np.ndarray, probabilities: np.ndarray, most: int | None = None) -> np.ndarray:
    """The images that the network is wrong about, the surest first.

    Args:
        y: true class numbers, (N,).
        probabilities: the network's, (N, classes).
        most: how many at most; all without it.

    Returns:
        Places in `y`, int64.

    Example:
        >>> import numpy as np
        >>> surest_wrong(np.array([0, 0, 1]), np.array([[0.4, 0.6], [0.1, 0.9], [0.2, 0.8]])).tolist()
        [1, 0]
    """
    import numpy as np

    wrong = np.flatnonzero(probabilities.argmax(1) != np.asarray(y))
    order = np.argsort(-probabilities[wrong].max(1), kind="stable")
    return wrong[order][:most].astype(np.int64)


def most_confused(counts: np.ndarray, names: Sequence[str], most: int = 12) -> list[dict[str, Any]]:
    """The pairs of classes that are most often taken for one another.

    Args:
        counts: as `confusion` gives it.
        names: the classes' names.
        most: how many pairs.

    Returns:
        Rows with true, predicted, count and share (of the true class's images), most frequent first.
    """
    rows: list[dict[str, Any]] = [
        {"true": names[i], "predicted": names[j], "count": int(n), "share": int(n) / int(row.sum())}
        for i, row in enumerate(counts)
        for j, n in enumerate(row)
        if i != j and n
    ]
    rows.sort(key=lambda row: (-row["count"], -row["share"]))
    return rows[:most]
