"""Looking at every image of a set once, in processes that may crash, or in this one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ..items import Files, Items
from .decode import MAX_PIXELS, Unreadable
from .memory import Memory
from .record import RECORD, Progress
from .scan import scan_bytes, scan_pixels
from .workers import Decoders, wanted


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
