"""Which class, and which part of the set, an image belongs to by where it lies."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from .items import Names, shown
from .split import TEST, TRAIN, VALIDATION

PART_NAMES = {
    "train": TRAIN, "training": TRAIN, "train_set": TRAIN,
    "val": VALIDATION, "valid": VALIDATION, "validation": VALIDATION, "dev": VALIDATION,
    "test": TEST, "testing": TEST, "test_set": TEST,
}  # fmt: skip
"""Names, in small letters, that mean a part of a set instead of a class."""


@dataclass(frozen=True)
class Layout:
    """A folder per class, found in paths.

    Args:
        kept: (N,) positions of the paths that lie in a class folder.
        labels: (N,) class numbers.
        classes: class names, sorted.
        part: (N,) int8 TRAIN, VALIDATION, TEST, or None when the folders do not say.
        above: the path of the folder in which the class folders lie (the part's folder left out).
    """

    kept: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...]
    part: np.ndarray | None
    above: str


def class_name(text: str) -> str:
    """A folder's name as a class name: printable, in Unicode's composed form."""
    return unicodedata.normalize("NFC", shown(text))


def arrange(names: Names, sep: str = "/") -> Layout:
    """Find the class folders in paths such as ``train/cat/1.jpg`` or ``photos/cat/persian/1.jpg``.

    A single folder around everything is looked through. Folders named train, val, test (and the like) with
    class folders in them are parts.

    Args:
        names: the paths.
        sep: what separates their steps.

    Example:
        >>> found = arrange(Names(["train/cat/1.jpg", "train/dog/2.jpg", "test/cat/3.jpg"]))
        >>> found.classes, found.labels.tolist(), found.part.tolist()
        (('cat', 'dog'), [0, 1, 0], [0, 0, 2])
    """
    depth, in_parts = _depth(names, sep)
    kept, labels, part = [], [], []
    classes: dict[str, int] = {}
    for k, name in enumerate(names):
        steps = name.split(sep, depth + 1)
        if len(steps) < depth + 2:
            continue
        kept.append(k)
        labels.append(classes.setdefault(class_name(steps[depth]), len(classes)))
        part.append(PART_NAMES[steps[depth - 1].lower()] if in_parts else TRAIN)
    order = sorted(classes)
    rank = {name: k for k, name in enumerate(order)}
    number = np.array([rank[name] for name in classes], np.int64)
    above = sep.join(names[kept[0]].split(sep)[: depth - in_parts]) if kept else ""
    return Layout(
        np.array(kept, np.int64),
        number[np.array(labels, np.int64)] if kept else np.zeros(0, np.int64),
        tuple(order),
        np.array(part, np.int8) if in_parts else None,
        above,
    )


def _depth(names: Iterable[str], sep: str) -> tuple[int, bool]:
    """At which step of the paths the class stands, and whether the step before it names a part."""
    depth = 0
    while True:
        here: set[str] = set()
        below: set[str] = set()
        deep = True
        for name in names:
            steps = name.split(sep, depth + 2)
            if len(steps) > depth + 1:
                here.add(steps[depth])
            if len(steps) > depth + 2:
                below.add(steps[depth + 1])
            else:
                deep = False
        if deep and len(here) > 1 and all(name.lower() in PART_NAMES for name in here):
            return depth + 1, True
        # one folder that holds nothing but folders is a wrapping, not a class
        if deep and len(here) == 1 and len(below) > 1:
            depth += 1
        else:
            return depth, False
