"""Asking a network about photographs: decoded in processes of their own while the network computes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

from ...errors import BadInput
from ...units import counted
from .predictions import Predictions

if TYPE_CHECKING:
    import numpy as np

    from ...data.decoding.workers import Decoders
    from ...data.given import Given
    from ...data.stream import Batch

Answer = Callable[["np.ndarray"], tuple["np.ndarray", "np.ndarray"]]
"""From raw pixels (N, H, W, C) to probabilities (N, classes) and which images are rejected (N,)."""


def ask(
    photos: Given,
    answer: Answer,
    classes: tuple[str, ...],
    *,
    shape: tuple[int, int, int],
    batch_size: int,
    workers: int | None = None,
    decoders: Decoders | None = None,
    max_pixels: int | None = None,
) -> Iterator[Predictions]:
    """What is said of photographs, batch by batch in their order.

    While the network computes a batch, the next one is decoded: memory holds two batches, however many
    photographs there are.

    Args:
        photos: what `data.given.given` lists.
        answer: the network.
        classes: the classes' names.
        shape: rows, columns and channels of the network's images.
        batch_size: images at a time.
        workers: processes that decode; None for one per core, fewer for a few files.
        decoders: processes that are there already, instead of `workers`.
        max_pixels: larger photographs are not decoded; as everywhere without it.
    """
    from ...data.decoding.decode import MAX_PIXELS
    from ...data.stream import batches

    rows, columns, channels = shape
    stream = batches(
        photos,
        (rows, columns),
        channels,
        batch_size=batch_size,
        workers=workers,
        decoders=decoders,
        max_pixels=MAX_PIXELS if max_pixels is None else max_pixels,
    )
    with ThreadPoolExecutor(1) as computing:
        before: Future[Predictions] | None = None
        for batch in stream:
            now = computing.submit(_answered, batch, answer, classes)
            if before is not None:
                yield before.result()
            before = now
        if before is not None:
            yield before.result()


def _answered(batch: Batch, answer: Answer, classes: tuple[str, ...]) -> Predictions:
    import numpy as np

    p = np.full((len(batch), len(classes)), np.nan, np.float32)
    rejected = np.zeros(len(batch), bool)
    if batch.good:
        p[batch.good], rejected[batch.good] = answer(batch.pixels_NHWC)
    return Predictions(batch.names, classes, p, rejected, batch.reasons)


def together(parts: Sequence[Predictions]) -> Predictions:
    """Several batches as one.

    Raises:
        BadInput: where none of the images could be read.
    """
    import numpy as np

    reasons: dict[int, str] = {}
    names: list[str] = []
    for part in parts:
        reasons |= {len(names) + i: reason for i, reason in part.reasons.items()}
        names += part.names
    if len(reasons) == len(names):
        raise unreadable(names[0], reasons[0], len(names))
    p = np.concatenate([part.probabilities for part in parts])
    rejected = np.concatenate([part.rejected for part in parts])
    return Predictions(names, parts[0].classes, p, rejected, reasons)


def unreadable(name: str, reason: str, count: int) -> BadInput:
    """The error where none of so many images could be read."""
    if count == 1:
        return BadInput(name, reason, "an image file")
    came = f"none of {counted(count, 'file')} can be read, such as {name}: {reason}"
    return BadInput("images", came, "JPEG, PNG or other photographs")
