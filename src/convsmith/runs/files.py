"""Writing so that a reader never sees half a file, whenever the power or the process goes.

A file is written whole (temporary file in the same folder, fsync, rename) or grows by whole lines
(append, fsync); a line that has no newline yet was torn by a crash and counts as not written.
"""

from __future__ import annotations

import errno
import json
import math
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from convsmith.errors import BadInput

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_CLOSED = {errno.EACCES, errno.EPERM, errno.EROFS}


class CannotWrite(BadInput):
    """A file or folder cannot be written: full disk, no permission, read-only, not a folder."""


@contextmanager
def saying_why(path: Path) -> Iterator[None]:
    """Turn an OSError inside the block into one line that says what is wrong with `path`."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            problem = ("cannot be written: the disk is full", "free space there, then the same command again")
        elif error.errno in _CLOSED:
            problem = ("cannot be written: no permission", "a folder of your own, or chmod u+w")
        elif error.errno in (errno.ENOTDIR, errno.EEXIST):
            problem = ("cannot be written: a part of this path is a file, not a folder", "another folder")
        elif error.errno == errno.ELOOP:
            problem = ("cannot be written: it is a symbolic link", "remove the link")
        else:
            problem = (f"cannot be written: {(error.strerror or str(error)).lower()}", "another folder")
        raise CannotWrite(
            str(path), problem[0], "a folder with space and write permission", problem[1]
        ) from error


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_whole(path: str | Path, data: bytes | str) -> None:
    """Write a file so that it has either its old content or all of the new one.

    Args:
        path: the file; its folder is made when absent.
        data: the content; text is written as UTF-8.

    Raises:
        CannotWrite: full disk, no permission; the old content is still there and nothing else is left.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp()) / "note.txt"
        >>> write_whole(file, "whole"); file.read_text()
        'whole'
    """
    path = Path(path)
    content = data.encode() if isinstance(data, str) else data
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with saying_why(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
            try:
                _write_all(descriptor, content)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            os.replace(temporary, path)
        except BaseException:
            with suppress(OSError):
                temporary.unlink()
            raise
        _sync_folder(path.parent)


def place_in(folder: str | Path, name: str) -> Path:
    """A folder inside another, made when absent, where files can be written: said before any work.

    Args:
        folder: such as a run folder.
        name: of the folder in it, such as "explain/units".

    Raises:
        BadInput: a link on the way leads out of the folder.
        CannotWrite: read-only, no permission, not a folder.
    """
    home = Path(folder)
    target = home / name
    if not target.resolve().is_relative_to(home.resolve()):
        came = f"leads out of the folder, to {target.resolve()}"
        raise BadInput(str(target), came, "a folder inside it, no link", "remove the link")
    with saying_why(target):
        target.mkdir(parents=True, exist_ok=True)
        if not os.access(target, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, "no permission")
    return target


def append_line(path: str | Path, text: str) -> None:
    """Add one line to a file and force it to the disk; a torn last line is cut off first.

    Args:
        path: the file; made, with its folder, when absent.
        text: the line, without line breaks.

    Raises:
        CannotWrite: full disk, no permission; the file then still has exactly its old lines.
        ValueError: `text` holds a line break.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp()) / "log.jsonl"
        >>> append_line(file, "one"); append_line(file, "two"); read_lines(file)
        ['one', 'two']
    """
    append_lines(path, [text])


def append_lines(path: str | Path, texts: Sequence[str]) -> None:
    """Add several lines at once, as `append_line` adds one."""
    if any("\n" in text or "\r" in text for text in texts):
        raise ValueError("a line holds no line break")
    path = Path(path)
    with saying_why(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        is_new = not path.exists()
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
        try:
            end = _whole_length(descriptor)
            os.ftruncate(descriptor, end)
            os.lseek(descriptor, end, os.SEEK_SET)
            try:
                _write_all(descriptor, "".join(f"{text}\n" for text in texts).encode())
                os.fsync(descriptor)
            except BaseException:
                with suppress(OSError):
                    os.ftruncate(descriptor, end)
                raise
        finally:
            os.close(descriptor)
        if is_new:
            _sync_folder(path.parent)


def _whole_length(descriptor: int) -> int:
    """Bytes up to and including the last newline, looking from the end in blocks."""
    end = os.lseek(descriptor, 0, os.SEEK_END)
    while end > 0:
        start = max(0, end - 65536)
        os.lseek(descriptor, start, os.SEEK_SET)
        block = os.read(descriptor, end - start)
        found = block.rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0


def read_lines(path: str | Path) -> list[str]:
    """The whole lines of a file; one without its newline was torn by a crash and is left out.

    An absent file has no lines. Bytes that are not UTF-8 are kept as Python keeps them in file names.
    """
    try:
        content = Path(path).read_bytes()
    except FileNotFoundError:
        return []
    *whole, _torn = content.split(b"\n")
    return [line.decode(errors="surrogateescape") for line in whole]


def to_json(value: Any, *, indent: int | None = None) -> str:
    """JSON that every reader accepts: NaN and infinities become null, arrays lists, paths text.

    Example:
        >>> to_json({"loss": float("nan"), "shape": (8, 8)})
        '{"loss": null, "shape": [8, 8]}'
    """
    return json.dumps(_plain(value), indent=indent, ensure_ascii=False, allow_nan=False)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if value is None or isinstance(value, str | int | bool):
        return value
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "tolist"):  # a numpy scalar or array
        return _plain(value.tolist())
    raise TypeError(f"{type(value).__name__} is not JSON")
