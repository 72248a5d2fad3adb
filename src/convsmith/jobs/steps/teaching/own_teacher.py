"""A trained network of one's own as the teacher: what it says of views of the images."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ....errors import BadInput
from ....reports.words import listed
from ....units import counted
from ...inputs.trained import is_known, opened
from ...running.job import ForgeJob
from ..judge import input_size
from ..pretrained.source import check_unseen
from ..searching.earlier import earlier_plan
from .lessons import FEWEST, FILE, FINEST, HALF, RENDERED, SHARE, VIEWS, Lessons, bank_of

if TYPE_CHECKING:
    import numpy as np
    import torch

    from ....graph import Graph

TIMED = 16
"""Images whose time through the teacher is measured."""
FLAG = "--teacher"


@dataclass(frozen=True)
class OwnTeacher:
    """A network that teaches, and is never a candidate.

    Args:
        name: the run folder or file.
        graph: the network.
        weights: full name -> array.
        sha256: of the file of its weights.
    """

    name: str
    graph: Graph
    weights: dict[str, np.ndarray]
    sha256: str


class Answers:
    """What a network says of raw pixels of any size, as `pretrained.bank.Bank.features` asks for it."""

    cuts: tuple[str, ...] = ("answers",)

    def __init__(self, own: OwnTeacher) -> None:
        from ....engine.lower import lower
        from ....engine.lowered.passes import INFERENCE
        from ....graph.fold import fold

        rows, columns, channels = own.graph.input_shape
        self.shape = (int(rows or 0), int(columns or 0), int(channels or 0))
        self._graph = own.graph
        self._module = lower(*fold(own.graph, own.weights), passes=INFERENCE)

    def of(self, x_NCHW: torch.Tensor) -> list[np.ndarray]:
        """Its logits, (N, classes)."""
        import torch

        from ....engine.train.teacher import resized, scores

        with torch.inference_mode():
            return [scores(self._module, resized(x_NCHW, self._graph)).numpy()]


def own_teacher(job: ForgeJob) -> OwnTeacher | None:
    """The network that the recipe's `teacher` names; None where it names none.

    Raises:
        BadInput: where it cannot be read, tells other classes apart, or learned from images that this run
            tests on.
    """
    from ....data.files.download import checksum

    wanted = job.options.teacher
    if wanted in ("auto", "none"):
        return None
    if not is_known(wanted):
        raise BadInput(FLAG, f"'{wanted}' is gone", "what the run began with")
    check_unseen(job, wanted, FLAG)
    graph, weights, classes = opened(wanted)
    ours = job.images.classes
    if (classes and classes != ours) or graph.output_shape != (len(ours),):
        knows = listed(classes[:6]) if classes else counted(graph.output_shape[-1] or 0, "class", "classes")
        raise BadInput(
            FLAG, f"{wanted} tells {knows} apart", f"the classes of these images, {listed(ours[:6])}",
            f"a network for these classes, or {FLAG} none",
        )  # fmt: skip
    path = Path(wanted)
    found = OwnTeacher(
        wanted, graph, weights, checksum(path if path.is_file() else path / "weights.safetensors")
    )
    if job.run.has(FILE) and job.run.read_json(FILE).get("sha256") != found.sha256:
        came = "is another file now than the run began with"
        raise BadInput(f"{FLAG} {wanted}", came, "the same weights", "a run of its own: another --seed")
    plan = job.options.plan
    if plan is not None:
        theirs = earlier_plan(plan, FILE) if (Path(plan) / FILE).exists() else {}
        if theirs.get("sha256") != found.sha256:
            raise BadInput(FLAG, f"{wanted} did not teach in {plan}", "the teacher of the plan", "no --plan")
    return found


def own_lessons(job: ForgeJob, own: OwnTeacher) -> Lessons | None:
    """Its answers to views of the training and validation images; None where there is no time for them.

    Writes teacher.json.
    """
    seer = Answers(own)
    if not job.run.has(FILE):
        job.run.write_json(FILE, earlier_plan(job.options.plan, FILE) or _chosen(job, own, seer))
    record = job.run.read_json(FILE)
    if not record["views"]:
        job.display.say(f"no teacher: {record['why']}")
        return None
    began = time.perf_counter()
    bank, rows = bank_of(job, record, _finest(job, own.graph))
    with job.display.bar("teacher") as bar:
        answers = bank.features(
            seer, own.sha256, progress=lambda share: bar.update(share, "the teacher's answers")
        )
    if "seconds" not in record:
        record["seconds"] = round(time.perf_counter() - began, 2)
        job.run.write_json(FILE, record)
    job.clock.save()
    job.display.say(
        f"teacher: {own.graph.name} of {own.name}, {record['params']:,} parameters, "
        f"{record['validation']:.1%} on validation images; {record['views']} views of each image "
        f"in {record['seconds']:.0f} s"
    )
    return Lessons(job, record, bank, answers, rows)


def _finest(job: ForgeJob, graph: Graph) -> tuple[int, int]:
    """Rows and columns of the images that views are cut from."""
    from ....data.resolution import resolution

    if job.options.size:
        return job.working.size
    return resolution(job.images, most=max(FINEST, *input_size(graph))).size


def _chosen(job: ForgeJob, own: OwnTeacher, seer: Answers) -> dict[str, Any]:
    """How many views there is time for, how good it is, and what it costs."""
    import numpy as np

    from ....engine.predict import to_NCHW

    size, limit = input_size(own.graph), job.clock.limit
    x_NHWC, y = job.part("validation", size=size)
    seen = []
    began = time.perf_counter()
    for start in range(0, len(y), TIMED):
        seen.append(seer.of(to_NCHW(np.asarray(x_NHWC[start : start + TIMED])))[0])
    each = RENDERED * (time.perf_counter() - began) / len(y)
    right = float((np.concatenate(seen).argmax(1) == y).mean())
    about = {
        "name": own.name, "sha256": own.sha256, "size": list(size), "sides": list(size),
        "params": own.graph.params, "macs": own.graph.macs, "validation": right,
    }  # fmt: skip
    count = len(job.rows("train", "validation"))
    allowed = float("inf") if limit is None else min(SHARE * limit, HALF * job.clock.left)
    views = int(min(VIEWS, allowed // (each * count)))
    if views < FEWEST:
        return about | {"views": 0, "why": f"no time for its answers to {count:,} images"}
    return about | {"views": views}
