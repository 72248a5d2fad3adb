"""Labels that are probably wrong: C. Northcutt, L. Jiang, I. Chuang, "Confident Learning", 2021."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..errors import BadInput

if TYPE_CHECKING:
    import numpy as np


def suspected_labels(
    y: np.ndarray, probabilities: np.ndarray, names: Sequence[str], *, most: int | None = None
) -> list[dict[str, Any]]:
    """Images whose label the network confidently disputes, the surest first.

    A class's threshold is the network's mean confidence in it on the images that bear it. An image is
    suspected where the likeliest class above its own threshold is not its label. The probabilities must be of
    images that the network was not trained on; an ambiguous image is suspected as well as a mislabelled one.

    Args:
        y: the given class numbers, (N,).
        probabilities: the network's, (N, classes), out of sample.
        names: the classes' names.
        most: how many at most; all without it.

    Returns:
        Rows with index, given, suggested, confidence_given, confidence_suggested; ordered by the difference
        of the two confidences.

    Raises:
        BadInput: for shapes that do not belong together.
    """
    import numpy as np

    y, p = np.asarray(y), np.asarray(probabilities, np.float64)
    if p.shape != (len(y), len(names)):
        raise BadInput("suspected labels", f"probabilities {p.shape}", f"({len(y)}, {len(names)})")
    thresholds = np.array([p[y == k, k].mean() if (y == k).any() else np.inf for k in range(len(names))])
    sure = np.where(p >= thresholds, p, -1)
    best = sure.argmax(1)
    rows = [
        {
            "index": int(n),
            "given": names[y[n]],
            "suggested": names[best[n]],
            "confidence_given": float(p[n, y[n]]),
            "confidence_suggested": float(p[n, best[n]]),
        }
        for n in np.flatnonzero((sure.max(1) >= 0) & (best != y))
    ]
    rows.sort(key=lambda row: row["confidence_given"] - row["confidence_suggested"])
    return rows[:most]
