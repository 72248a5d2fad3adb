"""Arrays of pixels of any type as a set of images."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from ..errors import BadInput
from ..units import counted
from .images import Images
from .items import Rows
from .labels import numbered
from .split import TEST, TRAIN, VALIDATION

_KEYS = {
    TRAIN: (
        ("x_train", "y_train"),
        ("train_images", "train_labels"),
        ("X_train", "Y_train"),
        ("X_train", "y_train"),
    ),
    VALIDATION: (
        ("x_val", "y_val"),
        ("val_images", "val_labels"),
        ("x_validation", "y_validation"),
        ("X_val", "y_val"),
    ),
    TEST: (("x_test", "y_test"), ("test_images", "test_labels"), ("X_test", "Y_test"), ("X_test", "y_test")),
}
_WHOLE = (("x", "y"), ("X", "y"), ("X", "Y"), ("images", "labels"), ("data", "target"), ("data", "labels"))


def images_of(
    pieces: Sequence[tuple[str, np.ndarray, np.ndarray | None, int]],
    *,
    source: str,
    reader: str,
    names: Sequence[str] | None = None,
    highest: float | None = None,
) -> Images:
    """A set from one or several pairs of arrays.

    Args:
        pieces: (name, images, labels, part): images (N, H, W), (N, H, W, C) or (N, C, H, W).
        source: what the user named.
        reader: name of the reader.
        names: class names in the order of the label numbers.
        highest: the value that means white; None to tell from the type and the values.

    Returns:
        The set, not looked at yet; parts only when there is more than one piece.

    Raises:
        BadInput: for shapes, types or lengths that cannot be images with labels.
    """
    arrays, notes = [], []
    for name, x, y, _ in pieces:
        x, note = _channels_last(np.asarray(x), f"{source}, array {name}")
        notes += note
        if y is not None and len(y) != len(x):
            raise BadInput(
                source,
                f"{counted(len(x), 'image')} in {name}, but {counted(len(y), 'label')}",
                "one label for each image",
            )
        arrays.append((name, x))
    scale, note = _scale([x for _, x in arrays], source, highest)
    labelled = [np.asarray(y) for _, _, y, _ in pieces if y is not None]
    if labelled:
        widths = {y.shape[1:] for y in labelled}
        if len(widths) > 1:
            raise BadInput(source, f"labels of shapes {[y.shape for y in labelled]}", "labels of one form")
        labels, classes = numbered(np.concatenate(labelled), where=f"{source}, labels", names=names)
    else:
        labels, classes = np.full(sum(len(x) for _, x in arrays), -1, np.int64), ()
    part = np.concatenate(
        [np.full(len(x), piece[3], np.int8) for piece, (_, x) in zip(pieces, arrays, strict=True)]
    )
    return Images.listed(
        Rows(arrays, scale), labels, classes, source=source, reader=reader,
        part=part if (part != TRAIN).any() else None, notes=[*dict.fromkeys(notes), *note],
    )  # fmt: skip


def _channels_last(x: np.ndarray, where: str) -> tuple[np.ndarray, list[str]]:
    """(N, H, W, C) with C 1, 3 or 4."""
    if x.dtype.kind not in "biuf":
        raise BadInput(where, f"values of type {x.dtype}", "numbers")
    if x.ndim == 3:
        x = x[..., None]
    if x.ndim != 4:
        raise BadInput(where, f"got {x.shape}", "(N, H, W), (N, H, W, C) or (N, C, H, W)", _square(x))
    if x.shape[-1] in (1, 3, 4):
        ready, notes = x, []
    elif x.shape[1] in (1, 3, 4):
        ready, notes = x.transpose(0, 2, 3, 1), ["channels-first arrays (N, C, H, W) turned to (N, H, W, C)"]
    else:
        raise BadInput(where, f"got {x.shape}", "1, 3 or 4 channels, as the last axis or the second")
    if 0 in ready.shape[1:]:
        raise BadInput(where, f"got {x.shape}", "at least one pixel")
    return ready, notes


def _square(x: np.ndarray) -> str:
    side = round(x.shape[1] ** 0.5) if x.ndim == 2 else 0
    return (
        f"x.reshape(-1, {side}, {side})" if side and side * side == x.shape[1] else "x.reshape(-1, H, W, C)"
    )


def _scale(arrays: list[np.ndarray], source: str, highest: float | None) -> tuple[float | None, list[str]]:
    """The factor to 0..255 (None: uint8 as it is) and what to say about it."""
    if highest is not None:
        return 255 / highest, [f"values from 0 to {highest:g} scaled to 0..255"]
    kinds = {x.dtype for x in arrays}
    if kinds == {np.dtype(np.uint8)}:
        return None, []
    if all(kind.kind == "b" for kind in kinds):
        return 255.0, ["true and false made 255 and 0"]
    if kinds == {np.dtype(np.uint16)}:
        return 1 / 257, ["16-bit values scaled to 8 (divided by 257)"]
    low = min((float(np.nanmin(x)) for x in arrays if x.size), default=0.0)
    high = max((float(np.nanmax(x)) for x in arrays if x.size), default=0.0)
    if not np.isfinite([low, high]).all():
        raise BadInput(source, "infinite pixel values, or none that are numbers", "numbers from 0 to 255")
    if low < 0:
        raise BadInput(
            source, f"pixel values from {low:g} to {high:g}", "raw pixels, from 0 to 1 or from 0 to 255",
            "give the images before they were standardised: networks made here do that themselves",
        )  # fmt: skip
    if all(kind.kind == "f" for kind in kinds) and high <= 1:
        return 255.0, ["values from 0 to 1 scaled to 0..255"]
    if high <= 255:
        return 1.0, ["values rounded to whole numbers 0..255"]
    if high <= 65535:
        return 1 / 257, ["16-bit values scaled to 8 (divided by 257)"]
    raise BadInput(source, f"pixel values up to {high:g}", "at most 255, or 65535 for 16 bits")


def pairs_of(names: Iterable[str]) -> list[tuple[str, str, int]]:
    """Which of some named arrays are images and labels, and of which part.

    Returns:
        (name of the images, name of the labels, part); empty when no names are known.

    Example:
        >>> pairs_of(["x_train", "y_train", "x_test", "y_test"])
        [('x_train', 'y_train', 0), ('x_test', 'y_test', 2)]
    """
    there = set(names)
    pairs = [(x, y, part) for part, known in _KEYS.items() for x, y in known if {x, y} <= there]
    if any(part == TRAIN for *_, part in pairs):
        return pairs
    return [(x, y, TRAIN) for x, y in _WHOLE if {x, y} <= there][:1]
