"""The pretrained network that fits, with a linear head and no training: a first finished network."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ..job import Job
from .cuts import Judged, np_concatenated
from .full import Final, finish, finished

if TYPE_CHECKING:
    import numpy as np

NAME = "fits"


def fits(job: Job, judged: Judged) -> Final:
    """The best cut that keeps the budget with logistic regression on its features, in finals/fits.

    The strength of the regression is chosen on the validation images; then they are learned from as well.
    """
    from ...engine.weights import save
    from ...pretrained.heads import best_logistic, logistic

    row = judged.fitting[0]
    graph = judged.graph(job, row)
    known = finished(job, NAME, graph)
    if known is not None:
        return known
    began, y, classes = time.perf_counter(), job.images.y, len(job.images.classes)
    rows = np_concatenated(judged.train, judged.validation)
    seen, first = judged.seen(job, row, rows)
    many = len(judged.train)
    _, accuracy, strength = best_logistic(
        seen[:many], y[judged.train], seen[many:], y[judged.validation], classes
    )
    weights = with_head(first, logistic(seen, y[rows], classes, strength))
    seconds = judged.record["seconds"] + time.perf_counter() - began
    final = Final(NAME, graph, weights, [], seconds, 0, accuracy)
    save(job.run.path / "finals" / NAME / "weights.safetensors", weights)
    finish(job, final, recipe={"head": "logistic regression", "strength": strength})
    job.clock.save()
    job.display.say(
        f"a first finished network: {graph.params:,} parameters, {accuracy:.1%} of validation images right"
    )
    return final


def with_head(weights: dict[str, np.ndarray], head: object) -> dict[str, np.ndarray]:
    """The weights with this dense layer at their end."""
    from ...pretrained.members import HEAD

    return weights | {f"{HEAD}/kernel": head.kernel, f"{HEAD}/bias": head.bias}  # type: ignore[attr-defined]
