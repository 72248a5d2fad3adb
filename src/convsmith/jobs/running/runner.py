"""A job's steps as a table, and what runs them: in their order, with progress and the clock."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from .job import Job


class Made(Protocol):
    """What the steps of a job have made so far; frozen, with the job itself."""

    @property
    def job(self) -> Job[Any]:
        """The job."""


S = TypeVar("S", bound=Made)


@dataclass(frozen=True)
class Step(Generic[S]):
    """One step.

    Args:
        name: what the display and now.json call it.
        work: from what was made so far to that and what it makes; goes on where it was stopped.
        makes: the files of the run that are there when it has ended, the last one written last.
        decides: files that it writes, or may write, which no longer hold when the run is reopened.
        read: for a step whose files say all that it made: from what was made so far to that, without the
            work; None where the files do not suffice after all.
    """

    name: str
    work: Callable[[S], S]
    makes: tuple[str, ...] = ()
    decides: tuple[str, ...] = ()
    read: Callable[[S], S | None] | None = None


def run_steps(steps: Sequence[Step[S]], made: S) -> S:
    """Run the steps and finish the run; what is there already is read.

    The first step is under way: the images are read before there is a run.

    Args:
        steps: the table.
        made: with the job alone.
    """
    for step in steps:
        if step is not steps[0]:
            made.job.display.step(step.name)
        known = None
        if step.read is not None and all(made.job.run.has(file) for file in step.makes):
            known = step.read(made)
        made = step.work(made) if known is None else known
        made.job.clock.save()
    made.job.run.finish()
    return made
