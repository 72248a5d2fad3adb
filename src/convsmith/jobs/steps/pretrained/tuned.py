"""Fine-tuning: the few best cuts on the training images, then the best of them on validation images, too."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ...running.job import Job
from ..full import Final, Pace, full
from ..judge import input_size
from ..searching.earlier import earlier_plan
from ..speed import seconds_after, seconds_of_epoch
from ..teaching.lessons import Lessons
from .cuts import Judged, np_concatenated
from .inheriting import RATE
from .linear import with_head

if TYPE_CHECKING:
    from ....graph import Graph

FILE = "tuned.json"
FEWEST = 12
"""Epochs without which fine-tuning is not begun."""
FIRST = 0.3
"""Of the time for fine-tuning, for the trainings that choose."""
EACH = 15
"""Epochs of every candidate before there is another one."""
MOST = 3
"""Candidates."""
NEAR = 0.05
"""Share of images that a candidate's linear head may get wrong more often than the best one's of its kind."""
THIN = 0.15
"""The same for a thinned network beside one with all its channels: training brings back what it has lost."""
SETTLED = 0.985
"""A linear head that is right so often is not fine-tuned: so few images could not show that it helps."""
EPOCHS = 40
"""Of a training without a clock."""


def candidates(job: Job, judged: Judged, share: float = 1.0) -> list[dict[str, Any]]:
    """Rows of the table that are fine-tuned, the most promising first; kept in tuned.json.

    Args:
        job: the job.
        judged: the source's cuts.
        share: of the time that is left which fine-tuning has.
    """
    if not job.run.has(FILE):
        earlier = earlier_plan(job.recipe["plan"], FILE)
        job.run.write_json(FILE, earlier or {"rows": _chosen(job, judged, share)})
    found: list[dict[str, Any]] = job.run.read_json(FILE)["rows"]
    return found


def _chosen(job: Job, judged: Judged, share: float) -> list[dict[str, Any]]:
    fitting = judged.fitting
    if fitting[0]["left_out"] >= SETTLED:
        return []
    if job.clock.limit is None:
        return fitting[:1]
    images = len(job.rows("train", "validation"))
    found: list[dict[str, Any]] = []
    seconds = 0.0
    for row in _in_turn(fitting):
        graph = judged.graph(job, row)
        left = share * (job.clock.left - after(job, judged, row))
        each = seconds_of_epoch(job, graph, images)
        if left / each < FEWEST or (found and FIRST * left < EACH * (seconds + each)):
            continue
        found.append(row | {"seconds": round(left, 2)})
        seconds += each
        if len(found) == MOST:
            break
    return found


def _in_turn(fitting: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows worth a training: the best, the best of the other kind (thinned or not), then the others."""
    kinds: dict[bool, list[dict[str, Any]]] = {}
    for row in fitting:
        rows = kinds.setdefault("keep" in row, [])
        behind = fitting[0]["left_out"] - row["left_out"]
        near = not rows or row["left_out"] >= rows[0]["left_out"] - NEAR
        if near and behind <= (THIN if "keep" in row else NEAR):
            rows.append(row)
    first = [rows[0] for rows in kinds.values() if rows]
    return first + [
        row for row in fitting if row not in first and any(row in rows for rows in kinds.values())
    ]


def after(job: Job, judged: Judged, row: dict[str, Any]) -> float:
    """Seconds to keep for what comes after the trainings of a row's network."""
    return seconds_after(job, judged.graph(job, row), judged.seconds_to(row))


def tune(job: Job, judged: Judged, taught: Lessons | None, rows: list[dict[str, Any]]) -> list[Final]:
    """Train each candidate on the training images, from the source's weights and a linear head.

    Returns:
        finals/tuned-1 and so on, each with its accuracy on the validation images.
    """
    found = []
    for number, row in enumerate(rows, 1):
        graph = judged.graph(job, row)
        seconds = math.inf if job.clock.limit is None else FIRST * row["seconds"] / len(rows)
        images = len(job.rows("train"))
        found.append(_trained(
            job, f"tuned-{number}", graph, taught, seconds, images, ("train",),
            weights=_first(job, judged, row, graph), validation=True,
        ))  # fmt: skip
    return found


def go_on(job: Job, judged: Judged, taught: Lessons | None, chosen: Final) -> Final:
    """The winner: the best candidate goes on from its own weights, on training and validation images."""
    rows = job.run.read_json(FILE)["rows"]
    row = rows[int(chosen.name.removeprefix("tuned-")) - 1]
    seconds = max(0.5, job.clock.left - after(job, judged, row))
    images = len(job.rows("train", "validation"))
    return _trained(
        job, "winner", chosen.graph, taught, seconds, images, ("train", "validation"), weights=chosen.weights
    )


def _trained(
    job: Job,
    name: str,
    graph: Graph,
    taught: Lessons | None,
    seconds: float,
    images: int,
    parts: tuple[str, ...],
    *,
    weights: dict[str, Any],
    validation: bool = False,
) -> Final:
    timed = job.clock.limit is not None
    pace = Pace(
        job, name, each=seconds_of_epoch(job, graph, images) if timed else 0.0, seconds=seconds,
        epochs=int(job.recipe["epochs"] or EPOCHS),
    )  # fmt: skip
    size = input_size(graph)
    if taught is None:
        x_NHWC, y = job.part(*parts, size=size)
        lesson = {
            "x": x_NHWC, "y": y, "augment": job.recipe["augment"], "optimizer": "adamw",
            "learning_rate": RATE,
        }  # fmt: skip
    else:
        lesson = taught.of(graph, *parts)
    return full(
        job, name, graph, pace, lesson.pop("x"), lesson.pop("y"), weights=weights,
        validation=job.part("validation", size=size) if validation else None, **lesson,
    )  # fmt: skip


def _first(job: Job, judged: Judged, row: dict[str, Any], graph: Graph) -> dict[str, Any]:
    """The source's weights with a linear head that has seen the training images alone."""
    from ....pretrained.heads import logistic

    rows = np_concatenated(judged.train, judged.validation)
    seen, first = judged.seen(job, row, rows)
    head = logistic(seen[: len(judged.train)], job.images.y[judged.train], len(job.images.classes))
    return with_head(first, head)
