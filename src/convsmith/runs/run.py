"""A run: one folder with everything about one training or search, enough to repeat it.

Plain files, written whole. Whoever drives a run holds its lock; whoever shows it only reads.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import sys
import traceback
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from convsmith import __version__
from convsmith.errors import BadInput, ConvsmithError, meant, nearest_path
from convsmith.strict_json import parse

from .environment import environment
from .files import append_lines, place_in, read_lines, saying_why, to_json, write_whole
from .folder import RunBusy, claim, is_driven, sweep, take_lock
from .shapes import check

FORMAT = 1
ENDED = "ended"


class NotARun(BadInput):
    """The folder holds no run."""


class OtherVersion(BadInput):
    """The run folder was written in another format."""


def run_key(recipe: dict[str, Any], data_fingerprint: str) -> str:
    """What a run is of: equal recipe and equal images give an equal key (16 hex digits).

    Example:
        >>> run_key({"seed": 0, "epochs": 2}, "ab") == run_key({"epochs": 2, "seed": 0}, "ab")
        True
    """
    text = json.dumps([json.loads(to_json(recipe)), data_fingerprint], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class Run:
    """A run folder. Make one with `create`, read one with `open`, go on with one with `resume` or `find`.

    Example:
        >>> import tempfile
        >>> with Run.create(tempfile.mkdtemp(), kind="train", recipe={"epochs": 2}) as run:
        ...     run.append("history.jsonl", {"epoch": 1, "loss": 0.5})
        ...     run.finish()
        >>> again = Run.open(run.path)
        >>> again.lines("history.jsonl"), again.finished, again.read_json("recipe.json")
        ([{'epoch': 1, 'loss': 0.5}], True, {'epochs': 2})
    """

    def __init__(self, path: Path, about: dict[str, Any], lock: int | None) -> None:
        self.path = path
        self._about = about
        self._lock = lock

    @classmethod
    def create(
        cls,
        folder: str | Path,
        *,
        kind: str,
        recipe: dict[str, Any],
        key: str = "",
        name: str | None = None,
        command: list[str] | None = None,
        kernels: Mapping[str, str | None] | None = None,
    ) -> Self:
        """Make a new run inside `folder` and lock it.

        Args:
            folder: where runs live; made when absent.
            kind: what the run does: "forge", "train", "search".
            recipe: every setting, JSON-able; becomes recipe.json.
            key: what the run is of (see `run_key`), by which `find` finds it again.
            name: the run's own folder name; without one the next free number, 0001, 0002, ...
            command: the command line, to repeat the run; without one, this process's.
            kernels: which compiled code the run trains with, for env.json.

        Raises:
            CannotWrite: the folder is not writable, the disk is full; nothing is left behind.
            BadInput: the name is taken.
        """
        parent = Path(folder)
        command = [Path(sys.argv[0]).name, *sys.argv[1:]] if command is None else command
        created = datetime.now(UTC).isoformat(timespec="seconds")
        about = {"format": FORMAT, "kind": kind, "created": created, "finished": None}
        about |= {"key": key, "command": command, "convsmith": __version__}
        on = environment() | ({} if kernels is None else {"kernels": dict(kernels)})
        with saying_why(parent):
            parent.mkdir(parents=True, exist_ok=True)
            sweep(parent)
            # Made under a hidden name and renamed when complete: a run folder is never half made.
            making = parent / f".new-{secrets.token_hex(6)}"
            making.mkdir()
        try:
            lock = take_lock(making)
            write_whole(making / "recipe.json", to_json(recipe, indent=1) + "\n")
            write_whole(making / "env.json", to_json(on, indent=1) + "\n")
            write_whole(making / "run.json", to_json(about, indent=1) + "\n")
            with saying_why(parent):
                path = claim(parent, making, name)
        except BaseException:
            shutil.rmtree(making, ignore_errors=True)
            raise
        return cls(path, about, lock)

    @classmethod
    def open(cls, folder: str | Path) -> Self:
        """Read an existing run; nothing can be written through it.

        Raises:
            NotARun: no such folder, or no run in it.
            OtherVersion: written by a convsmith with another run format.
        """
        path = Path(folder)
        return cls(path, _read_about(path), None)

    @classmethod
    def resume(cls, folder: str | Path) -> Self:
        """Open an existing run and lock it, to go on with it.

        Raises:
            NotARun, OtherVersion: as `open`.
            RunBusy: another process is driving it.
        """
        path = Path(folder)
        _read_about(path)
        lock = take_lock(path)
        for torn in path.rglob(".*.tmp"):
            torn.unlink(missing_ok=True)
        run = cls(path, _read_about(path), lock)  # read again: it may have been finished meanwhile
        if run._about.pop(ENDED, None):
            run.write_json("run.json", run._about)
        return run

    @classmethod
    def find(cls, folder: str | Path, *, key: str) -> Self | None:
        """The newest unfinished run in `folder` with this key that nobody is driving, locked; or None."""
        candidates = []
        for path in Path(folder).glob("*/run.json"):
            try:
                about = _read_about(path.parent)
            except BadInput:
                continue
            if key and about["key"] == key and not about["finished"]:
                candidates.append((about["created"], path.parent.name, path.parent))
        for *_, path in sorted(candidates, reverse=True):
            try:
                run = cls.resume(path)
            except RunBusy:
                continue
            if not run.finished:
                return run
            run.close()
        return None

    @classmethod
    def busy(cls, folder: str | Path, *, key: str) -> Path | None:
        """An unfinished run in `folder` with this key that a process is driving now; or None."""
        for path in sorted(Path(folder).glob("*/run.json")):
            try:
                about = _read_about(path.parent)
            except BadInput:
                continue
            if key and about["key"] == key and not about["finished"] and is_driven(path.parent):
                return path.parent
        return None

    @property
    def kind(self) -> str:
        """What the run does: "forge", "train", "search"."""
        return str(self._about["kind"])

    @property
    def created(self) -> str:
        """When it was made, ISO 8601, UTC."""
        return str(self._about["created"])

    @property
    def finished(self) -> bool:
        """Whether the run came to its end."""
        return bool(self._about["finished"])

    @property
    def key(self) -> str:
        """What the run is of; see `run_key`."""
        return str(self._about["key"])

    @property
    def command(self) -> list[str]:
        """The command line that made it."""
        return list(self._about["command"])

    def has(self, name: str) -> bool:
        """Whether the run holds this file."""
        return (self.path / name).exists()

    def write(self, name: str, data: bytes | str) -> Path:
        """Write a file of the run whole; `name` may hold a folder: "explain/0001.png". Returns its path."""
        self._must_drive()
        place_in(self.path, str(Path(name).parent))
        write_whole(self.path / name, data)
        return self.path / name

    def write_json(self, name: str, value: Any) -> Path:
        """Write a JSON file of the run whole; NaN becomes null. Returns its path."""
        return self.write(name, to_json(value, indent=1) + "\n")

    def read_json(self, name: str) -> Any:
        """Read a JSON file of the run.

        Raises:
            BadInput: the file is absent, is not JSON, or holds something else than such a file does.
        """
        path = self.path / name
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            raise BadInput(str(self.path), f"has no {name}", "a run that got so far", "--resume it") from None
        except OSError as error:
            raise BadInput(str(path), f"cannot be read: {error.strerror}", "a file of this run") from None
        return check(parse(data, str(path)), name, str(path))

    def append(self, name: str, *values: Any) -> None:
        """Add JSON lines to a file of the run, forced to the disk."""
        self._must_drive()
        append_lines(self.path / name, [to_json(value) for value in values])

    def lines(self, name: str) -> list[Any]:
        """The JSON lines of a file of the run; a torn last line is left out, an absent file has none."""
        found = []
        for number, line in enumerate(read_lines(self.path / name), 1):
            where = f"{self.path / name}, line {number}"
            found.append(check(parse(line, where), name, where))
        return found

    @property
    def ended(self) -> dict[str, Any]:
        """How it ended unfinished: ``how`` ("failed" or "stopped"), ``at``, ``message``; else empty.

        A process that was killed leaves nothing.
        """
        return dict(self._about.get(ENDED) or {})

    def finish(self) -> None:
        """Mark the run as come to its end."""
        self._about["finished"] = datetime.now(UTC).isoformat(timespec="seconds")
        self.write_json("run.json", self._about)

    def reopen(self, recipe: dict[str, Any], key: str) -> None:
        """Go on beyond the end, with another recipe: the run is unfinished again, and of another key."""
        self.write_json("recipe.json", recipe)
        self._about |= {"finished": None, "key": key}
        self.write_json("run.json", self._about)

    def close(self) -> None:
        """Give the lock back; the end of the process, kill -9 included, does the same."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        try:
            if error is not None and self._lock is not None and not self.finished:
                self._note_end(error)
        finally:
            self.close()

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r}, kind={self.kind!r}, finished={self.finished})"

    def _note_end(self, error: BaseException) -> None:
        """Write why the run goes no further into run.json; a disk that is full or gone takes nothing."""
        how = "failed" if isinstance(error, Exception) else "stopped"
        said = " ".join((str(error) or type(error).__name__).split())[:2000]
        ended = {"how": how, "at": datetime.now(UTC).isoformat(timespec="seconds")}
        if how == "failed":
            ended["message"] = (
                said if isinstance(error, ConvsmithError) else f"{type(error).__name__}: {said}"
            )
        if how == "failed" and not isinstance(error, ConvsmithError):
            ended["traceback"] = "".join(traceback.format_exception(error))[-8000:]
        with suppress(ConvsmithError, OSError):
            self.write_json("run.json", self._about | {ENDED: ended})

    def _must_drive(self) -> None:
        if self._lock is None:
            raise BadInput(
                str(self.path), "is open for reading only", "a run that this process drives", "Run.resume"
            )


def _read_about(path: Path) -> dict[str, Any]:
    file = path / "run.json"
    try:
        about = parse(file.read_bytes(), str(file))
    except (FileNotFoundError, NotADirectoryError):
        came = (
            "holds no run.json" if path.is_dir() else "is not a folder" if path.exists() else "does not exist"
        )
        near = None if path.exists() else nearest_path(path)
        way = meant(near, "convsmith list runs")
        raise NotARun(str(path), came, "a run folder such as runs/0001", way) from None
    except OSError as error:
        raise NotARun(str(file), f"cannot be read ({error.strerror})", "run.json of a run") from None
    except BadInput as error:
        raise NotARun(str(file), error.came, "run.json as convsmith writes it") from None
    version = about.get("format") if isinstance(about, dict) else None
    if isinstance(version, int) and version != FORMAT:
        made = about.get("convsmith", "another version")
        came = f"is a run in format {version}, written by convsmith {made}"
        raise OtherVersion(str(path), came, f"format {FORMAT} of convsmith {__version__}", "that convsmith")
    try:
        return dict(check(about, file.name, str(file)))
    except BadInput as error:
        raise NotARun(error.where, error.came, error.expected) from None
