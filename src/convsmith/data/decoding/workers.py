"""Decoding in processes of their own: bounded in time and memory, and a crash costs one image."""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from ...errors import ConvsmithError
from ..items import Rows
from .worker import LENGTHS, READY, frame

SECONDS = 60.0
"""Longest time for one image."""

MEMORY = 2_000_000_000
"""Most bytes that decoding one image may ask for; 50 million pixels in RGBA are 200 MB."""

FILES_EACH = 8
"""Files for each process at least: one takes as long to start as a dozen small files take to decode."""

START = 60.0
"""Seconds that a new process may take to begin with, on a busy machine."""

Job = tuple[dict[str, Any], bytes]


def available() -> int:
    """How many processor cores this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1


def wanted(items: object, count: int, workers: int | None) -> int:
    """How many processes: 0 for arrays, and where pipes cannot be waited for; one for a few files."""
    if os.name != "posix" or isinstance(items, Rows) or count == 0:
        return 0
    if workers is not None:
        return workers
    return max(1, min(available(), count // FILES_EACH))


class _Process:
    """One worker process and the frame that is arriving from it."""

    def __init__(self, memory: int) -> None:
        package = str(Path(__file__).resolve().parents[3])
        paths = os.pathsep.join([package, *filter(None, [os.environ.get("PYTHONPATH")])])
        one_thread = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "convsmith.data.decoding.worker", str(memory)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env={**os.environ, **one_thread, "PYTHONPATH": paths},
        )  # fmt: skip
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.stdin, self.stdout = self.process.stdin, self.process.stdout
        self.number = -1
        self.deadline = self.seconds = 0.0
        self.arrived = bytearray()
        self.waiting = b""
        self.ready = False

    def give(self, number: int, job: Job, seconds: float) -> None:
        self.number, self.seconds, self.waiting = number, seconds, frame(*job)
        self.deadline = time.monotonic() + START
        if self.ready:
            self.send()

    def send(self) -> None:
        """Write the job; only a process that is ready is sure to read it."""
        self.deadline = time.monotonic() + self.seconds
        job, self.waiting = self.waiting, b""
        with suppress(BrokenPipeError):  # when it has died its output ends, which is how that is noticed
            self.stdin.write(job)
            self.stdin.flush()

    def answer(self) -> tuple[dict[str, Any], bytes] | None:
        """The whole answer, or None while it is arriving; EOFError when the process has ended."""
        piece = os.read(self.stdout.fileno(), 1 << 20)
        if not piece:
            raise EOFError if self.ready else self.dead()
        self.arrived += piece
        if not self.ready:
            if len(self.arrived) < len(READY):
                return None
            if self.arrived != READY:
                raise self.dead()
            self.arrived.clear()
            self.ready = True
            self.send()
            return None
        if len(self.arrived) < LENGTHS.size:
            return None
        head, body = LENGTHS.unpack_from(self.arrived)
        start = LENGTHS.size + head
        if len(self.arrived) < start + body:
            return None
        answer = json.loads(self.arrived[LENGTHS.size : start]), bytes(self.arrived[start : start + body])
        self.arrived.clear()
        return answer

    def dead(self) -> ConvsmithError:
        """The error for a process that does not get ready."""
        return ConvsmithError(
            "the process that decodes images does not start: python -m convsmith.data.decoding.worker "
            "(or workers=0)"
        )

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.stdin, self.stdout):
            with suppress(OSError):
                pipe.close()


class Decoders:
    """Worker processes that decode; a context manager.

    Args:
        count: how many processes; None for one per core.
        seconds: longest time for one image.
        memory: most bytes that decoding one image may ask for.

    Example:
        >>> with Decoders(1) as decoders:
        ...     job = {"do": "scan", "name": "a.png", "max_pixels": 100}
        ...     print(list(decoders.map([(job, b"hello")])))
        [(0, {'ok': False, 'reason': 'text, not an image'}, b'')]
    """

    def __init__(self, count: int | None = None, *, seconds: float = SECONDS, memory: int = MEMORY) -> None:
        self.count = max(1, count or available())
        self.seconds = seconds
        self.memory = memory
        self._idle: list[_Process] = []

    def __enter__(self) -> Decoders:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        while self._idle:
            self._idle.pop().end()

    def map(self, jobs: Iterable[Job]) -> Iterator[tuple[int, dict[str, Any], bytes]]:
        """Do jobs; yield (number of the job, answer, bytes) in the order in which they are done.

        A crash or a delay is an answer too: ``{"ok": False, "reason": ...}``.
        """
        todo = enumerate(jobs)
        busy: dict[int, _Process] = {}
        with selectors.DefaultSelector() as selector:
            try:
                more = True
                while more or busy:
                    while more and len(busy) < self.count:
                        following = next(todo, None)
                        if following is None:
                            more = False
                            break
                        process = self._idle.pop() if self._idle else _Process(self.memory)
                        process.give(*following, self.seconds)
                        busy[process.stdout.fileno()] = process
                        selector.register(process.stdout, selectors.EVENT_READ)
                    if busy:
                        yield from self._wait(selector, busy)
            finally:
                for process in busy.values():
                    process.end()

    def _wait(
        self, selector: selectors.BaseSelector, busy: dict[int, _Process]
    ) -> Iterator[tuple[int, dict[str, Any], bytes]]:
        first = min(process.deadline for process in busy.values())
        for key, _ in selector.select(max(0.0, first - time.monotonic())):
            process = busy[key.fd]
            try:
                answer = process.answer()
            except (EOFError, ValueError):
                yield self._lost(selector, busy, process, "damaged: the decoder crashed on it")
                continue
            if answer is not None:
                selector.unregister(process.stdout)
                del busy[key.fd]
                self._idle.append(process)
                yield process.number, *answer
        now = time.monotonic()
        for process in [process for process in busy.values() if process.deadline <= now]:
            if not process.ready:
                raise process.dead()
            yield self._lost(selector, busy, process, f"takes longer than {self.seconds:g} s to decode")

    def _lost(
        self, selector: selectors.BaseSelector, busy: dict[int, _Process], process: _Process, reason: str
    ) -> tuple[int, dict[str, Any], bytes]:
        selector.unregister(process.stdout)
        del busy[process.stdout.fileno()]
        process.end()
        return process.number, {"ok": False, "reason": reason}, b""
