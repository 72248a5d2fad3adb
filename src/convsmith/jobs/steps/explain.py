"""Step 5: what the network looked at, on a few images that it got right and on its surest mistakes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..running.job import AnyJob
from .full import Final

if TYPE_CHECKING:
    import numpy as np

METHOD = "grad_cam"
FILES = ("explain/explain.json", "explain/evidence.json")
RIGHT, WRONG = 6, 24
"""How many images at most of either kind."""


def explain(job: AnyJob, final: Final, probabilities: np.ndarray) -> None:
    """Write explain/: a picture for each chosen test image, the maps, and the evidence for them.

    A network for which the method is not valid has no pictures, and the reason instead.

    Args:
        probabilities: the network's, on the test images, (N, classes).
    """
    import numpy as np

    from ...engine.lower import lower
    from ...insight.evidence.learned import Answered
    from ...insight.evidence.verdict import evidence
    from ...insight.explain import explain as explain_images
    from ...insight.target import Refused

    x_NHWC, y = job.part("test")
    said = probabilities.argmax(1)
    chosen = _chosen(y, probabilities)
    net = lower(final.graph, final.weights)
    net.eval()
    try:
        found = explain_images(
            net, x_NHWC[chosen], method=METHOD, target=tuple(int(label) for label in said[chosen])
        )
    except Refused as refusal:
        job.run.write_json("explain/explain.json", [])
        job.run.write_json("explain/evidence.json", {"method": METHOD, "refused": str(refusal)})
        job.display.say(f"no heatmaps: {refusal}")
        return
    classes, photos = job.images.classes, job.images[np.sort(job.split.test)]
    about: list[dict[str, Any]] = [
        {
            "index": int(row),
            "name": photos.names[row],
            "true": classes[y[row]],
            "predicted": classes[said[row]],
            "confidence": float(probabilities[row, said[row]]),
            "right": bool(said[row] == y[row]),
        }
        for row in chosen
    ]
    originals = [photos.image(int(row)) for row in chosen]
    found.save(job.run.path / "explain", originals=originals, classes=classes, about=about)
    home = job.run.path / "explain"
    knows = Answered(int((said == y).sum()), len(y), int(np.bincount(y).max()))
    with job.display.bar("evidence") as bar:
        proof = evidence(net, found, answered=knows, cache=home / "evidence", on_step=bar.update)
    job.run.write_json("explain/evidence.json", proof)
    wrong = sum(not row["right"] for row in about)
    everything = int((said != y).sum())
    job.display.say(
        f"{METHOD}: {len(chosen) - wrong} images that it got right, "
        f"{wrong} of {everything} that it got wrong, the surest first"
    )
    job.display.say(f"evidence: {proof['badge']}")
    for test in proof["tests"]:
        job.display.say(f"    {'passed' if test['passed'] else 'FAILED'}  {test['says']}")


def _chosen(y: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Rows of the test images to explain: right ones of different classes, then the surest mistakes."""
    import numpy as np

    from ...insight.mistakes import surest_wrong

    right = np.flatnonzero(probabilities.argmax(1) == y)
    order = right[np.argsort(-probabilities[right].max(1), kind="stable")]
    first_of_class = [order[y[order] == label][:1] for label in np.unique(y[order])]
    several = np.concatenate([*first_of_class, order])
    _, first = np.unique(several, return_index=True)
    right_rows = several[np.sort(first)][:RIGHT]
    return np.concatenate([right_rows, surest_wrong(y, probabilities, WRONG)]).astype(np.int64)
