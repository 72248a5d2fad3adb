"""One run folder among others: who drives it, and how it gets its number."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import time
from contextlib import suppress
from pathlib import Path

from convsmith.errors import BadInput

from .files import saying_why

LOCK = ".lock"
STALE_AFTER = 3600.0  # seconds; a folder still being made after an hour was left by a crash


class RunBusy(BadInput):
    """Another process is driving this run."""


def take_lock(path: Path) -> int:
    """Lock a run folder; the file descriptor returned holds the lock until closed, or the process ends."""
    with saying_why(path):
        descriptor = os.open(path / LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:  # it may be `is_driven` that looks
            time.sleep(0.05)
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        came = "another process is driving this run"
        raise RunBusy(str(path), came, "one process at a time", "wait for it, or end it") from None
    except OSError as error:
        os.close(descriptor)
        came = f"its file system cannot lock files ({error.strerror})"
        raise BadInput(str(path), came, "a local disk", "another folder") from None
    return descriptor


def is_driven(path: Path) -> bool:
    """Whether a process is driving the run in this folder now."""
    try:
        descriptor = os.open(path / LOCK, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return False


def claim(parent: Path, making: Path, name: str | None) -> Path:
    """Rename a complete folder to its name; the rename fails where a run already is, so it decides races."""
    while True:
        numbers = [int(path.name) for path in parent.iterdir() if re.fullmatch(r"\d{4,}", path.name)]
        path = parent / (name or f"{max(numbers, default=0) + 1:04d}")
        try:
            os.rename(making, path)
        except OSError:
            if not path.exists():
                raise
            if name:
                came = "a run or another file is already there"
                raise BadInput(str(path), came, "a name that is free", "--resume, or another name") from None
            continue
        return path


def sweep(parent: Path) -> None:
    """Remove what a crash left half made."""
    for left in parent.glob(".new-*"):
        with suppress(FileNotFoundError):  # its maker may rename it just now
            if time.time() - left.stat().st_mtime > STALE_AFTER:
                shutil.rmtree(left, ignore_errors=True)
