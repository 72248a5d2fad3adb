"""Looking at every image of a set once: is it readable, how large, what mode, what content."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from .decode import MAX_PIXELS, NOTES, Unreadable, decode, is_grey
from .items import Files, Items
from .looks import NEAR_SIDE, digest, look, pixel_digest
from .memory import Memory
from .record import RECORD, Progress
from .sniff import sniff

ENOUGH = 320
"""Pixels a side from which a look at a JPEG is content: larger ones are decoded at 1/2, 1/4 or 1/8. Every
compressed byte is still read, so that a truncated file is noticed."""

_NOTE_BIT = {name: 1 << k for k, name in enumerate(NOTES)}
_SUFFIX = {
    "jpg": "JPEG", "jpeg": "JPEG", "jpe": "JPEG", "jfif": "JPEG", "mpo": "JPEG", "png": "PNG", "apng": "PNG",
    "webp": "WEBP", "bmp": "BMP", "dib": "BMP", "gif": "GIF", "tif": "TIFF", "tiff": "TIFF",
    "pgm": "PPM", "ppm": "PPM", "pbm": "PPM", "pnm": "PPM",
}  # fmt: skip
SUFFIXES = frozenset(_SUFFIX)
"""Endings of file names that promise an image that is read here."""


def scan_bytes(data: bytes, name: str, *, max_pixels: int = MAX_PIXELS) -> np.ndarray:
    """The record of one image file.

    Args:
        data: the file's bytes.
        name: its name, to compare the ending with the content.
        max_pixels: refuse larger images.

    Returns:
        A RECORD scalar array, shape ().

    Raises:
        Unreadable: with the reason.
    """
    image = decode(data, at_least=(ENOUGH, ENOUGH), max_pixels=max_pixels)
    notes = set(image.notes)
    suffix = name.rpartition(".")[2].lower() if "." in name else ""
    if _SUFFIX.get(suffix, image.format if suffix == "" else None) != image.format:
        notes.add("extension")
    record = scan_pixels(image.pixels)
    record["raw"] = np.frombuffer(digest(data), "<u8")
    record["height"], record["width"], record["bytes"] = image.height, image.width, len(data)
    record["mode"], record["format"] = image.mode.encode(), image.format.encode()
    record["notes"] = sum(_NOTE_BIT[note] for note in notes)
    return record


def scan_pixels(pixels: np.ndarray) -> np.ndarray:
    """The record of one image that came as uint8 (H, W, 1 or 3) pixels."""
    from PIL import Image

    record = np.zeros((), RECORD)
    height, width, channels = pixels.shape
    grey = pixels[:, :, 0] if channels == 1 else np.asarray(Image.fromarray(pixels).convert("L"))
    if channels == 3 and is_grey(pixels):
        record["notes"] = _NOTE_BIT["grey"]
    content = pixel_digest(pixels)
    record["raw"] = record["content"] = np.frombuffer(content, "<u8")
    record["height"], record["width"], record["bytes"] = height, width, pixels.nbytes
    record["mode"], record["format"] = (b"L" if channels == 1 else b"RGB"), b"array"
    if min(height, width) >= NEAR_SIDE:
        record["look"] = np.frombuffer(look(grey).to_bytes(16, "big"), ">u8")
    step = max(1, int((height * width / 16384) ** 0.5))
    sample = grey[::step, ::step].astype(np.float32)
    record["mean"], record["spread"], record["channels"] = sample.mean(), sample.std(), channels
    return record


def scan(
    items: Items,
    *,
    max_pixels: int = MAX_PIXELS,
    progress: Progress | None = None,
    workers: int | None = None,
    cache: Path | None = None,
) -> tuple[np.ndarray, np.ndarray, list[tuple[int, str]]]:
    """Look at every item once.

    Args:
        items: what to look at.
        max_pixels: refuse images with more pixels.
        progress: called from time to time.
        workers: processes that decode; 0 for this process, None for one per core, fewer for a few files.
        cache: folder where what was seen is kept; files that are the same as last time are not opened.

    Returns:
        The positions of the readable items (int64), their records, and (position, reason) of the others.
    """
    records = np.zeros(len(items), RECORD)
    reasons: dict[int, str] = {}
    todo = np.arange(len(items))
    memory = None
    if cache is not None and isinstance(items, Files) and len(items) >= 200:
        memory = Memory(cache, items, max_pixels)
        todo = memory.recall(records, reasons)
    for done, (i, answer) in enumerate(_seen(items, todo, max_pixels, workers), 1):
        if isinstance(answer, str):
            reasons[i] = answer
        else:
            records[i] = answer
        if progress and (done % 64 == 0 or done == len(todo)):
            progress("looking at images", len(items) - len(todo) + done, len(items))
    if memory is not None and len(todo):
        memory.keep(records, reasons)
    good = np.ones(len(items), bool)
    good[list(reasons)] = False
    rows = np.flatnonzero(good)
    return rows, records[rows], sorted(reasons.items())


def _seen(
    items: Items, todo: np.ndarray, max_pixels: int, workers: int | None
) -> Iterator[tuple[int, np.ndarray | str]]:
    """(position, record or reason) of each item to look at, in any order."""
    from .workers import Decoders, wanted

    count = wanted(items, len(todo), workers)
    if not count:
        for i in todo:
            yield int(i), _look(items, int(i), max_pixels)
        return
    here: dict[int, np.ndarray | str] = {}  # what was known before a worker was asked

    def jobs() -> Iterator[tuple[dict[str, Any], bytes]]:
        for n, i in enumerate(todo):
            job = {"do": "scan", "name": items.name(int(i)), "max_pixels": max_pixels}
            if isinstance(items, Files):
                yield {**job, "path": items.path(int(i))}, b""
                continue
            try:
                raw = items.raw(int(i))
                if isinstance(raw, bytes):
                    yield job, raw
                    continue
                here[n] = scan_pixels(raw)
            except Unreadable as error:
                here[n] = str(error)
            yield {"do": "nothing"}, b""

    with Decoders(count) as decoders:
        for n, answer, body in decoders.map(jobs()):
            i = int(todo[n])
            if n in here:
                yield i, here.pop(n)
            elif answer["ok"]:
                yield i, np.frombuffer(body, RECORD)[0]
            else:
                yield i, answer["reason"]


def _look(items: Items, i: int, max_pixels: int) -> np.ndarray | str:
    try:
        raw = items.raw(i)
        if isinstance(raw, np.ndarray):
            return scan_pixels(raw)
        return scan_bytes(raw, items.name(i), max_pixels=max_pixels)
    except Unreadable as error:
        return str(error)


def mark(record: np.ndarray, note: str) -> None:
    """Add a note to one record."""
    record["notes"] |= _NOTE_BIT[note]


def noted(records: np.ndarray, note: str) -> np.ndarray:
    """Which of the records carry a note, bool (N,)."""
    return (records["notes"] & _NOTE_BIT[note]) != 0


def looks_like_image(name: str, head: Callable[[], bytes]) -> bool:
    """Whether a file is meant as an image: by its ending, or else by its first bytes.

    Args:
        name: the file's name.
        head: returns its first bytes; called only when the ending does not tell.
    """
    suffix = name.rpartition(".")[2].lower() if "." in name else ""
    if suffix in SUFFIXES or suffix in ("heic", "heif", "avif", "jp2", "svg", "psd"):
        return True
    return sniff(head()) in set(_SUFFIX.values())
