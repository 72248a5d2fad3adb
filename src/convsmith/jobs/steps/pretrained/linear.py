"""The pretrained network that fits, with a linear head and no training: a first finished network."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from ...running.job import ForgeJob
from ..full import Final, finish, finished, keep
from .cuts import Judged, np_concatenated, some

if TYPE_CHECKING:
    import numpy as np

NAME = "fits"
BEFORE = "before.safetensors"
"""Its weights with the head that has not learned from the validation images."""
MORE = 0.1
"""Of the time, for what the network makes of further images."""


def fits(job: ForgeJob, judged: Judged) -> Final:
    """The best cut that keeps the budget with logistic regression on its features, in finals/fits.

    The strength of the regression is chosen on the validation images; then they are learned from as well.
    Where the cuts were judged on a part of the images, it learns from more of them, as the time allows.
    """
    from ....engine.weights import save
    from ....pretrained.heads import best_logistic, logistic

    row = judged.fitting[0]
    graph = judged.graph(job, row)
    known = finished(job, NAME, graph)
    if known is not None:
        return known
    began, y, classes = time.perf_counter(), job.images.y, len(job.images.classes)
    share = share_of_images(job, judged, row)
    train, validation = some(job, "train", share), some(job, "validation", share)
    rows, many = np_concatenated(train, validation), len(train)
    seen, first = judged.seen(job, row, rows)
    without, accuracy, strength = best_logistic(seen[:many], y[train], seen[many:], y[validation], classes)
    weights = with_head(first, logistic(seen, y[rows], classes, strength))
    seconds = judged.record["seconds"] + time.perf_counter() - began
    final = Final(NAME, graph, weights, [], seconds, 0, accuracy)
    save(job.run.path / "finals" / NAME / BEFORE, with_head(first, without))
    save(job.run.path / "finals" / NAME / "weights.safetensors", weights)
    finish(job, final, recipe={"head": "logistic regression", "strength": strength})
    job.clock.save()
    stand(job, final)
    job.display.say(
        f"a first finished network: {graph.params:,} parameters, {accuracy:.1%} of validation images right"
    )
    return final


def stand(job: ForgeJob, final: Final) -> None:
    """Make this the run's own network where there is none yet: whatever happens next, there is one."""
    if not job.run.has("weights.safetensors"):
        keep(job, final)


def share_of_images(job: ForgeJob, judged: Judged, row: dict[str, Any]) -> float:
    """Of the training and validation images, as large a share as a part of the time allows for this network.

    Args:
        job: the job.
        judged: the source's cuts; the share that they were judged on is the least.
        row: of the network.
    """
    share = float(judged.record["images"])
    if job.clock.limit is None or share >= 1:
        return share
    seconds = judged.seconds_to(row) * len(job.rows("train", "validation"))
    return min(1.0, max(share, MORE * job.clock.limit / max(1e-9, seconds)))


def with_head(weights: dict[str, np.ndarray], head: object) -> dict[str, np.ndarray]:
    """The weights with this dense layer at their end."""
    from ....pretrained.members import HEAD

    return weights | {f"{HEAD}/kernel": head.kernel, f"{HEAD}/bias": head.bias}  # type: ignore[attr-defined]
