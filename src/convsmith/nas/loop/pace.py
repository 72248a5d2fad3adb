"""What the clock decides in a search: how long a trial is trained, whose turn it is, when to stop.

Each decision is a small dict in plan.json; with the same plan the clock is not asked again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from .probe import Cost
from .store import Trial

FIRST_SHARE = 0.6  # of the time goes to the many short trainings, the rest to the few longer ones
WHOLE_SHARE = 0.95  # of the time goes to them where longer trainings could not compare two networks
LESSON_SHARE = 0.8  # of an arm's part of the short trainings' time, for what its algorithm learns first
PREFIX_SHARE = 0.35  # of the short trainings' time, at most, for the random beginning that both arms share
TRIALS_WANTED = 56  # short trainings that the epochs are chosen for
FEWEST_TRIALS = 8  # short trainings without which there is nothing to choose from
MOST_FIRST_EPOCHS = 12
FINAL_EPOCHS = 60
FINALISTS = 3  # of each arm, and more where there is time for more than FINAL_EPOCHS
MOST_FINALISTS = 8
STRETCH = 3.0  # the longer training is worth it when it is this much longer; fewer finalists before that


class PacingClock:
    """Seconds of a search, going on where an interrupted one stopped.

    Args:
        limit: seconds that the search may take; None for no limit.
        before: seconds that were used before.
        now: the time in seconds, e.g. `time.monotonic`.
    """

    def __init__(
        self, limit: float | None, before: float = 0.0, now: Callable[[], float] = time.monotonic
    ) -> None:
        self.limit, self._before, self._now = limit, before, now
        self._start = now()

    @property
    def elapsed(self) -> float:
        """Seconds used so far."""
        return self._before + self._now() - self._start

    @property
    def left(self) -> float:
        """Seconds left; infinite without a limit."""
        return float("inf") if self.limit is None else self.limit - self.elapsed


def first_rung(seconds_left: float, cost: Cost, fewest_epochs: int) -> dict[str, Any]:
    """Epochs of the short trainings, and a cap on their work (`ledger.effort`) so that none takes too long.

    None takes more than one of `FEWEST_TRIALS` parts of the time: a tighter cap gives more trials of worse
    networks (docs/decisions/0049-what-a-training-costs.md).

    Args:
        seconds_left: of the whole search.
        cost: of trainings on this machine.
        fewest_epochs: that a short training needs to say anything; where time is short, networks
            become smaller before trainings become shorter than this, unless hardly any would fit.

    Example:
        >>> from convsmith.nas.loop.probe import Cost
        >>> first_rung(600, Cost(fixed=0.5, rate=1e-7, typical=1.0, least_effort=3_000_000), 4)
        {'epochs': 6, 'cap_effort': 70000000}
        >>> first_rung(60, Cost(fixed=0.5, rate=1e-7, typical=1.0, least_effort=3_000_000), 4)
        {'epochs': 4, 'cap_effort': 6250000}
    """
    seconds = seconds_left * FIRST_SHARE
    each, most = seconds / TRIALS_WANTED, seconds / FEWEST_TRIALS
    epochs = min(max(each / cost.typical, fewest_epochs), max(MOST_FIRST_EPOCHS, fewest_epochs))
    epochs = max(1, int(min(epochs, most / cost.least)))
    return {"epochs": epochs, "cap_effort": cost.effort_for(most / epochs)}


def seconds_of_epoch(trial: Trial, full: tuple[int, int]) -> float:
    """Seconds that an epoch of a trial's network takes on images of rows x columns `full`."""
    rows, columns = full if trial.size is None else trial.size
    return trial.seconds / trial.epochs * (full[0] * full[1]) / (rows * columns)


def final_rung(
    seconds_left: float,
    arms: Sequence[Sequence[Trial]],
    largest: Trial | None,
    *,
    full: tuple[int, int] = (1, 1),
    slots: int = 1,
) -> dict[str, Any]:
    """How many of each arm are trained again, and for how many epochs, in the time that is left.

    Args:
        seconds_left: of the whole search.
        arms: the finished trials of each arm, best first.
        largest: the trial of the largest network that fits.
        full: rows and columns of the images that they are trained on.
        slots: how many are trained at once.

    Returns:
        {"top": trials of each arm, "epochs": of each}; 0 where not even two networks could be compared
    """
    for top in range(MOST_FINALISTS, 0, -1):
        finalists = {trial.fingerprint: trial for arm in arms for trial in arm[:top]}
        if largest is not None:
            finalists[largest.fingerprint] = largest
        if len(finalists) < 2:
            break
        short = max(trial.epochs for trial in finalists.values())
        each = [seconds_of_epoch(trial, full) for trial in finalists.values()]
        for_each_epoch = max(sum(each) / slots, max(each), 1e-9)
        epochs = int(0.9 * seconds_left / for_each_epoch)
        needed = FINAL_EPOCHS if top > FINALISTS else STRETCH * short if top > 1 else short + 1
        if epochs >= needed:
            return {"top": top, "epochs": min(epochs, max(FINAL_EPOCHS, short))}
    return {"top": 0, "epochs": 0}


def next_arm(used: dict[str, float], counts: dict[str, float], open_arms: Sequence[str]) -> str:
    """Whose turn it is: who used fewer training seconds, then who had fewer trials, then the first."""
    return min(open_arms, key=lambda arm: (used[arm], counts[arm], open_arms.index(arm)))


def is_time_for_another(elapsed: float, until: float, seconds_of_trials: Sequence[float]) -> bool:
    """Whether a trial of middling length would end nearer to `until` than not starting it."""
    if not seconds_of_trials:
        return elapsed < until
    middling = sorted(seconds_of_trials)[len(seconds_of_trials) // 2]
    return elapsed + middling / 2 < until
