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
from .running.reopen import reopen
from .running.run_result import Done
from .running.runner import run_steps

if TYPE_CHECKING:
    from ..data import Images


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
    from ..nas.spaces import name_of

    options = for_device(replace(options, space=name_of(options.space)))
    crew, resume = crew.checked(), running.resume
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
    from .steps.forging import STEPS, Forging

    job = begin("forge", data, options, running, crew=crew, steps=len(STEPS), started=started)
    with job.run as run:
        if not run.finished:
            run_steps(STEPS, Forging(job))
        return Done(run.path, run.read_json("result.json"))
