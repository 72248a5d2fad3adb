"""Trainings under way: checked against the budget, noted, handed out, and written down when they are done."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from convsmith.ledger.budget import Budget, Latency

from ..choose import Space
from ..lesson import LessonTask
from ..proposal import Proposal
from ..trial import Draft, draft
from ..workers.protocol import Outcome, Pool, Stop, Task
from . import pace
from .arms import Arms
from .store import Store, Trial

Progress = Callable[[dict[str, Any]], None]

_COMPARED = 200  # finished learning curves that a running one is compared with, at most


class Trainings:
    """What the workers have now.

    Args:
        space: the space.
        pool: the workers.
        arms: the bookkeeping of the short trainings.
        store: where finished trials go, and what several workers were given.
        budget: checked once more before anything is trained.
        seed: of the search.
        latency_ms: measures a network; needed when latency is limited.
        stop: whether a short training need not go on.
        progress: told of each beginning and end.
        clock: of the search.
    """

    def __init__(
        self,
        space: Space,
        pool: Pool,
        arms: Arms,
        store: Store,
        *,
        budget: Budget,
        seed: int,
        latency_ms: Latency | None,
        stop: Stop | None,
        progress: Progress,
        clock: pace.PacingClock,
    ) -> None:
        self._space, self._pool, self._arms, self._store = space, pool, arms, store
        self._budget, self._seed, self._latency_ms = budget, seed, latency_ms
        self._stop, self._progress, self._clock = stop, progress, clock
        self._number = 0
        self.running: dict[int, Draft] = {}
        self._lesson: tuple[int, Callable[[Outcome], None]] | None = None

    def begin(
        self, arm: str, place: int, rung: int, epochs: int, proposal: Proposal, *, noted: bool = False
    ) -> None:
        """Hand out a training, or record that the budget refuses it.

        Args:
            arm, place, rung: which trial it is.
            epochs: where the proposal does not say.
            proposal: what to train.
            noted: whether proposed.jsonl has it already.
        """
        made = draft(
            self._space, proposal, arm=arm, arm_index=place, rung=rung, epochs=epochs, seed=self._seed,
            budget=self._budget, latency_ms=self._latency_ms,
        )  # fmt: skip
        self._progress({
            "event": "trial_begins", "index": len(self._store.trials), "arm": arm, "rung": rung,
            "epochs": made.proposal.epochs, "params": made.graph.params, "macs": made.graph.macs,
            "elapsed": self._clock.elapsed,
        })  # fmt: skip
        if rung == 0:
            self._arms.begin(made)
        if made.refused is not None:
            self._keep(made.finished(None, index=len(self._store.trials), at=self._clock.elapsed))
            return
        if not (self._pool.is_alone or noted):
            self._store.note(made.to_json())
        self._number += 1
        self.running[self._number] = made
        watched = self._stop if rung == 0 else None
        size = None if made.proposal.size is None else list(made.proposal.size)
        alike = [one for one in self._store.trials[-_COMPARED:] if one.curve and one.size == size]
        curves = [one.to_json() for one in alike] if watched else []
        asked = made.proposal.epochs or epochs
        self._pool.submit(Task(self._number, made.graph, asked, made.seed, watched, curves))

    def teach(self, task: LessonTask, learnt: Callable[[Outcome], None]) -> None:
        """Hand out a lesson; `learnt` is given what comes of it."""
        self.wait_for_room()
        self._lesson = task.number, learnt
        self._pool.submit(task)

    @property
    def is_teaching(self) -> bool:
        """Whether a lesson is under way."""
        return self._lesson is not None

    @property
    def count(self) -> int:
        """How many workers have something to do."""
        return len(self.running) + self.is_teaching

    def wait_for_room(self) -> None:
        """Until a worker is free."""
        while self.count >= max(1, self._pool.slots):
            self.finish_one()

    def finish_one(self) -> None:
        """Wait for the next outcome, and keep it."""
        outcome = self._pool.wait()
        if self._lesson is not None and outcome.number == self._lesson[0]:
            _, learnt = self._lesson
            self._lesson = None
            learnt(outcome)
            return
        made = self.running.pop(outcome.number)
        self._keep(made.finished(outcome, index=len(self._store.trials), at=self._clock.elapsed))

    def _keep(self, trial: Trial) -> None:
        self._store.add(trial)
        self._arms.add(trial)
        self._progress({"event": "trial", "trial": trial, "elapsed": self._clock.elapsed})
