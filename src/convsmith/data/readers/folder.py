"""A folder with a folder of images for each class, perhaps below folders train, validation and test."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import numpy as np

from ..images import Images
from ..items import Files, shown
from ..listing import Walked, walk
from ..split import TEST, TRAIN, VALIDATION
from . import READERS, as_path

PART_NAMES = {
    "train": TRAIN, "training": TRAIN, "train_set": TRAIN,
    "val": VALIDATION, "valid": VALIDATION, "validation": VALIDATION, "dev": VALIDATION,
    "test": TEST, "testing": TEST, "test_set": TEST,
}  # fmt: skip
"""Folder names, in small letters, that mean a part of a set instead of a class."""


@READERS.register()
def folder(source: object) -> Images | None:
    """Read a folder per class, nested to any depth.

    Args:
        source: path of the folder. Below it one folder per class (whatever lies deeper belongs to that
            class), or folders train, val, test with a folder per class in each.

    Returns:
        All files that look like images; None when `source` is no folder with images in it.
    """
    path = as_path(source)
    if path is None or not os.path.isdir(path):
        return None
    walked = Walked()
    names = list(walk(Path(path), walked))
    if not names:
        return None
    notes = walked.notes()
    depth, parts = _layout(names)
    labels, part, kept = [], [], []
    classes: dict[str, int] = {}
    for name in names:
        steps = name.split(os.sep)
        if len(steps) < depth + 2:
            continue
        label = unicodedata.normalize("NFC", shown(steps[depth]))
        labels.append(classes.setdefault(label, len(classes)))
        part.append(PART_NAMES[steps[depth - 1].lower()] if parts else TRAIN)
        kept.append(name)
    if not kept:  # pictures in one heap: the labels, if any, are elsewhere
        return None
    if len(kept) < len(names):
        notes.append(f"{len(names) - len(kept):,} images that lie in no class folder ignored")
    if depth > parts:
        notes.append(
            f"classes are the folders in {shown(os.path.join(*kept[0].split(os.sep)[: depth - parts]))}"
        )
    notes += _empty(Path(path), kept, depth, set(classes))
    order = sorted(classes)
    number = np.array([order.index(name) for name in classes], np.int64)
    return Images.listed(
        Files(Path(path), kept), number[np.array(labels)], order, source=path, reader="folder",
        part=np.array(part, np.int8) if parts else None, notes=notes,
    )  # fmt: skip


def _layout(names: list[str]) -> tuple[int, bool]:
    """At which step of the paths the class stands, and whether the step before it names a part."""
    steps = [name.split(os.sep) for name in names]
    depth = 0
    while True:
        here = {path[depth] for path in steps if len(path) > depth + 1}
        deep = all(len(path) > depth + 2 for path in steps)
        if here and deep and len(here) > 1 and all(name.lower() in PART_NAMES for name in here):
            return depth + 1, True
        # one folder that holds nothing but folders is a wrapping, not a class
        if len(here) == 1 and deep and len({path[depth + 1] for path in steps}) > 1:
            depth += 1
            continue
        return depth, False


def _empty(root: Path, kept: list[str], depth: int, classes: set[str]) -> list[str]:
    """A note on folders beside the class folders that hold no images."""
    if not kept:
        return []
    above = root.joinpath(*kept[0].split(os.sep)[:depth])
    beside = sorted(
        entry.name for entry in os.scandir(above) if entry.is_dir() and not entry.name.startswith(".")
    )
    bare = [shown(name) for name in beside if unicodedata.normalize("NFC", shown(name)) not in classes]
    return [f"folders without images ignored: {', '.join(bare[:10])}"] if bare else []
