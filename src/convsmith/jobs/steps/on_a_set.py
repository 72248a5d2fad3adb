"""The network's answers to a labelled set, counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...errors import BadInput

if TYPE_CHECKING:
    import numpy as np

    from ...engine.lower import Lowered
    from ..inputs.run_images import OwnImages
    from ..inputs.trained import Trained
    from ..running.progress import Display

AT_ONCE = 1024
"""Images between two steps of the progress."""


def judged_on(net: Trained, own: OwnImages, module: Lowered, display: Display) -> dict[str, Any]:
    """The network's answers to the images, counted.

    Args:
        net: the run.
        own: the images; of the run's own ones the test images count.
        module: the run's network, lowered.
        display: where progress is shown.

    Returns:
        What evaluations/NAME.json says of the set alone.

    Raises:
        BadInput: where no image is of a class that the network has.
    """
    import numpy as np

    from ...insight.mistakes import figures, most_confused
    from ...insight.selective import judged
    from ..inputs.logits import logits

    images = own.images
    rows = np.sort(own.rows("test"))
    known, others = rows[own.y[rows] >= 0], rows[(own.y[rows] < 0) & (images.y[rows] >= 0)]
    if not len(known):
        raise BadInput(images.source, "has no labelled image of the network's classes", "some of each")

    def said(of: np.ndarray, what: str) -> np.ndarray:
        parts = []
        with display.bar(what) as bar:
            for start in range(0, len(of), AT_ONCE):
                bar.update(start / len(of), what)
                parts.append(logits(module, np.asarray(own.pixels_NHWC[of[start : start + AT_ONCE]])))
        return np.concatenate(parts)

    y, seen = own.y[known], said(known, "images")
    names = list(net.classes)
    found = figures(y, net.rule.apply(seen)[0], names)
    there = {names[k] for k in np.unique(y)}
    result: dict[str, Any] = {
        "source": images.source,
        "fingerprint": images.fingerprint,
        "part": "test" if own.parts else "all",
        "images": len(y),
        "accuracy": found["test_accuracy"],
        "interval": found["interval"],
        "log_loss": found["log_loss"],
        "classes": names,
        "per_class": found["per_class"],
        "confusion": found["confusion"],
        "confused": most_confused(np.array(found["confusion"]), names),
        "missing": [name for name in names if name not in there],
        "unreadable": len(images.unreadable),
        "unlabelled": int((images.y[rows] < 0).sum()),
        "rule": net.rule.told(),
        "answers": judged(net.rule, y, seen, {}),
        "others": None,
    }
    if len(others):
        away = net.rule.apply(said(others, "images of other classes"))[1]
        labels, counts = np.unique(images.y[others], return_counts=True)
        result["others"] = {
            "n": len(others),
            "classes": {images.classes[k]: int(n) for k, n in zip(labels, counts, strict=True)},
            "rejected": None if net.rule.score is None else float(away.mean()),
        }
    return result
