"""Time: how long a run has worked, over every time that it was stopped and went on."""

from __future__ import annotations

import time

from ...runs import Run

FILE = "clock.json"


class Clock:
    """The seconds that a run has worked, and how many it may.

    Time in which the run was stopped does not count. The file is written at every `save`; what a
    ``kill -9`` loses is the time since then.

    Args:
        run: where the clock is kept.
        minutes: how long the run may work; None for no limit.
        started: `time.monotonic()` when the work began, if before now.
    """

    def __init__(self, run: Run, minutes: float | None, *, started: float | None = None) -> None:
        self._run = run
        self._before = float(run.read_json(FILE)["seconds"]) if run.has(FILE) else 0.0
        self._started = time.monotonic() if started is None else started
        self.limit = None if minutes is None else minutes * 60.0

    @property
    def seconds(self) -> float:
        """Seconds worked so far."""
        return self._before + time.monotonic() - self._started

    @property
    def left(self) -> float:
        """Seconds left; infinite without a limit."""
        return float("inf") if self.limit is None else self.limit - self.seconds

    def save(self) -> None:
        """Keep the time worked, for whoever goes on with the run."""
        self._run.write_json(FILE, {"seconds": round(self.seconds, 3)})
