"""What a person sees while the work goes on: a line for each step, and a bar where one takes long."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ...printable import printable

if TYPE_CHECKING:
    from rich.progress import Progress

    from .heartbeat import Heartbeat

QUIET_SECONDS = 15.0
"""Without a terminal, a step that takes long says how far it is this often."""


class Display:
    """Steps and their results, on standard error: with bars on a terminal, as plain lines elsewhere.

    Args:
        steps: how many steps there are.
        quiet: say nothing.
    """

    def __init__(self, steps: int, *, quiet: bool = False) -> None:
        self._steps, self._quiet = steps, quiet
        self._number = 0
        self._bars: Progress | None = None
        self._task: Any = None
        self._said = 0.0
        self._heart: Heartbeat | None = None
        self._step = ""
        self._terminal = sys.stderr.isatty() and not quiet

    def follow(self, heart: Heartbeat) -> None:
        """From here on the run's heartbeat says what is shown, too."""
        self._heart = heart
        heart.step(self._step, self._number, self._steps)

    def step(self, name: str) -> None:
        """Begin the next step."""
        self._number += 1
        self._step = name
        self.say(f"[{self._number}/{self._steps}] {name}", bold=True)
        if self._heart is not None:
            self._heart.step(name, self._number, self._steps)

    def say(self, text: str, *, bold: bool = False) -> None:
        """One line."""
        if self._quiet:
            return
        text = printable(text)
        if self._terminal:
            from rich.markup import escape

            self._console().print(
                f"[bold]{escape(text)}[/bold]" if bold else f"      {escape(text)}", highlight=False
            )
        else:
            print(text if bold else f"      {text}", file=sys.stderr, flush=True)

    @contextmanager
    def bar(self, what: str) -> Iterator[Display]:
        """A bar for the time of the block; `update` moves it."""
        self.tell(doing=what, share=0.0, note="")
        if self._terminal:
            from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

            self._bars = Progress(
                TextColumn("      {task.description}"),
                BarColumn(bar_width=30),
                TextColumn("{task.fields[note]}"),
                TimeElapsedColumn(),
                console=self._console(),
                transient=True,
            )
            with self._bars:
                self._task = self._bars.add_task(what, total=1.0, note="")
                try:
                    yield self
                finally:
                    self._bars = None
        else:
            self._said = time.monotonic()
            yield self

    def tell(self, **figures: Any) -> None:
        """What the heartbeat says beside; nothing is shown."""
        if self._heart is not None:
            self._heart.tell(**figures)

    def epoch(self, training: str, record: dict[str, Any], epochs: int) -> None:
        """An epoch of a full training ended: a point of its curve."""
        if self._heart is not None:
            self._heart.epoch(training, record)
        self.within(record, epochs, training=training)

    def within(self, record: dict[str, Any], epochs: int, **figures: Any) -> None:
        """How far a training is that leaves no curve, such as a candidate's."""
        self.tell(epoch=record["epoch"], epochs=epochs, loss=record["loss"], **figures)

    def update(self, done: float, note: str) -> None:
        """Move the bar: `done` from 0 to 1, and what there is to say."""
        self.tell(share=round(min(1.0, done), 4), note=note)
        note = printable(note)
        if self._bars is not None:
            from rich.markup import escape

            self._bars.update(self._task, completed=min(1.0, done), note=escape(note))
        elif not self._quiet and time.monotonic() - self._said > QUIET_SECONDS:
            self._said = time.monotonic()
            self.say(f"{min(1.0, done):4.0%}  {note}")

    def count(self, what: str, done: int, total: int) -> None:
        """Move the bar to `done` of `total`; 0 where the total is not known yet."""
        if total:
            self.update(done / total, f"{what} {done:,} of {total:,}")
        else:
            self.update(0.0, f"{what} {done:,}")

    def _console(self) -> Any:
        if not hasattr(self, "_kept_console"):
            from rich.console import Console

            self._kept_console = Console(stderr=True)
        return self._kept_console
