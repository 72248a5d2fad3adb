"""From whatever people have to a set of images that has been looked at."""

from __future__ import annotations

import inspect
import os
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import BadInput, ConvsmithError
from ..units import counted
from .decoding.decode import MAX_PIXELS, Unreadable, decode
from .decoding.memory import cache_folder
from .decoding.record import Progress
from .images import Images
from .items import read_bytes
from .labelling.groups import grouped
from .readers import READERS, as_path
from .refusal import refusal


def read(
    data: object,
    *,
    reader: str | None = None,
    group: str | None = None,
    strict: bool = False,
    outside: bool = False,
    max_pixels: int = MAX_PIXELS,
    progress: Progress | None = None,
    workers: int | None = None,
    cache: str | Path | None = "default",
) -> Images:
    """Read a set of labelled images and look at every image once.

    Args:
        data: a folder, zip or tar with a folder of images per class; a CSV, TSV, JSON-lines or Parquet table
            of paths and labels; .npz, .npy, IDX or CIFAR files; arrays, a pandas table or a dataset object;
            or one of the names digits, mnist, fashion_mnist, kmnist, cifar10, cifar100.
        reader: name of the reader to use; None asks each in turn.
        group: regular expression on the images' names; images whose parentheses match the same text (a
            patient, a burst) stay in one part of every split.
        strict: raise when an image cannot be read, instead of leaving it out.
        outside: also read images outside the folder that was named, where a table names them or links lead to
            them.
        max_pixels: images with more pixels are listed as unreadable instead of decoded.
        progress: called as ``progress(what, done, total)`` from time to time; total is 0 where it is not
            known yet.
        workers: processes that decode, so that a crash or an endless file costs one image and not the run;
            0 for none, None for one per core, fewer for a few files.
        cache: folder where listings of large folders and what was seen in 200 files or more are kept;
            "default" for `cache_folder()`, None for nowhere.

    Returns:
        The readable images; ``found`` says what there was, and what could not be read, and why.

    Raises:
        BadInput: when nothing is there, or not enough to learn from: fewer than two classes, or a class with
            fewer than two usable images.

    Example:
        >>> images = read("digits")
        >>> len(images), len(images.train), len(images.validation), len(images.test)
        (1797, 1169, 269, 359)
    """
    kept = cache_folder() if cache == "default" else None if cache is None else Path(cache)
    images = listing(data, reader=reader, outside=outside, cache=kept, progress=progress)
    if group is not None:
        images = grouped(images, group)
    images = images.examined(max_pixels=max_pixels, progress=progress, workers=workers, cache=kept)
    if strict and images.unreadable:
        name, reason = images.unreadable[0]
        raise BadInput(
            images.source,
            f"{counted(len(images.unreadable), 'image')} cannot be read, such as {name}: {reason}",
            "all of them to be readable", "repair or remove them, or do without --strict",
        )  # fmt: skip
    enough(images)
    return images


def listing(
    data: object,
    *,
    reader: str | None = None,
    outside: bool = False,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> Images:
    """What the first reader that takes `data` finds, not looked at yet, however little it is.

    Readers with options called `outside`, `cache` and `progress` get those.
    """
    wishes = {"outside": outside, "cache": cache, "progress": progress}
    for name in [reader] if reader else list(READERS):
        takes = inspect.signature(READERS.find(name)).parameters
        found = _asked(name, data, {wish: value for wish, value in wishes.items() if wish in takes})
        if found is not None:
            return found
    raise refusal(data, reader, outside=outside)


def _asked(name: str, data: object, wishes: dict[str, Any]) -> Images | None:
    """What a reader says of a source. A file may be damaged in more ways than its reader knows of."""
    try:
        return READERS.find(name)(data, **wishes)
    except (ConvsmithError, ImportError):
        raise
    except Exception as error:
        if (path := as_path(data)) is None or not os.path.lexists(path):
            raise  # somebody's own object says what is wrong with it
        reason = str(error) or "no reason given"
        raise BadInput(
            path,
            f"the reader '{name}' cannot read it ({type(error).__name__}: {reason})",
            "an undamaged file",
        ) from error


def photo(path: str | os.PathLike[str]) -> np.ndarray:
    """One image file without a label, safely decoded.

    Args:
        path: a JPEG, PNG, WebP, BMP, GIF, TIFF or PPM file.

    Returns:
        uint8 (H, W, 1 or 3), upright, at its own size; `pixels_in` is what a network sees of it.

    Raises:
        BadInput: when it cannot be read, with the reason.
    """
    try:
        return decode(read_bytes(os.fspath(path))).pixels
    except Unreadable as error:
        raise BadInput(os.fspath(path), str(error), "an image file") from None


def enough(images: Images) -> None:
    """Raise `BadInput` unless there are two classes and two usable images in each."""
    bad = images.unreadable
    lost = (
        f" ({len(bad):,} unreadable: {bad[0][0]}: {bad[0][1]}{', ...' if len(bad) > 1 else ''})"
        if bad
        else ""
    )
    if not len(images):
        raise BadInput(images.source, f"no usable image{lost}", "images of two classes or more")
    if len(images.classes) < 2:
        only = images.classes[0] if images.classes else "no label"
        raise BadInput(
            images.source, f"one class ('{only}', {counted(len(images), 'image')})", "two classes or more",
            "a folder of images for each class",
        )  # fmt: skip
    counts = np.bincount(images.y, minlength=len(images.classes))
    for name, count in zip(images.classes, counts, strict=True):
        if count < 2:
            had = "no usable image" if count == 0 else "only one usable image"
            raise BadInput(
                images.source, f"class '{name}' has {had}{lost}", "at least 2",
                f"add images of '{name}' (some dozens), or take the class out",
            )  # fmt: skip
