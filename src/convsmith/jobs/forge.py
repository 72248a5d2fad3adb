"""The main job: images and a budget in; a finished network out."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..errors import BadInput
from ..signatures import composed
from .options.common import Data, Running
from .options.effort import More
from .options.forge import ForgeOptions
from .options.searching import Crew
from .options.target import LIMITED, for_device
from .running.begin import begin, check_resumed
from .running.job import Job
from .running.reopen import reopen
from .running.run_result import Done

if TYPE_CHECKING:
    from ..data import Images

STEPS = ("images", "pretrained", "search", "train", "test", "explain", "export", "report")
"""What the display counts."""


@composed
def forge(data: Data = None, *, options: ForgeOptions, more: More, crew: Crew, running: Running) -> Done:
    """Images and a budget in; a finished network out.

    Reads the images, searches for the best network within the budget, trains it, tests it once on images
    that nothing has seen, explains it, exports it as ONNX and writes a report. Stopped at any moment, the
    same command goes on where it was.

    Returns:
        What came out, with the run folder.

    Raises:
        BadInput: images, options or a budget that cannot be used; said before anything is trained.

    Example:
        ``convsmith.forge("digits", max_params=20_000, minutes=3).test_accuracy``
    """
    return forged(data, options, more, crew, running)


def forged(
    data: str | Images | None, options: ForgeOptions, more: More, crew: Crew, running: Running
) -> Done:
    """What `forge` and `search` do.

    Args:
        data: the images; the resumed run's own without it.
        options: what decides what comes out.
        more: what a run that goes on has in addition.
        crew: who trains the candidates.
        running: where the run is.
    """
    started = time.monotonic()
    options, crew, resume = for_device(options), crew.checked(), running.resume
    if resume is None:
        if more.more_trials is not None or more.more_minutes is not None:
            raise BadInput(
                "--more-trials and --more-minutes", "given without a run", "--resume runs/0001 too"
            )
        options = options.checked()
    else:
        no_limits: dict[str, Any] = dict.fromkeys(LIMITED)  # they may be others now
        check_resumed(resume, "forge", replace(options, **no_limits), more=("trials", "minutes"))
        reopen(resume, trials=more.more_trials, minutes=more.more_minutes, limits=options.limits)
    job = begin("forge", data, options, running, steps=len(STEPS), started=started)
    job.crew = crew
    with job.run as run:
        if not run.finished:
            work(job)
        return Done(run.path, run.read_json("result.json"))


def work(job: Job) -> None:
    """The steps, in their order; each has its results in the run folder when it ends."""
    from .steps.answer_rule import answer_rule, judge_rule
    from .steps.explain import explain
    from .steps.export import export, export_int8
    from .steps.images import prepare, work_at
    from .steps.judge import judge
    from .steps.pretrained.known import finals, start_from_known
    from .steps.report import report
    from .steps.search import search
    from .steps.teaching.own_teacher import own_teacher

    prepare(job)
    own = own_teacher(job)
    job.display.step(STEPS[1])
    known = start_from_known(job)
    job.display.step(STEPS[2])
    found = None if known is not None and known.arm == "pretrained" else search(job)
    job.display.step(STEPS[3])
    done = finals(job, known, found, own)
    winner = done["winner"]
    work_at(job, winner.graph)
    rule = answer_rule(job, winner)
    job.display.step(STEPS[4])
    metrics, probabilities = judge(job, done)
    metrics |= judge_rule(job, winner, rule)
    job.display.step(STEPS[5])
    explain(job, winner, probabilities)
    job.display.step(STEPS[6])
    exported = export(job, winner)
    if job.recipe.get("precision") == "int8":
        export_int8(job, winner)
    job.display.step(STEPS[7])
    report(job, done, metrics, exported)
    job.clock.save()
    job.run.finish()
