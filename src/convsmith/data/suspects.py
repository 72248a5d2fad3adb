"""Labels that a trained network's predictions speak against."""

from __future__ import annotations

import numpy as np

from ..errors import BadInput


def suspects(probabilities: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Images that are probably labelled wrongly, most suspect first.

    Confident learning (C. Northcutt, L. Jiang, I. Chuang, 2021, "Confident Learning: Estimating Uncertainty
    in Dataset Labels", section 3.1, the off-diagonal of the confident joint): a class is claimed for an image
    when its probability is at least the mean that images of that class get; an image whose most probable
    claimed class is not its label is suspect. The predictions must come from networks that were not trained
    on the image (k folds).

    Args:
        probabilities: (N, classes), rows that sum to 1, out of sample.
        labels: (N,) class numbers as given.

    Returns:
        Positions of the suspects and the class that each is claimed for, by falling margin.

    Example:
        >>> p = np.array([[.9, .1], [.8, .2], [.1, .9], [.2, .8], [.05, .95]])
        >>> suspects(p, np.array([0, 0, 1, 1, 0]))
        (array([4]), array([1]))
    """
    p, y = np.asarray(probabilities, np.float64), np.asarray(labels)
    if p.ndim != 2 or y.shape != (len(p),) or not np.isfinite(p).all():
        raise BadInput("suspects", f"probabilities {p.shape}, labels {y.shape}", "(N, classes) and (N,)")
    classes = p.shape[1]
    threshold = np.array([p[y == k, k].mean() if (y == k).any() else np.inf for k in range(classes)])
    claimed = np.where(p >= threshold, p, -1.0)
    best = claimed.argmax(axis=1)
    odd = np.flatnonzero((claimed.max(axis=1) >= 0) & (best != y))
    margin = p[odd, best[odd]] - p[odd, y[odd]]
    order = odd[np.argsort(-margin, kind="stable")]
    return order, best[order]
