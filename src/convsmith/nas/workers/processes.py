"""Workers of this machine: processes that each train one network at a time."""

from __future__ import annotations

import json
import os
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter, deque
from contextlib import suppress
from pathlib import Path
from typing import Any

from convsmith.errors import BadInput, ConvsmithError
from convsmith.runs import CannotWrite, to_json
from convsmith.runs.environment import usable_cores

from ..lesson import LessonTask
from .portable import Portable, outcome_from_json, task_to_json
from .protocol import Outcome, Pool, Task

TRIES = 2
"""How often a task is begun whose worker is lost; a network that ends every worker is a failed trial then."""

ENDS_WITHIN = 10.0
"""Seconds in which a worker whose output has ended has ended itself; its own exit code is what is told."""

_KEPT = 4096  # bytes of what a worker printed last

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


class Processes(Pool):
    """Several processes that train at once, asynchronously.

    They share no file descriptors with this process but their pipes, so they hold no lock of a run; they
    end with this process, however it ends. Arrays are written once to `folder` and mapped by each.

    Args:
        portable: how each makes the evaluation.
        workers: how many.
        threads: of each; the usable cores divided among them without it, at least one.
        folder: where the arrays go; a temporary folder without it, removed at the end.
        gpus: numbers of the GPUs that they are spread over in turn, such as ("0", "1"); workers beyond
            their number share them.

    Raises:
        BadInput: less than one worker or thread.
    """

    def __init__(
        self,
        portable: Portable,
        workers: int,
        *,
        threads: int | None = None,
        folder: Path | None = None,
        gpus: tuple[str, ...] = (),
    ) -> None:
        for name, count in (("--workers", workers), ("--threads", 1 if threads is None else threads)):
            if count < 1:
                raise BadInput(name, f"got {count}", "at least 1", f"{name} 2")
        self.threads = threads or max(1, usable_cores() // workers)
        self._portable, self._workers, self._gpus = portable, workers, gpus
        self._wanted_folder = folder
        self._folder: Path | None = None
        self._spec = b""
        self._waiting: deque[Task | LessonTask] = deque()
        self._tries: Counter[int] = Counter()
        self._unready = 0
        self._done: deque[Outcome] = deque()
        self._all: list[_Worker | None] = [None] * workers
        self._selector = selectors.DefaultSelector()

    @property
    def slots(self) -> int:
        return self._workers

    @property
    def pids(self) -> list[int]:
        """Process numbers of the workers that are there now."""
        return [one.process.pid for one in self._all if one is not None]

    def submit(self, task: Task | LessonTask) -> None:
        self._waiting.append(task)
        self._hand_out()

    def wait(self) -> Outcome:
        while not self._done:
            self._hand_out()
            for key, _ in self._selector.select():
                worker: _Worker = key.data
                if self._all[worker.place] is not worker:
                    continue  # it was lost a moment ago
                if key.fileobj is worker.output:
                    self._hear(worker)
                elif not worker.listen():
                    self._selector.unregister(key.fileobj)
        return self._done.popleft()

    def close(self) -> None:
        for worker in self._all:
            if worker is not None:
                self._end(worker)
        self._selector.close()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _hand_out(self) -> None:
        for place in range(self._workers):
            if not self._waiting:
                return
            worker = self._all[place]
            if worker is None:
                worker = self._start(place)
            if worker.task is None:
                worker.task = self._waiting.popleft()
                self._tries[worker.task.number] += 1
                worker.tell(to_json(task_to_json(worker.task)).encode() + b"\n")

    def _start(self, place: int) -> _Worker:
        if self._folder is None:
            self._prepare()
        environment = {**os.environ, **dict.fromkeys(_THREADS, str(self.threads))}
        root = str(Path(__file__).resolve().parents[3])
        environment["PYTHONPATH"] = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
        if self._gpus:
            environment["CUDA_VISIBLE_DEVICES"] = self._gpus[place % len(self._gpus)]
        worker = _Worker(place, environment)
        worker.tell(self._spec)
        self._all[place] = worker
        for pipe in (worker.output, worker.printed):
            self._selector.register(pipe, selectors.EVENT_READ, worker)
        return worker

    def _prepare(self) -> None:
        """Write the arrays, for every worker to map."""
        import numpy as np

        if self._wanted_folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="convsmith-"))
        else:
            self._folder = self._wanted_folder
            self._folder.mkdir(parents=True, exist_ok=True)
        paths = {}
        for name, array in self._portable.arrays.items():
            paths[name] = _mapped(array) or str(self._folder / f"{name}.npy")
            if _mapped(array):
                continue
            try:
                np.save(paths[name], array, allow_pickle=False)
            except OSError as error:
                why = error.strerror or str(error)
                raise CannotWrite(paths[name], f"cannot be written: {why}", "room for the images") from None
        spec = {"make": self._portable.make, "settings": dict(self._portable.settings)}
        spec["code"] = dict(self._portable.code)
        self._spec = to_json(spec | {"arrays": paths, "path": sys.path}).encode() + b"\n"

    def _hear(self, worker: _Worker) -> None:
        lines = worker.lines()
        if lines is None:
            self._lost(worker)
            return
        for line in lines:
            if "ready" in line:
                worker.ready, self._unready = True, 0
            elif "broken" in line:
                last = line["broken"].strip().splitlines()[-1]
                raise ConvsmithError(f"a worker cannot begin: {self._portable.make}: {last}")
            elif "cannot_write" in line:
                raise CannotWrite(*line["cannot_write"])
            else:
                worker.task = None
                outcome = outcome_from_json(line)
                self._tries.pop(outcome.number, None)  # every probe has the same number
                self._done.append(outcome)

    def _lost(self, worker: _Worker) -> None:
        """Its task goes to another worker; the second time it is a failure of the task's own."""
        task = worker.task
        how = _how(self._end(worker, ENDS_WITHIN)) + worker.last_words
        if not worker.ready:
            self._unready += 1
            if self._unready >= TRIES * self._workers:
                raise ConvsmithError(
                    f"a worker ended while it began ({how}), {self._unready} times: "
                    f"{sys.executable} -m convsmith.nas.workers.worker"
                )
            if task is not None:  # it never began it
                self._tries[task.number] -= 1
                self._waiting.appendleft(task)
            return
        if task is None:
            return
        if self._tries[task.number] < TRIES:
            self._waiting.appendleft(task)
        else:
            why = f"its worker was lost {TRIES} times: {how}"
            self._done.append(Outcome(task.number, None, 0.0, (), why))

    def _end(self, worker: _Worker, patience: float = 0.0) -> int | None:
        self._all[worker.place] = None
        for pipe in (worker.output, worker.printed):
            with suppress(KeyError, ValueError):
                self._selector.unregister(pipe)
        return worker.end(patience)


