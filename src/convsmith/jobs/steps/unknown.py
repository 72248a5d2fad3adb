"""What a run's network says of pictures that belong to no class, and a threshold to turn them away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .fooling import FOLDER

if TYPE_CHECKING:
    import numpy as np

    from ...runs import Run
    from ..running.progress import Display
    from ..using.classifier import Classifier

SHOWN = 6


def turned_away(
    asked: Classifier,
    run: Run,
    display: Display,
    x_NHWC: np.ndarray,
    *,
    others_NHWC: np.ndarray | None,
    fooling: dict[str, np.ndarray],
    seed: int,
) -> dict[str, Any]:
    """Score known images beside pictures of no class, and find the thresholds.

    The score and threshold that the run's rule of answering has are taken as they are.

    Args:
        x_NHWC: known images, held out.
        others_NHWC: the user's own pictures that belong to no class.
        fooling: kind -> fooling images, which are judged by the thresholds and not used to find their AUROC.

    Returns:
        What fool.json says.
    """
    from ...insight.pictures.tiles import png, row
    from ...insight.unknown import KEEP, SCORES, no_class, probability, thresholds

    kinds = no_class(x_NHWC, seed=seed)
    if others_NHWC is not None:
        kinds["other photos"] = others_NHWC
    known, said = asked.logits(x_NHWC), {}
    with display.bar("pictures of no class") as bar:
        for number, (kind, pictures) in enumerate(kinds.items()):
            bar.update(number / len(kinds), kind)
            said[kind] = asked.logits(pictures)
    rule = asked.net.rule
    fixed = {} if rule.score is None or rule.threshold is None else {rule.score: rule.threshold}
    scores = thresholds(known, said, fixed=fixed)
    for score in scores:
        compute = SCORES[score["score"]][1]
        score["fooling"] = {
            kind: float((compute(asked.logits(pictures).astype("float64")) >= score["threshold"]).mean())
            for kind, pictures in fooling.items()
        }
    rows = []
    for number, (kind, pictures) in enumerate(kinds.items()):
        file = f"unknown/{number}.png"
        run.write(f"{FOLDER}/{file}", png(row(list(pictures[:SHOWN]))))
        sure = probability(said[kind].astype("float64"))
        classes = asked.classes
        most = _commonest(said[kind].argmax(1))
        rows.append(
            {
                "kind": kind,
                "n": len(pictures),
                "file": file,
                "mean_confidence": float(sure.mean()),
                "over_90": float((sure >= 0.9).mean()),
                "taken_for": classes[most[0]],
                "taken_share": most[1],
            }
        )
    best = max(scores, key=lambda score: (score["score"] in fixed, score["auroc"]))
    display.say(
        f"pictures of no class: {best['name']} tells them apart "
        f"{'by the rule of answering' if fixed else 'best'}, AUROC {best['auroc']:.4f}; "
        f"with {best['kept']:.1%} of the known kept, {best['let_in']:.1%} get in"
    )
    return {
        "keep": KEEP, "known": len(x_NHWC), "kinds": rows, "scores": scores, "best": best["score"],
        "rule": bool(fixed),
    }  # fmt: skip


def _commonest(labels: np.ndarray) -> tuple[int, float]:
    import numpy as np

    counts = np.bincount(labels)
    return int(counts.argmax()), float(counts.max() / len(labels))
