"""Photographs as a network sees them, batch by batch, in order and in flat memory; files that cannot be read
are said instead of ending the work.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import BadInput
from .decoding.decode import MAX_PIXELS, Unreadable
from .decoding.workers import Decoders, wanted
from .given import Chosen, Given, Pictures
from .items import Files, Items, Rows
from .pixels_in import resized, seen

FEW = 8
"""Photographs that a process of its own is not started for: starting it takes as long as decoding a dozen."""


@dataclass(frozen=True)
class Batch:
    """Some of the photographs, in order.

    Args:
        names: what a person calls each, (N).
        good: positions of those that could be read.
        pixels_NHWC: uint8, of the good ones alone.
        reasons: position -> why it could not be read.
    """

    names: list[str]
    good: list[int]
    pixels_NHWC: np.ndarray
    reasons: dict[int, str]

    def __len__(self) -> int:
        return len(self.names)


def batches(
    photos: Given,
    size: tuple[int, int],
    channels: int,
    *,
    batch_size: int,
    workers: int | None = None,
    decoders: Decoders | None = None,
    max_pixels: int = MAX_PIXELS,
) -> Iterator[Batch]:
    """Decode photographs, each as `pixels_in` has it.

    Args:
        photos: what `given` lists.
        size: (height, width) of the network's images.
        channels: 1 or 3.
        batch_size: images of a batch; the last one may have fewer.
        workers: processes that decode; 0 for this process, None for one per core, fewer for a few files, and
            this process for up to `FEW` that were named one by one.
        decoders: processes that are there already, instead of `workers`.
        max_pixels: larger images are not decoded.

    Example:
        >>> from .given import given
        >>> photos = given(np.full((3, 9, 9), 7, np.uint8))
        >>> [batch.pixels_NHWC.shape for batch in batches(photos, (2, 2), 3, batch_size=2)]
        [(2, 2, 2, 3), (1, 2, 2, 3)]
    """
    shape = (*size, channels)
    count = 0 if decoders is not None else _processes(photos, workers)
    with Decoders(count) if count else nullcontext(decoders) as decoders:
        for start in range(0, len(photos), batch_size):
            rows = range(start, min(len(photos), start + batch_size))
            pixels_NHWC = np.empty((len(rows), *shape), np.uint8)
            reasons: dict[int, str] = {}
            for k, found in _decoded(photos, rows, shape, max_pixels, decoders):
                if isinstance(found, str):
                    reasons[k] = found
                else:
                    pixels_NHWC[k] = found
            good = [k for k in range(len(rows)) if k not in reasons]
            some = pixels_NHWC if len(good) == len(rows) else pixels_NHWC[good]
            yield Batch([photos.name(i) for i in rows], good, some, reasons)


def _processes(photos: Given, workers: int | None) -> int:
    """How many processes decode."""
    files = [part for part in photos.parts if not _in_memory(part)]
    if workers is None and len(photos) <= FEW and all(isinstance(part, Files) for part in files):
        return 0
    return wanted(photos, sum(map(len, files)), workers)


def _in_memory(part: Items) -> bool:
    """Whether these are pixels already."""
    return isinstance(part, Pictures) or (isinstance(part, Chosen) and isinstance(part.images.items, Rows))


def _decoded(
    photos: Given, rows: range, shape: tuple[int, int, int], max_pixels: int, decoders: Decoders | None
) -> Iterator[tuple[int, np.ndarray | str]]:
    """(position in the batch, pixels or the reason why there are none), in any order."""
    if decoders is None:
        for k, i in enumerate(rows):
            yield k, _here(photos, i, shape, max_pixels)
        return
    here: dict[int, np.ndarray | str] = {}

    def jobs() -> Iterator[tuple[dict[str, Any], bytes]]:
        for k, i in enumerate(rows):
            job = {"do": "see", "shape": list(shape), "max_pixels": max_pixels}
            path = photos.path(i)
            if path is not None:
                yield {**job, "path": path}, b""
                continue
            try:
                raw = photos.raw(i)
                if isinstance(raw, bytes):
                    yield job, raw
                    continue
                here[k] = resized(raw, (shape[0], shape[1]), shape[2])
            except Unreadable as error:
                here[k] = str(error)
            yield {"do": "nothing"}, b""

    for k, answer, body in decoders.map(jobs()):
        if k in here:
            yield k, here.pop(k)
        elif answer["ok"]:
            yield k, np.frombuffer(body, np.uint8).reshape(shape)
        else:
            yield k, answer["reason"]


def _here(photos: Given, i: int, shape: tuple[int, int, int], max_pixels: int) -> np.ndarray | str:
    size, channels = (shape[0], shape[1]), shape[2]
    try:
        raw = photos.raw(i)
        if isinstance(raw, np.ndarray):
            return resized(raw, size, channels)
        return seen(raw, size, channels, max_pixels=max_pixels)
    except Unreadable as error:
        return str(error)
    except BadInput as error:
        return error.came
