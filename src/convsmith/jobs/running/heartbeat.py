"""What a run does right now, for whoever watches its folder: now.json, and curve.jsonl as trainings go on."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...runs.files import write_whole

if TYPE_CHECKING:
    from ...runs import Run
    from .clock import Clock

FILE, CURVE = "now.json", "curve.jsonl"
EVERY = 1.0
"""Seconds between two writings, at least; a new step is written at once."""
TELL_RUN = "CONVSMITH_TELL_RUN"
"""Variable of the environment: a file that the run folder's path is written to as soon as it is known."""


class Heartbeat:
    """The heartbeat of one run: each beat is written whole, and says nothing that decides a result.

    Args:
        run: the run, locked.
        clock: of the run.
    """

    def __init__(self, run: Run, clock: Clock) -> None:
        self._run, self._clock = run, clock
        self._said: dict[str, Any] = {}
        self._lines: list[dict[str, Any]] = []
        self._wrote = 0.0

    def step(self, name: str, number: int, steps: int) -> None:
        """A new step begins; what was said of the last one no longer holds."""
        self._said = {"step": name, "number": number, "steps": steps}
        self._write()

    def tell(self, **figures: Any) -> None:
        """What is known now beside what was said before in this step."""
        self._said |= figures
        if time.monotonic() - self._wrote >= EVERY:
            self._write()

    def epoch(self, training: str, record: dict[str, Any]) -> None:
        """A line of curve.jsonl; an epoch that is done again after an interruption has two, the later counts.

        Args:
            training: its name, such as "winner".
            record: as in history.jsonl.
        """
        self._lines.append({"training": training, **record})

    def _write(self) -> None:
        lines, self._lines = self._lines, []
        if lines:
            self._run.append(CURVE, *lines)
        left = self._clock.left
        about = {
            "at": round(time.time(), 3),
            **self._said,
            "seconds": round(self._clock.seconds, 1),
            "left": None if left == float("inf") else round(max(0.0, left), 1),
        }
        self._run.write_json(FILE, about)
        self._wrote = time.monotonic()


def tell_run(path: Path) -> None:
    """Write where the run folder is to the file that the environment names, where it names one."""
    file = os.environ.get(TELL_RUN)
    if file:
        write_whole(file, f"{path.resolve()}\n")
