"""The photographs that a command is about: files, folders, data sets, or a part of the run's own images."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import BadInput
from ...units import counted

if TYPE_CHECKING:
    import numpy as np

    from ...data import Images
    from .trained import Trained

SKIPPED = 3
"""How many unreadable files are named."""


@dataclass(frozen=True)
class Photos:
    """Photographs, as they are and as the network sees them.

    Args:
        names: what a person calls each.
        originals: uint8 (H, W, 1 or 3), upright, at their own sizes.
        pixels_NHWC: raw pixels at the network's size, uint8.
        y: the network's number of each one's class; -1 where it is not known.
        notes: what was left out.
    """

    names: list[str]
    originals: list[np.ndarray]
    pixels_NHWC: np.ndarray
    y: list[int]
    notes: tuple[str, ...] = ()


def photos(
    net: Trained, given: Sequence[str | Images], *, split: str | None = None, outside: bool = False,
    most: int = 24,
) -> Photos:  # fmt: skip
    """Read photographs for a network.

    Args:
        net: the run's network.
        given: files, folders, data sets by name or file, or images that were read.
        split: instead of them, this part of the run's own images.
        outside: of a data set, also read images outside its folder.
        most: at most so many, evenly spread.

    Raises:
        BadInput: nothing was given, nothing can be read, both images and a split were given, or `outside`
            without a data set.
    """
    from .run_images import own_images

    if split is not None:
        if given:
            raise BadInput("--split", "given with images", "one of them", f"--split {split}")
        own = own_images(net, outside=outside)
        return _of_set(net, own.images[own.rows(split)], most)
    if not given:
        raise BadInput("images", "none were given", "a file, a folder or --split", "cat.jpg")
    if len(given) == 1 and is_set(given[0]):
        return _of_set(net, given[0], most, outside)
    if outside:
        raise BadInput("--outside", "given with image files", "a table or an archive that it is for")
    return _of_files(net, _files(given), most)


def is_set(given: Any) -> bool:
    """Whether what was given is a data set by name or by file, rather than photographs."""
    from ...data.refusal import NAMED

    if not isinstance(given, str | os.PathLike):
        return True
    return (
        (str(given) in NAMED and not Path(given).exists())
        or Path(given).suffix.lower() in (".npz", ".csv", ".tsv", ".jsonl", ".parquet", ".zip", ".tar")
    )  # fmt: skip


def _of_set(net: Trained, given: Any, most: int, outside: bool = False) -> Photos:
    from ...data import Images, read

    images: Images = given if isinstance(given, Images) else read(given, outside=outside)
    some = images[_spread(len(images), most)]
    rows, columns, channels = (int(size or 0) for size in net.graph.input_shape)
    numbers = {name: number for number, name in enumerate(net.classes)}
    return Photos(
        some.names,
        [some.image(position) for position in range(len(some))],
        some.pixels((rows, columns), channels),
        [numbers.get(images.classes[label], -1) if label >= 0 else -1 for label in some.y],
        _left(len(images), len(some)),
    )


def _files(given: Sequence[Any]) -> list[Path]:
    """The files that were named, and those in the folders that were, in order."""
    from ...data.decoding.scan import SUFFIXES

    found: list[Path] = []
    for one in given:
        if not isinstance(one, str | os.PathLike):
            raise BadInput("images", f"got {type(one).__name__} among others", "files, or one set of images")
        path = Path(one)
        if not path.is_dir():
            found.append(path)
            continue
        inside = sorted(p for p in path.rglob("*") if p.suffix.lower().lstrip(".") in SUFFIXES)
        if not inside:
            raise BadInput(str(path), "holds no image files", "a folder with JPEG or PNG files")
        found += inside
    return found


def _of_files(net: Trained, files: list[Path], most: int) -> Photos:
    """Photographs from files. One that cannot be read is an error where it stands alone, else it is named."""
    import numpy as np

    from ...data import photo
    from ...data.pixels_in import pixels_in

    rows, columns, channels = (int(size or 0) for size in net.graph.input_shape)
    numbers = {name: number for number, name in enumerate(net.classes)}
    chosen = [files[k] for k in _spread(len(files), most)]
    good, skipped = [], []
    for path in chosen:
        try:
            good.append((path, photo(path)))
        except BadInput as error:
            if len(chosen) == 1:
                raise
            skipped.append(str(error))
    if not good:
        raise BadInput("images", f"none of {len(chosen)} can be read: {skipped[0]}", "image files")
    more = len(skipped) - SKIPPED
    notes = [f"left out: {reason}" for reason in skipped[:SKIPPED]]
    notes += [f"left out: {more} more that cannot be read"] if more > 0 else []
    return Photos(
        [path.name for path, _ in good],
        [pixels for _, pixels in good],
        np.stack([pixels_in(path, (rows, columns), channels) for path, _ in good]),
        [numbers.get(path.parent.name, -1) for path, _ in good],
        (*_left(len(files), len(chosen)), *notes),
    )


def _spread(count: int, most: int) -> list[int]:
    """So many places, evenly spread over all."""
    return list(range(count)) if count <= most else [k * count // most for k in range(most)]


def _left(count: int, shown: int) -> tuple[str, ...]:
    return (
        ()
        if shown == count
        else (f"{shown} of {counted(count, 'image')}, evenly spread (--most takes more)",)
    )
