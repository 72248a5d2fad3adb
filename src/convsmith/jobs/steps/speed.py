"""How fast networks are trained here, from a few images of one of them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ..running.job import ForgeJob
from ..running.threads import FILE as THREADS
from ..running.threads import set_threads
from .searching.earlier import earlier_plan

if TYPE_CHECKING:
    from ...graph import Graph

FILE = "speed.json"
PASSES = 4
"""Over the test images: judged, the first network judged, and the exported file beside the engine."""
IMAGES = 48
"""That are enough to measure with: each step of a network for photographs takes long."""


def measure_speed(job: ForgeJob, graph: Graph, size: tuple[int, int]) -> None:
    """Choose torch's threads, and note the seconds of a network's training in speed.json.

    Args:
        job: the job.
        graph: a network within the budget.
        size: rows and columns of its images.
    """
    from ...engine.loop import fit
    from ...ledger.effort import effort

    asked = job.options.threads or (earlier_plan(job.options.plan, THREADS) or {}).get("threads")
    rows = job.rows("train")[:IMAGES]
    x_NHWC, y = job.pixels(size)[rows], job.images.y[rows]
    set_threads(job.run, asked, graph, x_NHWC, y)
    if job.run.has(FILE) or job.clock.limit is None:
        return
    began = time.perf_counter()
    fit(graph, x_NHWC, y, epochs=1)
    seconds = time.perf_counter() - began
    job.run.write_json(FILE, {"each": seconds / (len(rows) * effort(graph))})


def seconds_of_epoch(job: ForgeJob, graph: Graph, images: int) -> float:
    """Seconds of an epoch of a training, by how much work it is (`ledger.effort`)."""
    from ...ledger.effort import effort

    return float(job.run.read_json(FILE)["each"]) * effort(graph) * images


def seconds_after(job: ForgeJob, graph: Graph, each: float) -> float:
    """Seconds to keep for what comes after the trainings: most of it is the evidence for the heatmaps.

    Args:
        job: the job.
        graph: the network.
        each: seconds that an image takes through it.
    """
    from ...insight.evidence.verdict import looks

    images = looks(graph) + PASSES * len(job.rows("test"))
    return 5.0 + 0.01 * (job.clock.limit or 0.0) + each * images
