"""The folders that a studio was opened on; every name in an address is looked up here, none is a path."""

from __future__ import annotations

import os
import re
import secrets
from dataclasses import dataclass
from pathlib import Path

from ..runs.files import saying_why, write_whole
from .refusal import Refused

NUMBER = re.compile(r"\d{4,9}")
NAME = re.compile(r"\w[\w.-]{0,79}")


@dataclass(frozen=True)
class Home:
    """Where runs are, and where the studio keeps what is its own.

    Args:
        runs: the folder of run folders.
        roots: folders whose images may be named by their path.
    """

    runs: Path
    roots: tuple[Path, ...] = ()

    @property
    def own(self) -> Path:
        """The studio's own folder, which nobody else may read."""
        return self.runs / ".studio"

    @property
    def jobs(self) -> Path:
        return self.own / "jobs"

    @property
    def data(self) -> Path:
        return self.own / "data"

    @property
    def bin(self) -> Path:
        """Where runs go that were deleted."""
        return self.own / "bin"

    def made(self) -> Home:
        """The same, with its folders made.

        Raises:
            CannotWrite: for a place that cannot be written.
        """
        with saying_why(self.runs):
            self.runs.mkdir(parents=True, exist_ok=True)
            self.own.mkdir(mode=0o700, exist_ok=True)
            for folder in (self.jobs, self.data, self.bin):
                folder.mkdir(exist_ok=True)
        return self

    def token(self) -> str:
        """The secret of the address: kept, so that open pages find a studio that was started again."""
        file = self.own / "token"
        if not file.is_file():
            write_whole(file, secrets.token_urlsafe(32))
            file.chmod(0o600)
        return file.read_text(encoding="ascii").strip()

    def run(self, name: str) -> Path:
        """The folder of a run.

        Raises:
            Refused: where there is no such run, or it is a link.
        """
        return self._held(self.runs, name, NAME, f"run {name:.40}", "run.json")

    def job(self, name: str) -> Path:
        """The folder of a job."""
        return self._held(self.jobs, name, NUMBER, f"job {name:.40}", "job.json")

    def set(self, name: str) -> Path:
        """The folder of a set of images."""
        return self._held(self.data, name, NUMBER, f"images {name:.40}", "about.json")

    def names(self) -> list[str]:
        """The names of all runs."""
        with os.scandir(self.runs) as entries:
            return sorted(
                entry.name
                for entry in entries
                if NAME.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False)
                and os.path.isfile(os.path.join(entry.path, "run.json"))
            )  # fmt: skip

    def named(self, path: str) -> Path:
        """A folder or file of images by its path, below the roots.

        Raises:
            Refused: for one that is not there, or lies elsewhere.
        """
        below = " or ".join(str(root) for root in self.roots) or "none; start the studio with --data FOLDER"
        wanted = Refused(400, "path", "is not there, or not below the folders of images", below, "--data")
        if "\0" in path or path.startswith(("\\\\", "//")) or len(path) > 4000:
            raise wanted
        found = Path(path)
        for root in self.roots:
            at = Path(os.path.normpath(found if found.is_absolute() else root / found))
            # before the disk is touched, and again with links followed
            if at.is_relative_to(root) and at.exists() and at.resolve().is_relative_to(root.resolve()):
                return at
        raise wanted

    def _held(self, folder: Path, name: str, form: re.Pattern[str], what: str, holds: str) -> Path:
        path = folder / name
        if not form.fullmatch(name) or path.is_symlink() or not (path / holds).is_file():
            raise Refused(404, what, "is not there", "one of the list", "it may have been moved or deleted")
        return path


def next_folder(parent: Path) -> Path:
    """A new numbered folder; two that ask at once get two."""
    while True:
        numbers = [int(entry.name) for entry in parent.iterdir() if NUMBER.fullmatch(entry.name)]
        path = parent / f"{max(numbers, default=0) + 1:04d}"
        try:
            path.mkdir()
        except FileExistsError:
            continue
        return path
