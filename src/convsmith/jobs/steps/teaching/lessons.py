"""What students learn from: views of the images, and what the whole pretrained network says of each."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ....errors import BadInput
from ...running.job import ForgeJob
from ..judge import input_size
from ..pretrained.cuts import Judged, np_concatenated, place_of
from ..pretrained.inheriting import RATE
from ..pretrained.places import features
from ..pretrained.probe import leads
from ..searching.earlier import earlier_plan

if TYPE_CHECKING:
    import numpy as np

    from ....graph import Graph
    from ....pretrained.bank import Bank
    from ....pretrained.heads import Head

FILE = "teacher.json"
SHARE = 0.25
"""Of the time, for the teacher's answers."""
HALF = 0.5
"""Of the time that is left, at most."""
VIEWS, FEWEST = 10, 3
"""Of each image, at most and at least."""
RENDERED = 1.3
"""Times the seconds of the network that a view takes, with its rendering."""
FINEST = 224
"""Pixels of the longer side that views are cut from."""
LEARNED = 2000
"""Views that the teacher's own head learns from, at most."""
TEMPERATURE, WEIGHT = 2.0, 0.9
"""Of the lessons, as measured (docs/decisions/0061-members-of-a-pretrained-network.md)."""


@dataclass
class Lessons:
    """A teacher, and the views that it has seen.

    Args:
        job: the job.
        record: what is written to teacher.json.
        bank: the views of the training and validation images.
        answers: what the teacher's trunk makes of each, (images, views, channels); or what a teacher of one's
            own says, (images, views, classes), where no head is chosen ("strength") in the record.
        rows: positions of these images.
    """

    job: ForgeJob
    record: dict[str, Any]
    bank: Bank
    answers: np.ndarray
    rows: np.ndarray
    _heads: dict[tuple[str, ...], Head] = field(default_factory=dict)

    def of(self, graph: Graph, *names: str) -> dict[str, Any]:
        """Arguments of `engine.loop.fit` by which a network learns from these parts' views.

        Args:
            graph: the student.
            names: of the parts of the split; the teacher's head has learned from no others.
        """
        import numpy as np

        from ....data.view import selected
        from ....engine.train.teacher import Teacher

        views = int(self.record["views"])
        places = np.searchsorted(self.rows, self.job.rows(*names))
        with self.job.display.bar("views") as bar:
            shape = (*input_size(graph), self.job.working.channels)
            pixels = self.bank.pixels(shape, progress=lambda share: bar.update(share, "views"))
        lines = (places[:, None] * views + np.arange(views)).ravel()
        seen = self.answers[places].reshape(len(lines), -1).astype(np.float32)
        y = np.repeat(self.job.images.y[self.rows[places]], views)
        logits = self._head(names).logits(seen) if "strength" in self.record else seen
        return {
            "x": selected(pixels, lines), "y": y, "views": views, "augment": "none", "optimizer": "adamw",
            "learning_rate": RATE, "teacher": Teacher(logits, temperature=TEMPERATURE, weight=WEIGHT),
        }  # fmt: skip

    def _head(self, names: tuple[str, ...]) -> Head:
        """The teacher's head, from some views of these parts' images."""
        import numpy as np

        from ....pretrained.heads import logistic

        if names not in self._heads:
            places = np.searchsorted(self.rows, self.job.rows(*names))
            views = max(1, min(int(self.record["views"]), LEARNED // len(places)))
            seen = self.answers[places, :views]
            y = np.repeat(self.job.images.y[self.rows[places]], views)
            self._heads[names] = logistic(
                seen.reshape(len(y), -1).astype(np.float32), y, len(self.job.images.classes),
                self.record["strength"],
            )  # fmt: skip
        return self._heads[names]


def lessons(
    job: ForgeJob, judged: Judged, better_than: float, *, surely: bool = False, made: Lessons | None = None
) -> Lessons | None:
    """The whole source as a teacher, where there is time for its answers and it is better than its students.

    It is no candidate and never returned. Writes teacher.json.

    Args:
        job: the job.
        judged: the source's cuts.
        better_than: share of validation images that is right without it.
        surely: whether it must be better by more than chance.
        made: the lessons that others were given already.
    """
    if job.options.teacher == "none":
        return None
    if not job.run.has(FILE):
        earlier = earlier_plan(job.options.plan, FILE)
        job.run.write_json(FILE, earlier or _chosen(job, judged, better_than))
    record = {"name": judged.source.name} | job.run.read_json(FILE)
    if "sha256" in record:
        came = f"{job.options.plan} had a teacher of its own, {record['name']}"
        raise BadInput("--plan", came, "the same teacher", f"--teacher {record['name']}")
    why = record.get("why")
    if why is None and surely:
        images = len(judged.validation)
        if leads(record["validation"], better_than, images)[1] <= 0:
            why = _not_better(record["validation"], better_than, " by more than chance")
    if why is not None:
        job.display.say(f"no teacher: {why}")
        return None
    if made is not None:
        return made
    began = time.perf_counter()
    found = _made(job, judged, record)
    if "seconds" not in record:
        record["seconds"] = round(time.perf_counter() - began, 2)
        job.run.write_json(FILE, record)
    job.clock.save()
    job.display.say(
        f"teacher: {judged.source.name} at {'x'.join(map(str, record['sides']))}, {record['params']:,} "
        f"parameters, {record['validation']:.1%} on validation images; {record['views']} views of each image "
        f"in {record['seconds']:.0f} s"
    )
    return found


def _chosen(job: ForgeJob, judged: Judged, better_than: float) -> dict[str, Any]:
    """Which size the teacher works at, how many views there is time for, and how good it is."""
    from ....pretrained.heads import best_logistic

    count = len(job.rows("train", "validation"))
    limit = job.clock.limit
    allowed = float("inf") if limit is None else min(SHARE * limit, HALF * job.clock.left)
    for row in judged.whole():
        each = RENDERED * judged.seconds_each(row) * count
        views = int(min(VIEWS, allowed // each))
        if views >= FEWEST:
            break
    else:
        return {"views": 0, "why": f"no time for its answers to {count:,} images"}
    rows, y, many = np_concatenated(judged.train, judged.validation), job.images.y, len(judged.train)
    seen = features(job, judged.source, place_of(row), rows)[row["cut"]]
    _, accuracy, strength = best_logistic(
        seen[:many], y[judged.train], seen[many:], y[judged.validation], len(job.images.classes)
    )
    about = {name: row[name] for name in ("cut", "size", "sides", "params", "macs")}
    if accuracy <= better_than:
        return {"views": 0, "why": _not_better(accuracy, better_than)}
    about["name"] = judged.source.name
    return {**about, "views": views, "validation": accuracy, "strength": strength}


def _not_better(its: float, better_than: float, by: str = "") -> str:
    return f"it has {its:.1%} on validation images, and what it would teach {better_than:.1%}: not more{by}"


def _made(job: ForgeJob, judged: Judged, record: dict[str, Any]) -> Lessons:
    from ....data.resolution import resolution
    from ....pretrained.features import Features

    place = place_of(record)
    finest = place.size
    if place.size == place.sides and not job.options.size:
        finest = max(finest, resolution(job.images, most=FINEST).size)
    bank, rows = bank_of(job, record, finest)
    seer = Features(judged.source, (*place.sides, job.working.channels), [record["cut"]])
    with job.display.bar("teacher") as bar:
        answers = bank.features(
            seer, judged.source.sha256, progress=lambda share: bar.update(share, "the teacher's answers")
        )
    return Lessons(job, record, bank, answers, rows)


def bank_of(job: ForgeJob, record: dict[str, Any], finest: tuple[int, int]) -> tuple[Bank, np.ndarray]:
    """The views of the training and validation images, and the positions of these.

    Args:
        job: the job.
        record: what is written to teacher.json.
        finest: rows and columns of the images that views are cut from.
    """
    from ....data.view import selected
    from ....engine.recipe import recipe
    from ....pretrained.bank import Bank

    rows = job.rows("train", "validation")
    x_NHWC = selected(job.pixels(finest), rows)
    flips = bool(recipe(x_NHWC[:256], job.images.y[rows[:256]], augment=job.options.augment).augment.flip)
    key = f"{job.images.fingerprint}{rows.tobytes().hex()}"
    return Bank(x_NHWC, key, int(record["views"]), job.options.seed, flips, job.cache), rows
