"""Jobs: command lines that run in processes of their own, a few at once, the others in a queue.

All that is known of a job are the files of its folder, and whether its process lives; so a studio that ends
takes no job with it, and one that begins again finds them all.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import BadInput
from ..runs.files import write_whole
from ..strict_json import parse
from .home import NUMBER, Home, next_folder
from .refusal import Refused
from .shim import started_at

WAITING = 20
"""Jobs that may wait."""
SLOW = 20.0
"""Seconds after which a job that was asked to stop may be ended less gently."""
CODES = {0: "done", 1: "done", 2: "failed", 130: "stopped", 143: "stopped", 129: "stopped"}


@dataclass(frozen=True)
class Job:
    """One job.

    Args:
        path: its folder.
        about: job.json.
        state: "waiting", "running", "done", "failed", "stopped" or "died".
    """

    path: Path
    about: dict[str, Any]
    state: str

    @property
    def id(self) -> str:
        return self.path.name

    @property
    def run(self) -> str | None:
        """The name of its run, once the command knows it."""
        told = self.about.get("run") or _text(self.path / "run").strip()
        return Path(told).name if told else None

    @property
    def is_open(self) -> bool:
        """Whether it waits or runs."""
        return self.state in ("waiting", "running")

    def log(self, most: int = 4000) -> str:
        """The end of what the command said."""
        try:
            with open(self.path / "log", "rb") as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - most))
                return file.read().decode("utf-8", "replace")
        except OSError:
            return ""

    def message(self) -> str:
        """The last line of a job that failed, without the program's name."""
        lines = [line for line in self.log().splitlines() if line.strip()]
        return (lines[-1] if lines else "").removeprefix("convsmith: ")

    def out(self) -> Any:
        """What the command printed, as JSON; None where it is none."""
        try:
            return parse((self.path / "out").read_bytes(), "out")
        except (OSError, BadInput):
            return None

    def to_json(self) -> dict[str, Any]:
        """For a page and for programs."""
        held = {name: self.about.get(name) for name in ("kind", "title", "data", "made")}
        ended = _object(self.path / "exit.json")
        return {
            "id": self.id, "state": self.state, "run": self.run, **held,
            "command": shown(self.about["argv"]), "code": ended.get("code"), "ended": ended.get("at"),
            "asked_to_stop": self.about.get("stop"),
            "message": self.message() if self.state == "failed" else None,
        }  # fmt: skip


class Jobs:
    """The jobs of a studio.

    Args:
        home: its folders.
        at_once: how many may run at the same time.
    """

    def __init__(self, home: Home, at_once: int = 1) -> None:
        self._home, self._at_once = home, at_once
        self._lock = threading.Lock()
        self._begun: list[subprocess.Popen[bytes]] = []

    def start(self, argv: list[str], *, kind: str, title: str, nonce: str = "", **more: Any) -> Job:
        """A new job, or the one that was made with the same nonce: a form that is sent twice starts one.

        Args:
            argv: of the command line, without the program's name.
            kind: the command.
            title: what a person calls it.
            nonce: of the form.
            more: "run" where the run is known, "data" for the set of images that it is about.

        Raises:
            Refused: too many wait already.
        """
        with self._lock:
            known = self.all()
            for job in known:
                if nonce and job.about.get("nonce") == nonce:
                    return job
            if sum(job.state == "waiting" for job in known) >= WAITING:
                raise Refused(429, "jobs", f"{WAITING} wait already", "fewer", "wait for one, or remove one")
            path = next_folder(self._home.jobs)
            about = {
                "argv": argv, "kind": kind, "title": title, "nonce": nonce, "made": time.time(),
                "cwd": str(self._home.runs.parent), **more,
            }  # fmt: skip
            write_whole(path / "job.json", json.dumps(about))
            self._begin_next()
        return self.get(path.name)

    def all(self) -> list[Job]:
        """Every job, the newest first."""
        with os.scandir(self._home.jobs) as entries:
            names = sorted((e.name for e in entries if NUMBER.fullmatch(e.name)), reverse=True)
        found = (self._read(self._home.jobs / name) for name in names)
        return [job for job in found if job is not None]

    def get(self, name: str) -> Job:
        """The job of that number."""
        job = self._read(self._home.job(name))
        if job is None:
            raise Refused(404, f"job {name}", "cannot be read", "job.json as the studio wrote it")
        return job

    def of_run(self, run: str) -> Job | None:
        """The newest job that drives or drove a run."""
        return next((job for job in self.all() if job.run == run and job.about["kind"] in DRIVING), None)

    def stop(self, name: str) -> Job:
        """Ask a job to end: gently, and after a while less so; one that waits is taken from the queue."""
        with self._lock:
            job = self.get(name)
            if job.state == "waiting":
                write_whole(job.path / "exit.json", json.dumps({"code": 130, "at": time.time()}))
            elif job.state == "running":
                asked = job.about.get("stop")
                write_whole(job.path / "job.json", json.dumps(job.about | {"stop": asked or time.time()}))
                hard = asked is not None and time.time() - asked > SLOW
                os.kill(_object(job.path / "pid.json")["pid"], signal.SIGTERM if hard else signal.SIGINT)
        return self.get(name)

    def tick(self) -> None:
        """Begin what waits, where there is room."""
        with self._lock:
            self._begin_next()

    def _begin_next(self) -> None:
        self._begun = [process for process in self._begun if process.poll() is None]
        jobs = self.all()
        room = self._at_once - sum(job.state == "running" for job in jobs)
        for job in [one for one in reversed(jobs) if one.state == "waiting"][: max(0, room)]:
            write_whole(job.path / "begun", f"{time.time()}")
            self._begun.append(
                subprocess.Popen(
                    [sys.executable, "-m", "convsmith.web.shim", str(job.path)],
                    start_new_session=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )
            )  # fmt: skip

    def _read(self, path: Path) -> Job | None:
        about = _object(path / "job.json")
        if not isinstance(about.get("argv"), list):
            return None
        return Job(path, about, _state(path, asked=bool(about.get("stop"))))


DRIVING = ("forge", "train", "search")
"""Commands that make a run."""
STARTING = 60.0
"""Seconds that a process may take before it has written its number."""


def _state(path: Path, *, asked: bool = False) -> str:
    """How a job stands; `asked` to stop, what a signal ended was stopped."""
    ended = _object(path / "exit.json")
    if ended:
        code = int(ended["code"])
        return "stopped" if asked and code > 128 else CODES.get(code, "failed")
    process = _object(path / "pid.json")
    if process:
        alive = _is_alive(int(process["pid"]), str(process["began"]))
        return "running" if alive else "died"
    try:
        began = (path / "begun").stat().st_mtime
    except OSError:
        return "waiting"
    return "running" if time.time() - began < STARTING else "died"


def _is_alive(pid: int, began: str) -> bool:
    if began:
        return started_at(pid) == began
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True


def shown(argv: list[str]) -> str:
    """The command line, to copy.

    Example:
        >>> shown(["forge", "my photos", "--minutes", "5"])
        "convsmith forge 'my photos' --minutes 5"
    """
    return shlex.join(["convsmith", *argv])


def _object(path: Path) -> dict[str, Any]:
    try:
        found = parse(path.read_bytes(), path.name)
    except (OSError, BadInput):
        return {}
    return found if isinstance(found, dict) else {}


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
