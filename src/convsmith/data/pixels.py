"""All pixels of a set at one working size: decoded once, kept in a memory-mapped file keyed by content."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import BadInput
from ..units import show_bytes
from .decoding.decode import Unreadable
from .decoding.record import Progress
from .doctor.looks import digest
from .files.evict import evict, used
from .files.wholefile import reserve, whole
from .items import Files, Items, Rows
from .pixels_in import DEFINITION, resized, seen


def decode_row(items: Items, i: int, raw: np.ndarray, size: tuple[int, int], channels: int) -> np.ndarray:
    """Item `i` at the working size, after checking that it is still what was looked at.

    Args:
        items: where it is.
        i: which one.
        raw: (2,) uint64, its digest when the set was read.
        size: (height, width).
        channels: 1 or 3.

    Raises:
        BadInput: when the file has vanished or changed since.
    """
    try:
        data = items.raw(i)
        if isinstance(data, np.ndarray):
            return resized(data, size, channels)
        if digest(data) != raw.tobytes():
            raise Unreadable("has changed since it was read")
        return seen(
            data, size, channels, max_pixels=sys.maxsize
        )  # its size was bounded when it was looked at
    except Unreadable as error:
        raise _gone(items, i, str(error)) from None


def fill(
    out: np.ndarray,
    items: Items,
    rows: np.ndarray,
    raws: np.ndarray,
    progress: Progress | None = None,
    workers: int | None = None,
) -> None:
    """Decode ``items[rows]`` into `out`, uint8 (N, H, W, C); `workers` as in `scan.scan`."""
    from .decoding.workers import wanted

    count = wanted(items, len(rows), workers)
    size, channels = (out.shape[1], out.shape[2]), out.shape[3]
    done = _by_workers(items, rows, raws, out.shape[1:], count) if count else None
    if done is None:
        done = ((n, decode_row(items, int(i), raws[n], size, channels)) for n, i in enumerate(rows))
    for ready, (n, image) in enumerate(done, 1):
        out[n] = image
        if progress and (ready % 64 == 0 or ready == len(rows)):
            progress("decoding", ready, len(rows))


def _by_workers(
    items: Items, rows: np.ndarray, raws: np.ndarray, shape: tuple[int, ...], count: int
) -> Iterator[tuple[int, np.ndarray]]:
    """(number, pixels) of each row, in any order, decoded in processes of their own."""
    from .decoding.workers import Decoders

    here: dict[int, np.ndarray] = {}  # what needs no decoder

    def jobs() -> Iterator[tuple[dict[str, Any], bytes]]:
        for n, i in enumerate(rows):
            job = {"do": "pixels", "raw": raws[n].tobytes().hex(), "shape": list(shape)}
            if isinstance(items, Files):
                yield {**job, "path": items.path(int(i))}, b""
                continue
            raw = _raw(items, int(i))
            if isinstance(raw, bytes):
                yield job, raw
            else:
                here[n] = resized(raw, (shape[0], shape[1]), shape[2])
                yield {"do": "nothing"}, b""

    with Decoders(count) as decoders:
        for n, answer, body in decoders.map(jobs()):
            if not answer["ok"]:
                raise _gone(items, int(rows[n]), answer["reason"])
            yield n, here.pop(n) if n in here else np.frombuffer(body, np.uint8).reshape(shape)


def _raw(items: Items, i: int) -> bytes | np.ndarray:
    try:
        return items.raw(i)
    except Unreadable as error:
        raise _gone(items, i, str(error)) from None


def unchanged(items: Items, rows: np.ndarray, sizes: np.ndarray) -> None:
    """Raise `BadInput` when a file has vanished or has another size (bytes) than when the set was read."""
    if not isinstance(items, Files):
        return
    for i, size in zip(rows, sizes, strict=True):
        try:
            if os.stat(items.path(int(i))).st_size != size:
                raise _gone(items, int(i), "has changed since it was read")
        except OSError as error:
            raise _gone(items, int(i), f"cannot be opened: {error.strerror or error}") from None


def _gone(items: Items, i: int, reason: str) -> BadInput:
    return BadInput(items.name(i), reason, "the file that was there before", "start again")


def cache_path(folder: Path, fingerprint: str, size: tuple[int, int], channels: int) -> Path:
    """The cache file of one set at one working size."""
    return Path(folder) / f"pixels-{fingerprint[:32]}-{size[0]}x{size[1]}x{channels}-v{DEFINITION}.npy"


def cached(path: Path, shape: tuple[int, ...]) -> np.ndarray | None:
    """The memory-mapped content of a cache file, or None where there is none or it is not whole.

    A file beside it holds the checksum of the pixels: a torn, damaged or foreign file is noticed.
    """
    try:
        pixels = np.load(path, mmap_mode="r", allow_pickle=False)
        if pixels.shape != shape or pixels.dtype != np.uint8 or not pixels.flags.c_contiguous:
            return None
        if path.with_suffix(".sum").read_text() != _checksum(pixels):
            return None
        used(path)
        return pixels
    except (OSError, ValueError, EOFError):
        return None


def _checksum(pixels: np.ndarray) -> str:
    """A digest of all pixels, or of 4,096 pages spread over a file of more than 256 MB."""
    flat = pixels.reshape(-1)
    maker = hashlib.blake2b(repr(pixels.shape).encode(), digest_size=16)
    if flat.size <= 256_000_000:
        maker.update(flat.data)
    else:
        for start in np.linspace(0, flat.size - 4096, 4096).astype(np.int64):
            maker.update(flat[start : start + 4096].data)
    return maker.hexdigest()


def build(
    path: Path,
    shape: tuple[int, ...],
    items: Items,
    rows: np.ndarray,
    raws: np.ndarray,
    progress: Progress | None = None,
) -> np.ndarray:
    """Decode into a new cache file, written whole, and map it.

    Raises:
        FullDisk: when there is no room; nothing stays behind.
    """
    with whole(path) as draft:
        _start_npy(draft, shape)
        pixels = np.load(draft, mmap_mode="r+", allow_pickle=False)
        fill(pixels, items, rows, raws, progress)
        pixels.flush()
        checksum = _checksum(pixels)
        del pixels
    with whole(path.with_suffix(".sum")) as draft:
        draft.write_text(checksum)
    evict(path.parent, keep=path)
    found = cached(path, shape)
    if found is None:
        raise BadInput(str(path), "was changed by somebody while it was written", "a folder of its own")
    return found


def _start_npy(path: Path, shape: tuple[int, ...]) -> None:
    """An .npy file with its header and room for the pixels."""
    with open(path, "wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
        start = file.tell()
    reserve(path, start + int(np.prod(shape, dtype=np.int64)))


def fits(shape: tuple[int, ...]) -> None:
    """Raise `BadInput` when uint8 pixels of this shape would take more than half of the machine's memory."""
    wanted = int(np.prod(shape, dtype=np.int64))
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return
    if wanted > memory // 2:
        raise BadInput(
            "pixels", f"{show_bytes(wanted)} for {shape[0]:,} images of {shape[2]}x{shape[1]}",
            f"at most half of the memory ({show_bytes(memory)})", "cache=a folder, to map them from disk",
        )  # fmt: skip


def in_memory(
    items: Items, rows: np.ndarray, raws: np.ndarray, shape: tuple[int, ...], progress: Progress | None = None
) -> np.ndarray:
    """The same pixels in memory, read-only; without a copy where the set is such an array already."""
    if isinstance(items, Rows) and len(items.arrays) == 1 and items.scale is None:
        x = items.arrays[0][1]
        if x.shape == shape and np.array_equal(rows, np.arange(len(x))):
            view = x.view()
            view.flags.writeable = False
            return view
    out = np.empty(shape, np.uint8)
    fill(out, items, rows, raws, progress)
    out.flags.writeable = False
    return out
