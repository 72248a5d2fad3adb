"""What an earlier search gives to this one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ....errors import BadInput
from ...running.job import ForgeJob
from .own_space import has_members, source_of
from .searched import SEARCHED, searched

if TYPE_CHECKING:
    from ....nas.loop.search_result import Warm
    from ....runs import Run

_DECIDE_SCORES = ("augment", "seed", "validation", "test", "group")


def warm(job: ForgeJob) -> Warm:
    """The trials of the run that `warm_start` names, best first; none without it.

    Their scores count only where they were made of the same images, split, size and recipe.

    Raises:
        BadInput: the folder is no run, or one without trials that worked.
    """
    from ....nas.loop.search_result import Warm
    from ....nas.loop.store import TRIALS, Trial
    from ....runs import Run

    folder = job.options.warm_start
    if folder is None:
        return Warm()
    run = Run.open(folder)
    trials = [Trial.from_json(line) for line in run.lines(TRIALS)]
    worked = sorted((one for one in trials if one.status == "ok"), key=lambda one: (-one.rung, one.rank))
    if not worked:
        raise BadInput("--warm-start", f"{folder} has no trial that worked", "an earlier search")
    recipe, data, mine = (
        run.read_json("recipe.json"),
        run.read_json("data.json"),
        job.run.read_json("data.json"),
    )
    same = (
        data["fingerprint"] == mine["fingerprint"]
        and all(data["resolution"][one] == mine["resolution"][one] for one in ("height", "width", "channels"))
        and all(recipe.get(name) == job.recipe.get(name) for name in _DECIDE_SCORES)
        and (not has_members(job) or _began_with(run) == source_of(job).sha256)
        and (not run.has(SEARCHED) or run.read_json(SEARCHED)["images"] == len(searched(job)))
    )
    counted = "their scores count" if same else "tried again first, for scores of other images do not count"
    job.display.say(f"{len(worked)} trials of {folder}: {counted}")
    return Warm(tuple(worked), same)


def _began_with(run: Run) -> str | None:
    """SHA-256 of the weights that a run's networks began with."""
    return run.read_json("pretrained.json")["source"]["sha256"] if run.has("pretrained.json") else None