class _Worker:
    """One process, its task, and the line that is arriving from it."""

    def __init__(self, place: int, environment: dict[str, str]) -> None:
        self.place, self.ready = place, False
        self.task: Task | LessonTask | None = None
        # A session of its own: Ctrl-C is for the driver, whose end then ends this process.
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "convsmith.nas.workers.worker"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=environment, start_new_session=True,
        )  # fmt: skip
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self._input, self.output, self.printed = self.process.stdin, self.process.stdout, self.process.stderr
        os.set_blocking(self.printed.fileno(), False)
        self._arrived, self._last = bytearray(), b""

    def tell(self, line: bytes) -> None:
        with suppress(BrokenPipeError):  # when it is lost its output ends, which is how that is noticed
            self._input.write(line)
            self._input.flush()

    def lines(self) -> list[dict[str, Any]] | None:
        """The whole lines that have come; None when it has ended."""
        piece = os.read(self.output.fileno(), 1 << 20)
        if not piece:
            return None
        self._arrived += piece
        *whole, rest = bytes(self._arrived).split(b"\n")
        self._arrived = bytearray(rest)
        return [json.loads(line) for line in whole]

    def listen(self) -> bool:
        """Take what it has printed, of which the end is kept; False when nothing more can come."""
        try:
            piece = os.read(self.printed.fileno(), 1 << 20)  # more than a pipe holds
        except BlockingIOError:
            return True
        self._last = (self._last + piece)[-_KEPT:]
        return bool(piece)

    @property
    def last_words(self) -> str:
        """The last line that it printed, as the end of a sentence."""
        lines = [line.strip() for line in self._last.decode(errors="replace").splitlines()]
        return next((f"; it printed last: {line[-200:]}" for line in reversed(lines) if line), "")

    def end(self, patience: float) -> int | None:
        """Its exit code; None where it had to be killed here, after so many seconds of waiting."""
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(patience)
        code = self.process.poll()
        self.process.kill()
        self.process.wait()
        self.listen()
        for pipe in (self._input, self.output, self.printed):
            with suppress(OSError):
                pipe.close()
        return code


def _mapped(array: Any) -> str | None:
    """The file of an array that is the whole of a mapped .npy file already."""
    import numpy as np

    file = getattr(array, "filename", None)
    if not isinstance(array, np.memmap) or file is None or Path(file).suffix != ".npy":
        return None
    whole = np.load(file, mmap_mode="r", allow_pickle=False)
    is_whole = (whole.shape, whole.dtype, whole.offset) == (array.shape, array.dtype, array.offset)
    return str(Path(file).resolve()) if is_whole else None


def _how(code: int | None) -> str:
    """How a process ended, in words; None: it closed its output and did not end.

    Example:
        >>> _how(-9), _how(3)
        ('killed by SIGKILL, as where memory is short', 'exit code 3')
    """
    if code is None:
        return "it closed its output, and was ended here"
    if code >= 0:
        return f"exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    return f"killed by {name}" + (", as where memory is short" if name == "SIGKILL" else "")
