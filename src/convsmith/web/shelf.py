"""The runs of a folder as a page lists them: read from their files, again only where these changed."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from typing import Any

from ..errors import BadInput
from ..runs import Run
from ..runs.files import write_whole
from ..runs.folder import is_driven
from .home import Home
from .jobs import Job, Jobs, _object
from .refusal import Refused

NOTES = "notes.json"
WORDS = {
    "running": "running", "done": "finished", "failed": "failed", "stopped": "stopped",
    "open": "not finished",
}  # fmt: skip
"""State -> what a person reads."""


class Shelf:
    """The runs of a studio, each read once for every change.

    Args:
        home: the studio's folders.
        jobs: its jobs; one of them may drive a run.
    """

    def __init__(self, home: Home, jobs: Jobs) -> None:
        self._home, self._jobs = home, jobs
        self._kept: dict[str, tuple[Any, dict[str, Any]]] = {}

    def all(self) -> list[dict[str, Any]]:
        """Every run, the newest first."""
        names = self._home.names()
        for gone in set(self._kept) - set(names):
            del self._kept[gone]
        notes = self.notes()
        found = [self._with_state(name, notes) for name in names]
        return sorted(found, key=lambda run: (run["created"], run["name"]), reverse=True)

    def one(self, name: str) -> dict[str, Any]:
        """One run.

        Raises:
            Refused: there is none.
        """
        self._home.run(name)
        return self._with_state(name, self.notes())

    def notes(self) -> dict[str, Any]:
        """Name of a run -> ``{"title", "note"}``."""
        return _object(self._home.own / NOTES)

    def write_note(self, name: str, title: str, note: str) -> None:
        """Name a run, or write a line about it."""
        self._home.run(name)
        notes = self.notes() | {name: {"title": title.strip()[:120], "note": note.strip()[:2000]}}
        write_whole(self._home.own / NOTES, json.dumps(notes))

    def delete(self, name: str) -> str:
        """Move a run to the bin; returns its name there.

        Raises:
            Refused: it is being worked on.
        """
        path = self._home.run(name)
        if is_driven(path):
            raise Refused(409, f"run {name}", "is being worked on", "one that rests", "stop it first")
        to = self._home.bin / f"{int(time.time())}-{name}"
        path.rename(to)
        return to.name

    def binned(self) -> list[str]:
        """What lies in the bin, the newest first."""
        return sorted((path.name for path in self._home.bin.iterdir()), reverse=True)

    def restore(self, name: str) -> str:
        """Take a run out of the bin; returns its name, another one where that is taken."""
        if name not in self.binned():
            raise Refused(404, f"{name:.60}", "is not in the bin", "one of the list")
        wanted = name.partition("-")[2]
        to = self._home.runs / wanted
        while to.exists():
            wanted += "-again"
            to = self._home.runs / wanted
        (self._home.bin / name).rename(to)
        return wanted

    def empty_bin(self) -> None:
        """Delete for good what lies in the bin."""
        for name in self.binned():
            shutil.rmtree(self._home.bin / name, ignore_errors=True)

    def _with_state(self, name: str, notes: dict[str, Any]) -> dict[str, Any]:
        path = self._home.runs / name
        stamp = tuple(_stamp(path / file) for file in ("run.json", "result.json", "recipe.json", "data.json"))
        kept = self._kept.get(name)
        if kept is None or kept[0] != stamp:
            kept = (stamp, _read(self._home, path))
            self._kept[name] = kept
        about = kept[1]
        state = about["state"]
        now: dict[str, Any] = {}
        if state != "done" and is_driven(path):
            state, now = "running", _object(path / "now.json")
        said = notes.get(name) or {}
        return {
            **about, "state": state, "said": WORDS[state], "now": now,
            "title": said.get("title") or "", "note": said.get("note") or "",
        }  # fmt: skip

    def driver(self, name: str) -> Job | None:
        """The studio's job that drives or drove a run."""
        return self._jobs.of_run(name)


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


def _called(home: Home, source: str) -> str:
    """What the images are called: as the studio's own set is, else the last part of their path."""
    path = Path(source)
    if path.is_relative_to(home.data) and path != home.data:
        about = _object(home.data / path.relative_to(home.data).parts[0] / "about.json")
        return str(about.get("title") or path.name)
    return path.name or source


def _number(value: Any) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _is_span(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(_number(end) is not None for end in value)


def _read(home: Home, path: Path) -> dict[str, Any]:
    """What its files say; a run whose files are damaged is listed with what is wrong."""
    empty: dict[str, Any] = {
        "name": path.name, "kind": "", "created": "", "finished": None, "state": "failed", "data": "",
        "classes": [], "accuracy": None, "interval": None, "params": None, "macs": None, "bytes": None,
        "latency_ms": None, "budget_kept": None, "seconds": None, "limits": {}, "message": "", "command": [],
        "minutes": None, "images": None, "source": "",
    }  # fmt: skip
    try:
        return empty | _told(home, path, Run.open(path))
    except BadInput as error:
        return empty | {"message": str(error)}
    except (TypeError, ValueError, AttributeError, LookupError) as error:
        return empty | {"message": f"its files hold what they should not ({error})"[:300]}


def _told(home: Home, path: Path, run: Run) -> dict[str, Any]:
    recipe, data, result = (_object(path / f"{name}.json") for name in ("recipe", "data", "result"))
    ended = run.ended
    how = str(ended.get("how"))
    limits = {name: recipe[name] for name in recipe if name.startswith("max_") and _number(recipe[name])}
    source = str(data.get("source") or recipe.get("data") or "")
    found = data.get("found") or {}
    return {
        "name": path.name,
        "kind": run.kind,
        "created": run.created,
        "finished": _object(path / "run.json").get("finished"),
        "state": "done" if run.finished else how if how in WORDS else "open",
        "data": _called(home, source),
        "source": source,
        "classes": [str(name) for name in data.get("classes", ())],
        "images": found.get("images") if isinstance(found, dict) else None,
        "accuracy": _number(result.get("test_accuracy")),
        "interval": result.get("interval") if _is_span(result.get("interval")) else None,
        "params": _number(result.get("params")),
        "macs": _number(result.get("macs")),
        "bytes": _number(result.get("weight_bytes")),
        "latency_ms": _number(result.get("latency_ms")),
        "budget_kept": result.get("budget_kept"),
        "seconds": _number(result.get("seconds")),
        "limits": limits,
        "minutes": recipe.get("minutes"),
        "message": str(ended.get("message") or ""),
        "command": run.command,
    }
