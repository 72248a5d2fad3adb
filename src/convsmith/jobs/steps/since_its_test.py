"""A labelled set beside the run's own test, and its images beside those that the network was trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...errors import BadInput
from ...insight.difference import CHANCE

if TYPE_CHECKING:
    import numpy as np

    from ...engine.lower import Lowered
    from ..inputs.run_images import OwnImages
    from ..inputs.trained import Trained

MEASURED = 2000
"""Images of either set whose looks are measured, at most."""
ALIKE = 0.8
"""Correlation of two pictures that show the same, at least."""


def compared(net: Trained, own: OwnImages, module: Lowered, found: dict[str, Any]) -> dict[str, Any]:
    """The figures beside the run's own test, and the images beside those that it was trained on.

    Args:
        net: the run.
        own: the images.
        module: the run's network, lowered.
        found: what `on_a_set.judged_on` says of them.

    Returns:
        against, moved, drift, shares, seen_before and notes of evaluations/NAME.json; drift and shares are
        None where the run's own images are gone.
    """
    from ...runs import Run
    from ..inputs.run_images import own_images

    run = Run.open(net.path)
    said: list[str] = []
    metrics = run.read_json("metrics.json") if run.has("metrics.json") else {}
    base: OwnImages | None = None
    try:
        base = own if own.parts else own_images(net)
    except BadInput as error:
        said.append(f"what has moved in the images was not measured: {error}")
    if own.parts:
        said.append("these are the run's own images: only its test images count")
    drift, shares = (None, None) if base is None else _drift(base, own, net.classes)
    paired = None if base is None or own.parts else _paired(base, own, module)
    return {
        "against": _against(found, metrics, paired),
        "moved": _classes_moved(found["per_class"], metrics.get("per_class") or []),
        "drift": drift,
        "shares": shares,
        "seen_before": 0 if base is None or own.parts else _seen_before(base, own),
        "notes": said,
    }


def _against(
    found: dict[str, Any], metrics: dict[str, Any], paired: tuple[int, int, int] | None
) -> dict[str, Any] | None:
    """Whether the accuracy differs from that of the run's own test by more than chance."""
    from ...insight.difference import fisher, mcnemar, newcombe

    if not metrics.get("n_test"):
        return None
    n, other = int(metrics["n_test"]), int(found["images"])
    right, other_right = round(metrics["test_accuracy"] * n), round(found["accuracy"] * other)
    interval: tuple[float, float] | None = newcombe(right, n, other_right, other)
    if found["part"] == "test":
        chance, test = 1.0, "the same images"
    elif paired is not None:
        only_then, only_now, of = paired
        chance, test, interval = mcnemar(only_then, only_now), f"McNemar's test on {of:,} pairs", None
    else:
        chance, test = fisher(right, n, other_right, other), "Fisher's exact test"
    return {
        "test_accuracy": right / n,
        "n_test": n,
        "difference": other_right / other - right / n,
        "interval": interval and list(interval),
        "test": test,
        "p": chance,
        "more_than_chance": chance < CHANCE,
    }


def _paired(base: OwnImages, own: OwnImages, module: Lowered) -> tuple[int, int, int] | None:
    """Of pictures of the run's own test that are there again: right only then, right only now, and how many.

    They are the same where all have a test image's name and class, and look alike: taken again, compressed,
    or in other light. None where they are others.
    """
    import numpy as np

    from ..inputs.logits import logits

    rows = np.flatnonzero(own.y >= 0)
    place = {base.images.names[row]: int(row) for row in base.parts["test"]}
    names = own.images.names
    if not all(names[row] in place for row in rows):
        return None
    then = np.array([place[names[row]] for row in rows])
    if not np.array_equal(base.y[then], own.y[rows]) or _alike(base, then, own, rows) < ALIKE:
        return None
    right = [
        logits(module, np.asarray(images.pixels_NHWC[of])).argmax(1) == own.y[rows]
        for images, of in ((base, then), (own, rows))
    ]
    return int((right[0] & ~right[1]).sum()), int((right[1] & ~right[0]).sum()), len(rows)


def _alike(base: OwnImages, then: np.ndarray, own: OwnImages, now: np.ndarray) -> float:
    """The median correlation of small grey versions of pairs of pictures."""
    import numpy as np

    found = []
    for images, rows in ((base, then), (own, now)):
        looks = images.images.seen["look"][rows].reshape(len(rows), -1).astype(np.float64)
        looks -= looks.mean(1, keepdims=True)
        found.append(looks / np.maximum(np.linalg.norm(looks, axis=1, keepdims=True), 1e-9))
    return float(np.median((found[0] * found[1]).sum(1)))


def _classes_moved(now: list[dict[str, Any]], then: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """For each class that both sets have, its recall in both; whether they differ, all classes considered."""
    from ...insight.difference import fisher, holm

    before = {row["class"]: row for row in then if row.get("n")}
    rows = [(before[row["class"]], row) for row in now if row["n"] and row["class"] in before]
    chances = holm([fisher(a["correct"], a["n"], b["correct"], b["n"]) for a, b in rows])
    return [
        {"class": b["class"], "then": a["recall"], "now": b["recall"], "p": p, "more_than_chance": p < CHANCE}
        for (a, b), p in zip(rows, chances, strict=True)
    ]


def _drift(base: OwnImages, own: OwnImages, classes: tuple[str, ...]) -> tuple[Any, Any]:
    """How the images look beside the training images, and how large a part of them each class is."""
    import numpy as np

    from ...insight.attributes import attributes
    from ...insight.difference import moved
    from ...insight.mistakes import wilson
    from ..inputs.heldout import evenly

    measured, counts = [], []
    for images, part in ((base, "train"), (own, "test")):
        rows = np.sort(images.rows(part))
        known = rows[images.y[rows] >= 0]
        counts.append(np.bincount(images.y[known], minlength=len(classes)))
        some = evenly(known, MEASURED)
        seen = images.images.seen[some]
        size = {"size": np.sqrt(seen["height"].astype(float) * seen["width"])}
        measured.append(size | attributes(np.asarray(images.pixels_NHWC[some])))
    drift = {name: moved(measured[0][name], measured[1][name]) for name in measured[0]}
    then, now = (many / max(1, many.sum()) for many in counts)
    shares = [
        {
            "class": name, "then": float(then[k]), "now": float(now[k]),
            "interval": list(wilson(int(counts[1][k]), int(counts[1].sum()))),
        }
        for k, name in enumerate(classes)
    ]  # fmt: skip
    return drift, shares


def _seen_before(base: OwnImages, own: OwnImages) -> int:
    """Images with the very pixels of one that the network was trained on."""
    import numpy as np

    learned = np.concatenate([base.parts[part] for part in base.learned])
    known = set(map(bytes, base.images.seen["content"][learned]))
    return sum(bytes(content) in known for content in own.images.seen["content"])
