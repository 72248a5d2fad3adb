"""How long a search may take: a time, or numbers of trials and epochs."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ...errors import BadInput
from ...options import Options, define

SEARCH_SHARE = 0.5
"""Of the time that is left after the images, for the search; the rest trains the winner and its baselines."""
USUAL_MINUTES = 10.0


@dataclass(frozen=True, kw_only=True)
class Effort(Options):
    """A time, or how much is trained."""

    minutes: float | None = define(
        None,
        "how long all of it may take, from reading the images to the report; 10 without it and without "
        "--trials. Time in which the run was stopped does not count.",
        unit="minutes",
        least=0.25,
    )
    trials: int | None = define(
        None, "how many candidates the search trains, instead of a time.", unit="trials", least=2
    )
    epochs: int | None = define(
        None, "of the full training, with --trials; 60 without it.", unit="epochs", least=1
    )

    def check(self) -> None:
        """Refuse a time beside numbers of trials."""
        if self.minutes is not None and self.trials is not None:
            raise BadInput("--minutes and --trials", "both were given", "one of them", "--minutes 20")
        if self.epochs is not None and self.trials is None:
            raise BadInput(
                "--epochs", "was given with a time", "it goes with --trials", "--trials 30 --epochs 60"
            )

    def settle(self) -> Effort:
        """The usual time where nothing was given."""
        nothing = self.minutes is None and self.trials is None
        return replace(self, minutes=USUAL_MINUTES) if nothing else self


@dataclass(frozen=True, kw_only=True)
class Hours(Options):
    """A longer time."""

    hours: float | None = define(
        None, "how long all of it may take, to which the minutes are added.", unit="hours"
    )

    def check(self) -> None:
        """Refuse a time that is none."""
        if self.hours is not None and not 0 < self.hours < 1e6:
            raise BadInput("--hours", f"got {self.hours}", "more than 0", "--hours 2")

    def added(self, minutes: float | None) -> float | None:
        """All of the time, in minutes."""
        return minutes if self.hours is None else 60 * self.hours + (minutes or 0)


@dataclass(frozen=True, kw_only=True)
class More(Options):
    """What a run that goes on has in addition."""

    more_trials: int | None = define(
        None, "trials to add to those of the run that --resume names, finished or not.", unit="trials"
    )
    more_minutes: float | None = define(
        None,
        "minutes to add to those of the run that --resume names, finished or not; fewer than none take some "
        "from one that is not finished, which then comes to its end the sooner.",
        unit="minutes",
    )
