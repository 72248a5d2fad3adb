"""Step 2: the pretrained network: judged, a first finished network, and whose the rest of the time is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ...running.job import ForgeJob
from ...running.threads import FILE as THREADS
from ..full import Final, keep
from ..searching.own_space import has_members
from ..speed import measure_speed
from ..teaching.lessons import Lessons, lessons
from ..teaching.own_teacher import OwnTeacher, own_lessons
from ..train import train
from .cuts import Judged, judge_cuts
from .linear import fits, stand
from .places import member_at, places_for
from .probe import FILE as ARMS
from .probe import after_tuning, leads, whose_turn
from .source import source_for
from .tuned import LONGER, candidates, go_on, least_loss, longer, tune

if TYPE_CHECKING:
    from ....nas.search import Found
    from ....pretrained import Source

FILE = "chosen.json"
BOTH = 0.4
"""Of the time that is left, for fine-tuning where the search has its part, too."""
AHEAD = 0.75
"""A teacher of networks that are fine-tuned makes at most this share of their errors."""


@dataclass(frozen=True)
class Known:
    """What a job starts from.

    Args:
        judged: the source's cuts.
        head: the pretrained network that fits, with a linear head.
        arm: whose time it is: "pretrained", "searched" or "both".
    """

    judged: Judged
    head: Final
    arm: str


def start_from_known(job: ForgeJob) -> tuple[ForgeJob, Known | None]:
    """Judge the pretrained network and finish a first one.

    Returns:
        The job with its source, and None where none is used, which is said.
    """
    source = source_for(job)
    if source is None:
        return job, None
    job = replace(job, source=source)
    if not job.run.has(ARMS):
        _measure(job, source)
    judged = judge_cuts(job, source)
    if judged is None:
        (job.run.path / THREADS).unlink(missing_ok=True)
        return job, None
    if job.run.has(ARMS):
        _measure(job, source)
    head = fits(job, judged)
    stand(job, head)
    is_new = not job.run.has(ARMS)
    arm = whose_turn(job, head)
    if is_new and arm == "searched":
        (job.run.path / THREADS).unlink(missing_ok=True)  # its networks are of another kind
    if arm == "both" and job.clock.limit is not None and job.options.teacher in ("auto", "none"):
        tuned = tune(job, judged, None, candidates(job, judged, BOTH))
        if tuned:
            arm = after_tuning(job, least_loss(tuned))
    return job, Known(judged, head, arm)


def _measure(job: ForgeJob, source: Source) -> None:
    place = places_for(job, source)[0]
    cut = source.cuts[min(6, len(source.cuts) - 1)].name
    measure_speed(job, member_at(job, source, cut, place), place.size)


def finals(
    job: ForgeJob, known: Known | None, found: Found | None, own: OwnTeacher | None = None
) -> dict[str, Final]:
    """The finished networks: "winner", and the baselines that there are.

    Args:
        job: the job.
        known: the pretrained arm, where there is one.
        found: what the search found, where there was one.
        own: a network of the user's own that teaches.
    """
    if known is None:
        assert found is not None
        taught = None if own is None else own_lessons(job, own)
        if taught is not None or has_members(job):
            _write(job, "search", {"search": found.best.score}, taught)
        return train(job, found, taught=taught)
    tuned: list[Final] = []
    taught = None
    if known.arm != "searched":
        share = 1.0 if known.arm == "pretrained" else BOTH
        rows = candidates(job, known.judged, share)
        if rows:
            taught = None if own is None else own_lessons(job, own)
            tuned = tune(job, known.judged, taught, rows)
    best = _best(known.head, tuned)
    if own is None and tuned:
        taught = lessons(job, known.judged, _worth_learning(best.validation or 0.0))
    if tuned and best is known.head and found is None:  # short trainings are behind it: a long one may not be
        tuned.append(longer(job, known.judged, taught, least_loss(tuned)))
        best = _best(known.head, tuned[-1:])
    if found is not None and _search_goes_on(job, found.best.score or 0.0, best, known.head):
        score = found.best.score or 0.0
        if own is None:
            taught = lessons(job, known.judged, score, surely=True, made=taught)
        else:
            taught = taught or own_lessons(job, own)
        done, name = train(job, found, taught=taught), "search"
    else:
        is_ready = best is known.head or best.name == LONGER
        winner = best if is_ready else go_on(job, known.judged, taught, best)
        done, name = {"winner": winner}, best.name
        keep(job, winner)
    shares = {final.name: final.validation for final in (known.head, *tuned)}
    if found is not None:
        shares["search"] = found.best.score
    _write(job, name, shares, None if name == known.head.name else taught)
    return done | {"fits": known.head}


def _write(job: ForgeJob, winner: str, shares: Mapping[str, float | None], taught: Lessons | None) -> None:
    about = {
        "winner": winner, "validation": dict(shares),
        "teacher": None if taught is None else taught.record["name"],
        "inherits": winner != "search" or has_members(job),
    }  # fmt: skip
    job.run.write_json(FILE, about)


def _best(head: Final, tuned: list[Final]) -> Final:
    """Of the fine-tuned networks the one of the smallest loss: they learned alike, and few images tell shares
    of right ones apart badly. The linear head where it has more of the images right."""
    chosen = least_loss(tuned) if tuned else head
    return head if (head.validation or 0.0) > (chosen.validation or 0.0) else chosen


def _worth_learning(share: float) -> float:
    """The share of images that a teacher must have right to be worth its time.

    The student still learns for most of its time, by itself, too.
    """
    return 1 - AHEAD * (1 - share)


def _search_goes_on(job: ForgeJob, score: float, best: Final, head: Final) -> bool:
    """Whether the search's network is the winner: it is still trained to the end, a linear head is not.

    So the head must be ahead by more than chance; a fine-tuned network goes on, too: it is compared as it is.
    """
    if best is not head:
        return score > (best.validation or 0.0)
    return leads(head.validation or 0.0, score, len(job.rows("validation")))[1] <= 0
