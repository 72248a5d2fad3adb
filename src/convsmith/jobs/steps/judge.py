"""Step 4: the one look at the test images, for the winner and its baselines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..running.job import AnyJob, TrainJob
from .full import Final

if TYPE_CHECKING:
    import numpy as np

    from ...graph import Graph

ANSWERS = "answers.json"


def judge(job: AnyJob, finals: Mapping[str, Final]) -> tuple[dict[str, Any], np.ndarray]:
    """Accuracy with its interval, per-class figures, confusion matrix, baselines and budget.

    Returns:
        The record that becomes metrics.json once the latency is known, and the winner's probabilities on the
        test images, (N, classes).
    """
    from ...engine.predict import predict
    from ...insight.mistakes import figures

    names = list(job.images.classes)
    y = job.images.y[job.rows("test")]
    said = {
        name: predict(final.graph, job.part("test", size=input_size(final.graph))[0], weights=final.weights)
        for name, final in finals.items()
    }
    job.run.write_json(ANSWERS, _answers(job, said["winner"]))
    judged = {name: figures(y, probabilities, names) for name, probabilities in said.items()}
    metrics = dict(judged["winner"])
    found = [row["recall"] for row in metrics["per_class"] if row["recall"] is not None]
    metrics["balanced_accuracy"] = sum(found) / len(found)
    metrics["baselines"] = {}
    for name, final in finals.items():
        about = {
            "test_accuracy": judged[name]["test_accuracy"],
            "interval": judged[name]["interval"],
            "params": final.graph.params,
            "macs": final.graph.macs,
            "seconds": final.seconds,
            "epochs": final.epochs,
        }
        if name != "winner":
            metrics["baselines"][name] = about
        low, high = about["interval"]
        job.display.say(
            f"{name}: {about['test_accuracy']:.2%} of {len(y):,} test images right "
            f"(95% interval {low:.2%} to {high:.2%})"
        )
    return metrics, said["winner"]


def _answers(job: AnyJob, probabilities: np.ndarray) -> dict[str, list[float]]:
    """What the winner says of each test image: its position in the set, the class named, how surely."""
    return {
        "rows": job.rows("test").tolist(),
        "predicted": probabilities.argmax(1).tolist(),
        "confidence": [round(float(one), 4) for one in probabilities.max(1)],
    }


def input_size(graph: Graph) -> tuple[int, int]:
    """Rows and columns of the images that a network takes."""
    rows, columns, _ = graph.input_shape
    return int(rows or 0), int(columns or 0)


def judge_views(job: TrainJob, final: Final) -> dict[str, Any]:
    """The figure of several views of each test image, apart from the plain one; nothing where none is wanted.

    Returns:
        ``{"tta": {"views", "test_accuracy", "interval", "log_loss"}}`` or nothing.
    """
    from ...engine.predict import predict
    from ...engine.train.presets import PRESETS
    from ...engine.tta import automatic
    from ...insight.mistakes import figures

    tta = job.options.tta or PRESETS[job.options.recipe].tta
    if tta == "none":
        return {}
    if tta == "auto":
        tta = automatic(bool(job.run.read_json("training.json")["recipe"]["augment"]["flip"]))
    x_NHWC, y = job.part("test")
    said = predict(final.graph, x_NHWC, weights=final.weights, tta=tta)
    judged = figures(y, said, list(job.images.classes))
    job.display.say(f"mean of the views '{tta}': {judged['test_accuracy']:.2%}")
    kept = {name: judged[name] for name in ("test_accuracy", "interval", "log_loss")}
    return {"tta": {"views": tta, **kept}}
