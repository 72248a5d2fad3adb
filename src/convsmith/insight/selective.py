"""What it gains to answer only where a rule says so, and who is turned away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .answer_rule import AnswerRule
from .calibration import reliability, softmax
from .mistakes import wilson
from .unknown import SCORES

if TYPE_CHECKING:
    import numpy as np

SHARES = (0.0, 0.05, 0.10)
"""Of the images, turned away."""


def at_rejected(
    y: np.ndarray, logits_NK: np.ndarray, score: str, *, shares: Sequence[float] = SHARES
) -> list[dict[str, Any]]:
    """Accuracy on the images that are left when those of the lowest score are turned away.

    Selective classification (R. El-Yaniv, Y. Wiener, 2010).

    Args:
        y: true class numbers, (N,), at least one.
        logits_NK: the network's, (N, classes).
        score: "max_logit", "energy" or "probability".
        shares: of the images, turned away; rounded down to whole images, and one is always left.

    Returns:
        For each share: rejected, n (images left), accuracy, interval (Wilson, 95%).

    Example:
        >>> import numpy as np
        >>> logits = np.array([[9.0, 0.0], [8.0, 0.0], [0.0, 7.0], [0.2, 0.1]])
        >>> rows = at_rejected(np.array([0, 0, 1, 1]), logits, "max_logit", shares=(0, 0.25))
        >>> [row["accuracy"] for row in rows]
        [0.75, 1.0]
    """
    import numpy as np

    logits = logits_NK.astype(np.float64)
    right = (logits.argmax(1) == y)[np.argsort(SCORES[score][1](logits), kind="stable")]
    rows = []
    for share in shares:
        left = right[min(int(share * len(right)), len(right) - 1) :]
        correct = int(left.sum())
        rows.append(
            {
                "rejected": share,
                "n": len(left),
                "accuracy": correct / len(left),
                "interval": list(wilson(correct, len(left))),
            }
        )
    return rows


def judged(
    rule: AnswerRule, y: np.ndarray, logits_NK: np.ndarray, unknown: Mapping[str, np.ndarray]
) -> dict[str, Any]:
    """How a rule does on images that it was not fitted on.

    Args:
        rule: the rule.
        y: true class numbers, (N,), at least one.
        logits_NK: the network's, (N, classes).
        unknown: kind -> its logits on pictures of no class, (M, classes) each; may be empty.

    Returns:
        images; ece and calibrated_ece (before and after the temperature); score (the rule's, else the largest
        probability) and at, as `at_rejected` has them; where the rule turns away: rejected (share of the
        images), rejected_interval, answered_accuracy (None where nothing is answered), and no_class: n,
        rejected, interval, kinds (kind -> share).
    """
    import numpy as np

    p, away = rule.apply(logits_NK)
    score = rule.score or "probability"
    found: dict[str, Any] = {
        "images": len(y),
        "ece": reliability(y, softmax(logits_NK.astype(np.float64)))["ece"],
        "calibrated_ece": reliability(y, p)["ece"],
        "score": score,
        "at": at_rejected(y, logits_NK, score),
    }
    if rule.score is None:
        return found
    kept, gone = ~away, int(away.sum())
    found |= {
        "rejected": gone / len(y),
        "rejected_interval": list(wilson(gone, len(y))),
        "answered_accuracy": float((p.argmax(1) == y)[kept].mean()) if kept.any() else None,
    }
    if unknown:
        turned = {kind: rule.apply(logits)[1] for kind, logits in unknown.items()}
        every = np.concatenate(list(turned.values()))
        found["no_class"] = {
            "n": len(every),
            "rejected": float(every.mean()),
            "interval": list(wilson(int(every.sum()), len(every))),
            "kinds": {kind: float(one.mean()) for kind, one in turned.items()},
        }
    return found
