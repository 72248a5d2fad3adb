"""Files that are there whole or not at all, also when the disk is full."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ...errors import BadInput
from ...units import show_bytes


class FullDisk(BadInput):
    """There is no room for a file that convsmith wants to keep."""


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A temporary path in the same folder that becomes `path` when the block ends without an error.

    Args:
        path: where the finished file is wanted; its folder is made.

    Raises:
        FullDisk: when the device is full or a quota is used up; nothing half-written stays.
        BadInput: when the folder cannot be written.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with whole(Path(folder) / "a.txt") as draft:
        ...         _ = draft.write_text("done")
        ...     (Path(folder) / "a.txt").read_text()
        'done'
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield draft
        with open(draft, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(draft, path)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise full_disk(path) from None
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR):
            reason = error.strerror or str(error)
            raise BadInput(
                str(path), f"cannot be written: {reason}", "a folder that can be written"
            ) from None
        raise
    finally:
        with suppress(OSError):
            draft.unlink()


def full_disk(path: Path, wanted: int | None = None) -> FullDisk:
    """The error to raise when `path`, of `wanted` bytes, finds no room."""
    size = f" for {show_bytes(wanted)}" if wanted else ""
    return FullDisk(
        str(path), f"no space left on the disk{size}", "room for the file",
        "free some space, or name a folder on another disk",
    )  # fmt: skip


def reserve(path: Path, size: int) -> None:
    """Make `path` a file of `size` bytes that really are on the disk, so that writing to its map cannot fail.

    Raises:
        FullDisk: when there is no room.
    """
    with open(path, "ab") as file:
        try:
            os.posix_fallocate(file.fileno(), 0, size)
        except AttributeError:  # no such call on this system: write the zeros
            file.truncate(0)
            for start in range(0, size, 1 << 20):
                file.write(bytes(min(1 << 20, size - start)))
            file.flush()
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                raise full_disk(path, size) from None
            if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL):
                raise
            file.truncate(size)
