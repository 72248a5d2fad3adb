"""Fine-tuning: the few best cuts on the training images, then the best of them on validation images, too."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ...running.job import ForgeJob
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
LONGER = "tuned-longer"
"""The training of a candidate that goes on and is judged on validation images again."""
FEWEST = 2
"""Epochs without which fine-tuning is not begun: two bring back most of what a linear head gets wrong."""
FIRST = 0.3
"""Of the time for fine-tuning, for the trainings that choose."""
EACH = 2
"""Epochs of every candidate in them before there is another one."""
MOST = 3
"""Candidates."""
NEAR = 0.05
"""Share of images that a candidate's linear head may get wrong more often than the best one's of its kind."""
THIN = 0.15
"""The same for a thinned network beside one with all its channels: training brings back what it has lost."""
SETTLED = 0.985
"""A linear head that is right so often is not fine-tuned: so few images could not show that it helps."""
EPOCHS = 40
"""Of a training without a clock; and with one, what more than which is not worth a worse linear head."""
SHORT = 0.02
"""Share of images that half as many epochs cost, about: docs/decisions/0067-fine-tuning-in-few-epochs.md."""


def candidates(job: ForgeJob, judged: Judged, share: float = 1.0) -> list[dict[str, Any]]:
    """Rows of the table that are fine-tuned, the most promising first; kept in tuned.json.

    Args:
        job: the job.
        judged: the source's cuts.
        share: of the time that is left which fine-tuning has.
    """
    if not job.run.has(FILE):
        earlier = earlier_plan(job.options.plan, FILE)
        job.run.write_json(FILE, earlier or {"rows": _chosen(job, judged, share)})
    found: list[dict[str, Any]] = job.run.read_json(FILE)["rows"]
    return found


def _chosen(job: ForgeJob, judged: Judged, share: float) -> list[dict[str, Any]]:
    fitting = judged.fitting
    if fitting[0]["left_out"] >= SETTLED:
        return []
    if job.clock.limit is None:
        return fitting[:1]
    images = len(job.rows("train", "validation"))
    timed: list[dict[str, Any]] = []
    for row in fitting:
        each = seconds_of_epoch(job, judged.graph(job, row), images)
        left = share * (job.clock.left - after(job, judged, row))
        if left / each >= FEWEST:
            timed.append(row | {"seconds": round(left, 2), "epochs": left / each})
    found: list[dict[str, Any]] = []
    spent = 0.0
    for row in _in_turn(timed):
        each = row["seconds"] / row["epochs"]
        if found and FIRST * row["seconds"] < EACH * (spent + each):
            continue
        found.append({name: value for name, value in row.items() if name != "epochs"})
        spent += each
        if len(found) == MOST:
            break
    return found


def _promise(row: dict[str, Any]) -> float:
    """What a linear head gets right, less what a training that is too short leaves undone."""
    return float(row["left_out"]) - SHORT * max(0.0, math.log2(EPOCHS / row["epochs"]))


def _in_turn(timed: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows worth a training, each with how many epochs there is time for.

    The most promising; the best of the other kind (thinned or not); the best of those that cost half as
    much and so learn twice as long; then the others.
    """
    rows = sorted(timed, key=lambda row: (-_promise(row), row["macs"]))
    kinds: dict[bool, list[dict[str, Any]]] = {}
    for row in rows:
        alike = kinds.setdefault("keep" in row, [])
        behind = _promise(rows[0]) - _promise(row)
        near = not alike or _promise(row) >= _promise(alike[0]) - NEAR
        if near and behind <= (THIN if "keep" in row else NEAR):
            alike.append(row)
    worth = [row for row in rows if any(row in alike for alike in kinds.values())]
    first = [alike[0] for alike in kinds.values() if alike]
    first += [row for row in worth if row not in first and row["epochs"] >= 2 * first[0]["epochs"]][:1]
    return first + [row for row in worth if row not in first]


def after(job: ForgeJob, judged: Judged, row: dict[str, Any]) -> float:
    """Seconds to keep for what comes after the trainings of a row's network."""
    return seconds_after(job, judged.graph(job, row), judged.seconds_to(row))


def tune(job: ForgeJob, judged: Judged, taught: Lessons | None, rows: list[dict[str, Any]]) -> list[Final]:
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


def least_loss(tuned: list[Final]) -> Final:
    """The best of the candidates on validation images."""
    return min(tuned, key=lambda final: final.loss or 0.0)


def go_on(job: ForgeJob, judged: Judged, taught: Lessons | None, chosen: Final) -> Final:
    """The winner: the best candidate goes on from its own weights, on training and validation images."""
    return _further(job, judged, taught, chosen, "winner", ("train", "validation"))


def longer(job: ForgeJob, judged: Judged, taught: Lessons | None, chosen: Final) -> Final:
    """A candidate goes on from its own weights on the training images, and is judged again."""
    return _further(job, judged, taught, chosen, LONGER, ("train",))


def _further(
    job: ForgeJob, judged: Judged, taught: Lessons | None, chosen: Final, name: str, parts: tuple[str, ...]
) -> Final:
    rows = job.run.read_json(FILE)["rows"]
    row = rows[int(chosen.name.removeprefix("tuned-")) - 1]
    seconds = max(0.5, job.clock.left - after(job, judged, row))
    return _trained(
        job, name, chosen.graph, taught, seconds, len(job.rows(*parts)), parts, weights=chosen.weights,
        validation="validation" not in parts,
    )  # fmt: skip


def _trained(
    job: ForgeJob,
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
        epochs=int(job.options.epochs or EPOCHS),
    )  # fmt: skip
    size = input_size(graph)
    if taught is None:
        x_NHWC, y = job.part(*parts, size=size)
        lesson: dict[str, Any] = {
            "x": x_NHWC, "y": y, "augment": job.options.augment, "optimizer": "adamw",
            "learning_rate": RATE,
        }  # fmt: skip
    else:
        lesson = taught.of(graph, *parts)
    return full(
        job, name, graph, pace, lesson.pop("x"), lesson.pop("y"), weights=weights,
        validation=job.part("validation", size=size) if validation else None, **lesson,
    )  # fmt: skip


def _first(job: ForgeJob, judged: Judged, row: dict[str, Any], graph: Graph) -> dict[str, Any]:
    """The source's weights with a linear head that has seen the training images alone."""
    from ....pretrained.heads import logistic

    rows = np_concatenated(judged.train, judged.validation)
    seen, first = judged.seen(job, row, rows)
    head = logistic(seen[: len(judged.train)], job.images.y[judged.train], len(job.images.classes))
    return with_head(first, head)
