"""Which class, and which part of the set, an image belongs to by where it lies."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from ..items import Names, shown
from ..split import TRAIN
from .class_folders import Claim, Left, Problem, at, class_name, counted, solve, steps_of, tree

FEWEST_FOLDS = 3
"""With fewer folds than parts, a split cannot keep each fold in one part."""
FOLDS_USED = "each kept in one part of a split"
FOLDS_UNUSED = f"fewer than {FEWEST_FOLDS}, not used: the images are split anew"

_MASK_FILE = re.compile(
    r"^(.+?)[ _-](?:mask|masks|seg|segmentation|gt|groundtruth)(?:[ _-]?\d+)?$", re.IGNORECASE
)


@dataclass(frozen=True)
class Layout:
    """A folder per class, found in paths.

    Args:
        kept: (N,) positions of the paths that lie in a class folder.
        labels: (N,) class numbers.
        classes: class names, sorted.
        part: (N,) int8 TRAIN, VALIDATION, TEST, or None when the folders do not say.
        group: (N,) int64 fold of each image, or None when there are no folds.
        above: the path of the folder in which the class folders (or the parts) lie.
        notes: what was left out, and why.
        problem: what came, what was expected and what to try, where no class can be told; else None.
        unclear: whether the problem is that the folders can be read in two ways, so that nobody may guess.
    """

    kept: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...]
    part: np.ndarray | None = None
    group: np.ndarray | None = None
    above: str = ""
    notes: tuple[str, ...] = ()
    problem: tuple[str, str, str] | None = None
    unclear: bool = False


def arrange(names: Names, sep: str = "/") -> Layout:
    """Find the class folders in paths such as ``train/cat/1.jpg`` or ``photos/cat/persian/1.jpg``.

    The tree is looked at as a whole. Folders around everything are looked through. Folders named train, val,
    test (and the like) are parts, wherever they lie, folds are groups; folders of masks and of unlabelled
    images are left out and said. Where folders can be read in two ways, the layout says so in its problem.

    Args:
        names: the paths.
        sep: what separates their steps.

    Example:
        >>> found = arrange(Names(["train/cat/1.jpg", "train/dog/2.jpg", "test/cat/3.jpg"]))
        >>> found.classes, found.labels.tolist(), found.part.tolist()
        (('cat', 'dog'), [0, 1, 0], [0, 0, 2])
    """
    top, notes = tree(names, sep), []
    nothing = Layout(np.zeros(0, np.int64), np.zeros(0, np.int64), ())
    left: Left = {}
    try:
        claims = solve(top, (), left)
    except Problem as problem:
        return replace(nothing, problem=problem.text, unclear=problem.unclear)
    for path, why in left.items():
        notes.append(f"{counted(at(top, path).total)} in {shown(sep.join(path))} not used: {why}")
    kept, which, masks = _claimed(names, sep, claims, set(left))
    if masks:
        notes.append(f"{counted(masks)} not used: masks of images beside them")
    if lost := len(names) - len(kept) - masks - sum(at(top, path).total for path in left):
        notes.append(f"{counted(lost)} in no class folder ignored")
    used = set(which)
    classes = {name: n for n, name in enumerate(sorted({claims[k].label for k in used}))}
    folds = {name: n for n, name in enumerate(sorted({claims[k].fold for k in used}))}
    index = np.array(which, np.int64)
    labels = np.array([classes.get(claim.label, -1) for claim in claims], np.int64)
    part = np.array([claim.part or TRAIN for claim in claims], np.int8)
    fold = np.array([folds.get(claim.fold, -1) for claim in claims], np.int64)
    above = _common([claim.path[:-1] for claim in claims])
    if len(folds) > 1:
        notes.append(f"{len(folds)} folds, {FOLDS_USED if len(folds) >= FEWEST_FOLDS else FOLDS_UNUSED}")
    return Layout(
        np.array(kept, np.int64), labels[index], tuple(classes),
        part[index] if (part[index] != TRAIN).any() else None,
        fold[index] if len(folds) >= FEWEST_FOLDS else None, sep.join(above), tuple(notes),
    )  # fmt: skip


def _common(paths: list[tuple[str, ...]]) -> tuple[str, ...]:
    """The folder in which all of some paths lie."""
    first, last = min(paths), max(paths)
    same = next(
        (k for k, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last))
    )
    return first[:same]


def _claimed(
    names: Names, sep: str, claims: list[Claim], left: set[tuple[str, ...]]
) -> tuple[list[int], list[int], int]:
    """Positions of the paths that lie in class folders, which of the claims, and how many files are masks."""
    where: dict[tuple[str, ...], int] = {claim.path: k for k, claim in enumerate(claims)}
    where.update(dict.fromkeys(left, -1))
    kept, which = [], []
    last, found = "\0", -1
    for k, name in enumerate(names):
        above = name.rpartition(sep)[0]
        if above != last:
            steps, last, found = tuple(steps_of(above, sep)), above, -1
            for depth in range(len(steps), 0, -1):
                if (hit := where.get(steps[:depth])) is not None:
                    found = hit
                    break
        if found >= 0:
            kept.append(k)
            which.append(found)
    masks = set(_masks(names, kept))
    if masks:
        both = [(k, claim) for k, claim in zip(kept, which, strict=True) if k not in masks]
        kept, which = [k for k, _ in both], [claim for _, claim in both]
    return kept, which, len(masks)


def _masks(names: Names, kept: list[int]) -> Iterator[int]:
    """Positions of files such as ``1_mask.png`` that lie beside their image ``1.png``."""
    wanted: dict[str, list[int]] = {}
    for k in kept:
        stem, _, _ = names[k].rpartition(".")
        if match := _MASK_FILE.match(stem):
            wanted.setdefault(match[1], []).append(k)
    if wanted:
        there = {stem for k in kept if (stem := names[k].rpartition(".")[0]) in wanted}
        for stem in there:
            yield from wanted[stem]


__all__ = ["Layout", "arrange", "class_name"]
