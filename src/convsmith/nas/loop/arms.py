"""The arms of a search: who has trained what, and whose turn it is."""

from __future__ import annotations

from bisect import insort
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from convsmith.errors import BadInput

from ..trial import Draft, Seen
from . import pace
from .store import Key, Store, Trial

LARGEST, SHARED, RANDOM, EARLIER = "largest", "shared", "random", "earlier"
_HOPELESS = 20  # failures in a row that end an arm


@dataclass(frozen=True)
class Ask:
    """How much to search; the arguments of `search` of the same names."""

    seconds: float | None
    trials: int | None
    epochs: tuple[int, int] | None
    fewest_epochs: int
    top: int

    def check(self) -> None:
        """Raises BadInput for what cannot be."""
        if self.seconds is None and self.trials is None:
            raise BadInput("search", "neither seconds nor trials", "one of them", "seconds=120")
        if self.seconds is not None and not 0 < self.seconds < float("inf"):
            raise BadInput("search seconds", f"got {self.seconds!r}", "more than 0", "seconds=120")
        counts = {"trials": self.trials, "top": self.top, "fewest_epochs": self.fewest_epochs}
        counts |= {"epochs": min(self.epochs)} if self.epochs else {}
        for name, value in counts.items():
            if value is not None and value < 1:
                raise BadInput(f"search {name}", f"got {value!r}", "at least 1", f"{name}=10")


class Arms:
    """The short trainings of every arm, finished and running.

    Args:
        names: the algorithm's, then the random baseline's where there is one.
        trials: the finished trials of the search, all of them.
        counts: whether a trial keeps today's budget; one that does not is history, but nobody's.
    """

    def __init__(
        self, names: Sequence[str], trials: Iterable[Trial], counts: Callable[[Trial], bool]
    ) -> None:
        self.names, self._counts = list(names), counts
        self.seen = {name: Seen() for name in (*self.names, LARGEST)}
        self.order: list[str] = []
        self.times: list[float] = []  # of all trials but the largest's, sorted
        self._places: Counter[str] = Counter()
        self._seconds: defaultdict[str, float] = defaultdict(float)
        self._fails: Counter[str] = Counter()
        self._running: dict[Key, str] = {}
        for trial in trials:
            self.add(trial)

    def add(self, trial: Trial) -> None:
        """A trial is finished; longer trainings only tell how long trainings take."""
        if trial.arm != LARGEST:
            insort(self.times, trial.seconds)
        if trial.rung > 0:
            return
        if trial.key in self._running:
            del self._running[trial.key]
        else:
            self._place(trial.arm)
        self._seconds[trial.arm] += trial.seconds
        self._fails[trial.arm] = 0 if trial.status == "ok" else self._fails[trial.arm] + 1
        if self._counts(trial):
            for name in self._who_sees(trial.arm):
                self.seen[name].add(trial)

    def begin(self, draft: Draft) -> None:
        """A short training is running from now on."""
        self._running[draft.key] = draft.arm
        self._place(draft.arm)
        for name in self._who_sees(draft.arm):
            self.seen[name].begin(draft)

    def charge(self, arm: str, seconds: float) -> None:
        """Time that an arm used for something else than trials: the others get as much."""
        self._seconds[arm] += seconds

    def place(self, arm: str) -> int:
        """How many short trainings an arm has begun: the place of its next one."""
        return self._places[arm]

    def spent(self, arm: str) -> float:
        """Training seconds of an arm; those of a running trial are what one of middling length takes."""
        running = sum(of == arm for of in self._running.values()) if self._running else 0
        middling = self.times[len(self.times) // 2] if self.times else 0.0
        return self._seconds[arm] + running * middling

    def is_hopeless(self, arm: str) -> bool:
        """Whether so many of its trials failed in a row that no further one is worth its time."""
        return self._fails[arm] >= _HOPELESS

    def _place(self, arm: str) -> None:
        self._places[arm] += 1
        if arm != EARLIER:
            self.order.append(arm)

    def _who_sees(self, arm: str) -> list[str]:
        return {SHARED: self.names, EARLIER: self.names[:1]}.get(arm, [arm])


class Turns:
    """Whose turn it is: the largest that fits, the beginning that the arms share, then the cheaper arm.

    Args:
        arms: the bookkeeping.
        store: keeps what the clock decided.
        ask: how much to search.
        clock: of the search.
        population: how many trials the algorithm wants to begin with.
        largest: whether the largest that fits is wanted.
        slots: how many train at once now.
        comparable: whether the time that is left is enough to compare the best by longer trainings.
    """

    def __init__(
        self,
        arms: Arms,
        store: Store,
        ask: Ask,
        clock: pace.PacingClock,
        *,
        population: int,
        largest: bool,
        slots: Callable[[], int],
        comparable: Callable[[], bool],
    ) -> None:
        self._arms, self._store, self._ask, self._clock, self._slots = arms, store, ask, clock, slots
        self._comparable = comparable
        self._beginning = population if len(arms.names) > 1 else 0
        if ask.trials is not None:  # a third of few trials is the algorithm's own, or it proposes nothing
            self._beginning = min(self._beginning, ask.trials - max(1, ask.trials // 3))
        reopened: dict[str, Any] = store.plan.get("reopened", {})
        self._largest = reopened.get("largest", 1) if largest else 0
        self._until: float | None = None
        self._last = 0.0
        if ask.seconds is not None:
            since = reopened.get("at", 0.0)
            self._until = since + (ask.seconds - since) * pace.FIRST_SHARE
            self._last = since + (ask.seconds - since) * pace.WHOLE_SHARE
        self.exhausted: set[str] = set()

    def next(self, *, learning: bool = False) -> str | None:
        """The arm of the next short training; None when no other one begins.

        Args:
            learning: whether the algorithm is not ready yet.
        """
        arms, until = self._arms, self._until
        closed = self.exhausted | {arm for arm in (LARGEST, SHARED, *arms.names) if arms.is_hopeless(arm)}
        if learning:
            closed = closed | {arms.names[0]}
        if arms.place(LARGEST) < self._largest and LARGEST not in closed:
            return LARGEST
        limit = self._ask.trials if self._ask.trials is not None else float("inf")
        begun = arms.place(SHARED)
        if "shared" not in self._store.plan and SHARED not in closed:
            there_is_time = (
                until is None or begun < 2 or arms.spent(SHARED) < pace.PREFIX_SHARE * until * self._slots()
            )
            if begun < self._beginning and there_is_time:
                return SHARED
        shared = self._store.decide("shared", lambda: begun)
        if until is not None and all(shared + arms.place(arm) for arm in arms.names):
            elapsed = self._clock.elapsed
            if not pace.is_time_for_another(elapsed, until, arms.times) and (
                self._comparable() or not pace.is_time_for_another(elapsed, self._last, arms.times)
            ):
                return None
        counts = {arm: float(arms.place(arm)) for arm in arms.names}
        used = {arm: arms.spent(arm) for arm in arms.names}
        wanting = [arm for arm in arms.names if arm not in closed and shared + counts[arm] < limit]
        return pace.next_arm(used if until is not None else counts, counts, wanting) if wanting else None
