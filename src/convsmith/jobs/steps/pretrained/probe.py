"""Who gets the time: the pretrained network, the search, or both; decided by validation images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...running.job import ForgeJob
from ..full import Final, Pace, full
from ..searching.earlier import earlier_plan
from ..searching.latency import measure_or_predict
from ..searching.own_space import has_members, space_of
from ..speed import seconds_of_epoch

if TYPE_CHECKING:
    from ....graph import Graph

FILE = "arms.json"
SHARE = 0.1
"""Of the time, for the probe of the search."""
SURE, SHORT = 0.9, 300.0
"""A pretrained network that is right so often needs no probe where there are fewer seconds than this."""
SETTLED = 0.97
"""One that is right so often needs none at all: nothing could be better by more than chance."""
FEWEST = 2
"""Epochs that say something of a network that begins with random numbers."""


def leads(share: float, other: float, images: int) -> tuple[float, float, float]:
    """By how much one share of images is above another: difference, and its 95% interval."""
    from ....insight.mistakes import wilson
    from ....reports.verdict import difference

    ends = [wilson(round(one * images), images) for one in (share, other)]
    return difference(share, ends[0], other, ends[1])


def whose_turn(job: ForgeJob, head: Final) -> str:
    """ "pretrained", "searched" or "both"; kept in arms.json, with why.

    Args:
        job: the job.
        head: the pretrained network that fits, with a linear head.
    """
    if not job.run.has(FILE):
        job.run.write_json(FILE, earlier_plan(job.options.plan, FILE) or _decided(job, head))
    record = job.run.read_json(FILE)
    job.display.say(record["why"])
    return str(record["arm"])


def after_tuning(job: ForgeJob, tuned: Final) -> str:
    """Where both were to have their part: whether fine-tuned, the pretrained network has the time after all.

    A linear head says less than a training that is as long as the probe's; written to arms.json.

    Args:
        job: the job.
        tuned: the best of the fine-tuned networks, after their first trainings.
    """
    record = job.run.read_json(FILE)
    if record["arm"] == "both" and record.get("probe") and "tuned" not in record:
        share, other = tuned.validation or 0.0, float(record["probe"]["validation"])
        record |= {"tuned": share, "difference": list(leads(share, other, len(job.rows("validation"))))}
        if record["difference"][1] > 0:
            record["arm"] = "pretrained"
            record["why"] = (
                f"on validation images the pretrained network, fine-tuned for {tuned.seconds:.0f} s, has "
                f"{share:.1%}, one trained for {record['probe']['seconds']:.0f} s from random numbers "
                f"{other:.1%}: no search"
            )
        job.run.write_json(FILE, record)
        job.display.say(record["why"])
    return str(record["arm"])


def _decided(job: ForgeJob, head: Final) -> dict[str, Any]:
    share, limit = head.validation or 0.0, job.clock.limit
    if has_members(job):
        why = "the space is that of the pretrained network's members: the search has the time"
        return {"arm": "searched", "why": why, "probe": None}
    if limit is None:
        return {"arm": "both", "why": "both the pretrained network and the search are trained", "probe": None}
    if share >= SETTLED or (share >= SURE and limit < SHORT):
        why = f"the pretrained network has {share:.1%} on validation images: no search"
        return {"arm": "pretrained", "why": why, "probe": None}
    probed = _probe(job)
    if probed is None:
        why = "the time is too short to try a network that begins with random numbers: no search"
        return {"arm": "pretrained", "why": why, "probe": None}
    count, other = len(job.rows("validation")), probed.validation or 0.0
    apart, low, high = leads(share, other, count)
    arm = "pretrained" if low > 0 else "searched" if high < 0 else "both"
    told = {"pretrained": "no search", "searched": "the search has the time", "both": "both have their part"}
    why = (
        f"on validation images the pretrained network has {share:.1%}, one trained for "
        f"{probed.seconds:.0f} s from random numbers {other:.1%}: {told[arm]}"
    )
    about = {
        "validation": other, "seconds": probed.seconds, "epochs": probed.epochs,
        "params": probed.graph.params, "macs": probed.graph.macs,
    }  # fmt: skip
    return {"arm": arm, "why": why, "probe": about, "difference": [apart, low, high]}


def _probe(job: ForgeJob) -> Final | None:
    """A middling network of the space, within the budget, trained for a tenth of the time; None: no time."""
    seconds = SHARE * (job.clock.limit or 0.0)
    graph = _middling(job)
    if graph is None:
        return None
    each = seconds_of_epoch(job, graph, len(job.rows("train")))
    if each * FEWEST > seconds:
        return None
    pace = Pace(job, "probe", each=each, seconds=seconds, epochs=FEWEST)
    x_NHWC, y = job.part("train")
    return full(
        job, "probe", graph, pace, x_NHWC, y,
        validation=job.part("validation"), augment=job.options.augment,
    )  # fmt: skip


def _middling(job: ForgeJob) -> Graph | None:
    import numpy as np

    from ....nas.budget.fitting import Infeasible, fit_to_budget

    space, rng = space_of(job), np.random.default_rng(job.options.seed)
    try:
        return space.graph(
            fit_to_budget(space, space.complete({}), job.budget, rng, latency_ms=measure_or_predict(job))
        )
    except Infeasible:
        return None
