"""How much of its accuracy a network keeps on spoiled images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import BadInput
from .corruptions import CORRUPTIONS, LARGE, SEVERITIES, corrupt
from .mistakes import wilson

if TYPE_CHECKING:
    import numpy as np


def robustness(
    predict: Callable[[np.ndarray], np.ndarray],
    x_NHWC: np.ndarray,
    y: np.ndarray,
    *,
    corruptions: Sequence[str] = tuple(CORRUPTIONS),
    seed: int = 0,
    on_each: Callable[[str, int], None] | None = None,
) -> dict[str, Any]:
    """Accuracy under each corruption at each severity, and what it comes to.

    Args:
        predict: uint8 (N, H, W, C) -> probabilities (N, classes).
        x_NHWC: uint8 images that the network was not trained on.
        y: true class numbers, (N,).
        corruptions: names of `CORRUPTIONS`.
        seed: of what is random in them.
        on_each: called before each (name, severity).

    Returns:
        clean (accuracy, right, interval), n, constants ("ImageNet-C" or "CIFAR-10-C"), corruptions (each
        with name, group, unit, mean, severities: severity, constant, right, accuracy, interval),
        mean_accuracy (over corruptions and severities), mean_error (1 less that: mCE before it is divided by
        AlexNet's), relative_error (how much more is wrong than on clean images, mean), kept (mean accuracy as
        a share of the clean one).

    Raises:
        BadInput: without images or corruptions.
    """
    if not len(y) or not corruptions:
        raise BadInput("robustness", f"{len(y)} images, {len(corruptions)} corruptions", "some of each")
    clean = _figures(predict(x_NHWC), y)
    rows: list[dict[str, Any]] = []
    for name in corruptions:
        severities = []
        for severity in SEVERITIES:
            if on_each:
                on_each(name, severity)
            said = predict(corrupt(x_NHWC, name, severity, seed=seed))
            constant = CORRUPTIONS[name].constants(min(x_NHWC.shape[1:3]))[severity - 1]
            severities.append({"severity": severity, "constant": float(constant), **_figures(said, y)})
        mean = sum(row["accuracy"] for row in severities) / len(severities)
        about = CORRUPTIONS[name]
        rows.append(
            {"name": name, "group": about.group, "unit": about.unit, "mean": mean, "severities": severities}
        )
    mean = sum(row["mean"] for row in rows) / len(rows)
    return {
        "n": len(y),
        "constants": "ImageNet-C" if min(x_NHWC.shape[1:3]) >= LARGE else "CIFAR-10-C",
        "clean": clean,
        "corruptions": rows,
        "mean_accuracy": mean,
        "mean_error": 1 - mean,
        "relative_error": clean["accuracy"] - mean,
        "kept": mean / clean["accuracy"] if clean["accuracy"] else None,
    }


def _figures(said_NK: np.ndarray, y: np.ndarray) -> dict[str, Any]:
    right = int((said_NK.argmax(1) == y).sum())
    return {"right": right, "accuracy": right / len(y), "interval": list(wilson(right, len(y)))}
