"""Step 3: full trainings of the same seconds, for the winner and the two baselines.

They learn from training and validation images, but for a few that the rule of answering is fitted on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..running.job import AT_LAST, ForgeJob
from .full import Final, Pace, finished, full, keep
from .pretrained.inheriting import fine_tuning
from .searching.own_space import has_members, source_of, space_of
from .searching.searched import searched
from .speed import seconds_after

if TYPE_CHECKING:
    from ...graph import Graph
    from ...nas.loop.store import Trial
    from ...nas.search import Found
    from .teaching.lessons import Lessons

EPOCHS = 60


def train(job: ForgeJob, found: Found, *, taught: Lessons | None = None) -> dict[str, Final]:
    """Train the winner and the baselines; the winner's weights and history become the run's.

    A baseline that is the same network as the winner (or as the other baseline) is not trained twice.

    Args:
        taught: what all of them learn from a larger network, so that the comparison stays one of networks;
            None for nothing: the images and their labels alone.

    Returns:
        "winner", and "random" and "largest" where the search had them.
    """
    space = space_of(job)
    wanted = {"winner": found.best}
    wanted |= {name: found.winners[name] for name in ("random", "largest") if name in found.winners}
    done: dict[str, Final] = {}
    by_network: dict[str, Final] = {}
    left = len({trial.fingerprint for trial in wanted.values()})
    for name, trial in wanted.items():
        if trial.fingerprint not in by_network:
            graph = space.graph(trial.answers)
            by_network[trial.fingerprint] = _one(job, name, trial, graph, left, taught)
            left -= 1
        done[name] = by_network[trial.fingerprint]
    keep(job, done["winner"])
    return done


def _one(job: ForgeJob, name: str, trial: Trial, graph: Graph, left: int, taught: Lessons | None) -> Final:
    known = finished(job, name, graph)
    if known is not None:
        return known
    x_NHWC, y = job.part(*AT_LAST)
    lesson: dict[str, Any] = {"x": x_NHWC, "y": y, "augment": job.options.augment}
    if taught is not None:  # the rate is the usual one: these weights know nothing yet
        lesson = taught.of(graph, *AT_LAST) | {"learning_rate": None}
    if has_members(job):
        lesson |= fine_tuning(graph, source_of(job), x_NHWC, y, seed=job.options.seed)
    larger = len(job.rows(*AT_LAST)) / len(searched(job))
    pace = Pace(
        job,
        name,
        each=trial.seconds / trial.epochs * larger,
        seconds=max(0.5, (job.clock.left - reserve(job, trial, graph)) / left),
        epochs=int(job.options.epochs or EPOCHS),
    )
    return full(job, name, graph, pace, lesson.pop("x"), lesson.pop("y"), **lesson)


def reserve(job: ForgeJob, trial: Trial, graph: Graph) -> float:
    """Seconds to keep for what comes after the trainings: judging, explaining, exporting, reporting.

    An image through the network is about a third of what it costs in training.
    """
    each = trial.seconds / trial.epochs / len(searched(job))
    return seconds_after(job, graph, each / 3)
