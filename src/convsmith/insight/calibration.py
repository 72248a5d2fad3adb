"""Whether confidence means what it says, and a threshold below which the network should not answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import BadInput
from .mistakes import wilson

if TYPE_CHECKING:
    import numpy as np


def reliability(y: np.ndarray, probabilities: np.ndarray, *, bins: int = 15) -> dict[str, Any]:
    """Confidence against accuracy, in bins of equal width (C. Guo et al., 2017).

    Args:
        y: true class numbers, (N,).
        probabilities: the network's, (N, classes).
        bins: how many.

    Returns:
        ece (expected calibration error: the mean gap between confidence and accuracy, weighted by the images
        in a bin), largest_gap (over bins of at least 10 images, else 0), and bins: low, high, n, confidence,
        accuracy, interval (Wilson, 95%); bins without images are left out.
    """
    import numpy as np

    confidence, right = probabilities.max(1).astype(np.float64), probabilities.argmax(1) == np.asarray(y)
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    rows, ece, largest = [], 0.0, 0.0
    for number in range(bins):
        inside = place == number
        n = int(inside.sum())
        if not n:
            continue
        sure, correct = float(confidence[inside].mean()), int(right[inside].sum())
        gap = abs(sure - correct / n)
        ece += n / len(confidence) * gap
        largest = max(largest, gap if n >= 10 else 0.0)
        rows.append(
            {
                "low": number / bins,
                "high": (number + 1) / bins,
                "n": n,
                "confidence": sure,
                "accuracy": correct / n,
                "interval": list(wilson(correct, n)),
            }
        )
    return {"ece": ece, "largest_gap": largest, "bins": rows}


def temperature(y: np.ndarray, probabilities: np.ndarray) -> float:
    """The number by which to divide the logits so that confidences are as right as they can be (Guo et al.).

    It minimises the log loss and changes no prediction. Fit it on validation images, never on the test's. One
    image more is counted as of the class that the network puts second (P. Laplace's rule of succession, as J.
    Platt, 1999, smooths his targets): a network that gets all images right would else be made sure beyond any
    bound.

    Args:
        y: true class numbers, (N,).
        probabilities: the network's, (N, classes); their logarithms serve as logits.

    Returns:
        Above 1 where the network is too sure, below where it is not sure enough; within 0.05 to 20.

    Raises:
        BadInput: without images.

    Example:
        >>> import numpy as np
        >>> sure = np.array([[0.99, 0.01]] * 4)  # right only three times in four
        >>> temperature(np.array([0, 0, 0, 1]), sure) > 3
        True
    """
    import numpy as np

    if not len(y):
        raise BadInput("temperature", "no images", "at least one", "the validation split")
    logits = np.log(np.clip(probabilities.astype(np.float64), 1e-30, None))
    rows = np.arange(len(logits))
    second = np.argsort(logits, 1, kind="stable")[:, -2] if logits.shape[1] > 1 else np.zeros(len(rows), int)
    their = (logits[rows, y] * len(rows) + logits[rows, second]) / (len(rows) + 1)

    def loss(log_t: float) -> float:
        return float((energy(logits / np.exp(log_t)) - their / np.exp(log_t)).mean())

    low, high = np.log(0.05), np.log(20.0)
    golden = (5**0.5 - 1) / 2
    a, b = high - golden * (high - low), low + golden * (high - low)
    at_a, at_b = loss(a), loss(b)
    while high - low > 1e-6:  # the loss has one valley in 1/T, and so in log T
        if at_a < at_b:
            high, b, at_b = b, a, at_a
            a = high - golden * (high - low)
            at_a = loss(a)
        else:
            low, a, at_a = a, b, at_b
            b = low + golden * (high - low)
            at_b = loss(b)
    return float(np.exp((low + high) / 2))


def tempered(probabilities: np.ndarray, by: float) -> np.ndarray:
    """The probabilities after the logits are divided by a temperature.

    Example:
        >>> import numpy as np
        >>> tempered(np.array([[0.8, 0.2]]), 2.0).round(3).tolist()
        [[0.667, 0.333]]
    """
    import numpy as np

    return softmax(np.log(np.clip(probabilities.astype(np.float64), 1e-30, None)) / by)


def softmax(logits_NK: np.ndarray) -> np.ndarray:
    """Logits as probabilities, (N, classes).

    Example:
        >>> import numpy as np
        >>> softmax(np.array([[0.0, np.log(3.0)]])).round(2).tolist()
        [[0.25, 0.75]]
    """
    import numpy as np

    raised = np.exp(logits_NK - logits_NK.max(1, keepdims=True))
    return raised / raised.sum(1, keepdims=True)


def energy(logits_NK: np.ndarray) -> np.ndarray:
    """How much at home an image is in the network's world: log Σ exp(logit) (W. Liu et al., 2020), (N,)."""
    import numpy as np

    top = logits_NK.max(1)
    return top + np.log(np.exp(logits_NK - top[:, None]).sum(1))


def rejection(
    known_N: np.ndarray, unknown_M: np.ndarray, *, keep: float = 0.95, threshold: float | None = None
) -> dict[str, float]:
    """A threshold on a score that separates images of the classes from pictures of nothing known.

    Args:
        known_N: the score (largest logit, `energy`, confidence) of validation images.
        unknown_M: the score of pictures that belong to no class.
        keep: which share of the known images must stay above the threshold.
        threshold: one that was decided on elsewhere, instead of the one that keeps so many.

    Returns:
        auroc (the chance that a known image scores above an unknown one, ties half), threshold, kept (share
        of the known at or above it), let_in (share of the unknown at or above it).

    Raises:
        BadInput: where one of the two is empty.
    """
    import numpy as np

    known, unknown = np.sort(np.asarray(known_N, np.float64)), np.asarray(unknown_M, np.float64)
    if not len(known) or not len(unknown):
        raise BadInput("rejection", f"{len(known)} known and {len(unknown)} unknown images", "some of each")
    below = np.searchsorted(known, unknown, side="left")
    ties = np.searchsorted(known, unknown, side="right") - below
    auroc = 1 - float((below + ties / 2).mean()) / len(known)
    threshold = float(known[int((1 - keep) * len(known))]) if threshold is None else threshold
    return {
        "auroc": auroc,
        "threshold": threshold,
        "kept": float((known >= threshold).mean()),
        "let_in": float((unknown >= threshold).mean()),
    }
