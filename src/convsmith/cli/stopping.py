"""Ctrl-C, SIGTERM and SIGHUP end the command in one line, whenever they come; a run's state stays whole.

The first one unwinds what is under way. A second one, or one that something swallowed, ends the process at
once: a run folder is whole at every moment, as it is after kill -9.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from types import FrameType
from typing import NoReturn

SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")
UNWINDS_WITHIN = 5.0  # seconds


class Stopped(BaseException):
    """A signal asked the command to end; no handler of ordinary errors or of KeyboardInterrupt takes it."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class Stopping:
    """The handlers of the signals, for the time of a command.

    Args:
        way_on: how to go on, as the end of the line.
    """

    def __init__(self, way_on: str) -> None:
        self._way_on = way_on
        self._is_said = self.is_ending = False

    def install(self) -> None:
        """From here on; what the caller had asked to be ignored (nohup, a background job) stays ignored."""
        for name in SIGNALS:
            number = getattr(signal, name, None)
            if number is not None and signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, self._stop)

    def say(self, number: int) -> int:
        """The line, once; returns the exit code."""
        if not self._is_said:
            self._is_said = True
            what = "interrupted" if number == signal.SIGINT else f"stopped by {signal.Signals(number).name}"
            line = f"convsmith: {what}{self._way_on}\n"
            try:
                if sys.stderr.isatty():
                    line = "\x1b[?25h\n" + line  # a bar may have hidden the cursor
                os.write(2, line.encode())
            except (OSError, ValueError):
                pass  # nobody listens any more, as after SIGHUP
        return 128 + number

    def end(self, number: int) -> NoReturn:
        """Say the line and end the process: on its way out Python would forget the handler of the alarm."""
        code = self.say(number)
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
        os._exit(code)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        if self.is_ending:
            self.end(number)
        self.is_ending = True
        if hasattr(signal, "setitimer"):
            signal.signal(signal.SIGALRM, lambda *_: self.end(number))
            signal.setitimer(signal.ITIMER_REAL, UNWINDS_WITHIN)
        raise Stopped(number)
