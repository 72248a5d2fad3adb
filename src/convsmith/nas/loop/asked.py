"""What a search is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from convsmith.errors import BadInput
from convsmith.ledger.budget import Budget, Latency

from ..choose import Space
from ..proposal import Lesson
from ..workers.protocol import Pool, Stop
from .arms import RANDOM, Ask
from .pace import PacingClock
from .search_result import Warm
from .store import Store, Trial
from .trainings import Progress

EPOCHS = (6, 24)
"""Of the short trainings and of the longer ones, where nothing else is asked for."""


@dataclass(frozen=True)
class Asked:
    """The arguments of `nas.search.search`, complete.

    Args:
        space: where to search.
        pool: who trains.
        budget: hard limits.
        algorithm: a name in `ALGORITHMS`.
        settings: all of the algorithm's.
        baselines: whether random search and the largest network that fits are tried, too.
        ask: for how long, or how many.
        seed: of every random number.
        store: what was done and decided so far.
        latency_ms: measures a network.
        stop: whether a short training need not go on.
        warm: what an earlier search gives.
        lesson: of an algorithm that learns before it proposes; None for one that does not.
        progress: told of each event.
        clock: of the search.
    """

    space: Space
    pool: Pool
    budget: Budget
    algorithm: str
    settings: dict[str, Any]
    baselines: bool
    ask: Ask
    seed: int
    store: Store
    latency_ms: Latency | None
    stop: Stop | None
    warm: Warm
    lesson: Lesson | None
    progress: Progress
    clock: PacingClock

    @property
    def names(self) -> list[str]:
        """The arms that propose: the algorithm's, and random search's beside it."""
        has_random = self.baselines and self.algorithm != RANDOM
        return [self.algorithm, RANDOM] if has_random else [self.algorithm]

    def must_be_planned(self) -> None:
        """Refuse a plan, or a run, of another search."""
        of = {
            "space": self.space.name, "input_shape": list(self.space.input_shape),
            "classes": self.space.classes, "budget": self.budget.to_json(), "algorithm": self.algorithm,
            "settings": self.settings, "baselines": self.baselines, "seed": self.seed,
        }  # fmt: skip
        planned = self.store.decide("of", lambda: of)
        for name, value in of.items():
            if planned.get(name) != value:
                came = f"is of a search with {name} {planned.get(name)!r}"
                raise BadInput("plan", came, f"{name} {value!r}", "the same settings, or a new run")

    def counts(self, trial: Trial) -> bool:
        """Whether a trial keeps the budget, which may have been another one when it was trained."""
        if "reopened" not in self.store.plan or trial.status != "ok":
            return True
        return self.budget.check(self.space.graph(trial.answers), self.latency_ms).kept
