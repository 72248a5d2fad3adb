"""Cutting a set in train, validation and test: stratified, seeded, copies kept together. Pure functions."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..errors import BadInput
from ..units import counted

TRAIN, VALIDATION, TEST = 0, 1, 2
PARTS = ("train", "validation", "test")


@dataclass(frozen=True, eq=False)
class Split:
    """Positions of the images of each part, sorted, int64; no position is in two parts.

    Args:
        train: what the weights are fitted to.
        validation: what choices are made by.
        test: what is looked at once, at the end.
        notes: what a person should know about how the cut was made.
    """

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray
    notes: tuple[str, ...] = ()


def cut(
    labels: np.ndarray,
    groups: np.ndarray,
    keys: np.ndarray,
    *,
    seed: int = 0,
    validation: float = 0.15,
    test: float = 0.2,
) -> Split:
    """Cut a set in three parts, each class in the same proportions.

    Which images go where depends on the seed and on what they contain (their keys), not on file names,
    their order, the machine or a library's random numbers.

    Args:
        labels: (N,) class numbers, 0 or more.
        groups: (N,) group numbers; images with one number stay in one part.
        keys: (N, 2) uint64, digests of the images.
        seed: another seed, another cut.
        validation: fraction of all images, 0 to 1.
        test: likewise; ``validation + test`` is less than 1.

    Returns:
        The parts. Every class with three groups or more is in each part whose fraction is not 0.

    Raises:
        BadInput: for fractions that leave nothing to train on.

    Example:
        >>> labels = np.repeat([0, 1], 10)
        >>> keys = np.arange(40, dtype=np.uint64).reshape(20, 2)
        >>> split = cut(labels, np.arange(20), keys)
        >>> len(split.train), len(split.validation), len(split.test)
        (12, 4, 4)
    """
    for where, value in (("validation", validation), ("test", test)):
        if not 0 <= value < 1:
            raise BadInput(where, f"got {value!r}", "a fraction of all images, from 0 to less than 1", "0.2")
    if validation + test >= 1:
        raise BadInput(
            "validation + test", f"got {validation + test:g}", "less than 1, to leave something to train on",
            "validation 0.15, test 0.2",
        )  # fmt: skip
    part = _assign(labels, groups, keys, seed, np.array([1 - validation - test, validation, test]))
    train, val, tests = (np.flatnonzero(part == k) for k in (TRAIN, VALIDATION, TEST))
    return Split(train, val, tests)


def _order(keys: np.ndarray, seed: int) -> np.ndarray:
    """(N,) uint64: pseudo-random numbers that depend on content and seed alone."""
    salt = seed.to_bytes(8, "little", signed=True)
    rows = np.ascontiguousarray(keys, "<u8").view("V16").reshape(-1)
    out = np.empty(len(rows), np.uint64)
    for i, row in enumerate(rows):
        out[i] = int.from_bytes(hashlib.blake2b(row.tobytes(), digest_size=8, salt=salt).digest(), "little")
    return out


def _ordered_groups(groups: np.ndarray, order: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
    """Group numbers from 0, and the members of each group of two or more: largest first, then by content."""
    _, group = np.unique(groups, return_inverse=True)
    sizes = np.bincount(group)
    # the smallest number of a group's images places the group, so that it does not depend on their order
    place = np.full(len(sizes), np.iinfo(np.uint64).max, np.uint64)
    np.minimum.at(place, group, order)
    by_group = np.argsort(group, kind="stable")
    starts = np.concatenate([[0], np.cumsum(sizes)])
    several = [g for g in np.lexsort((place, -sizes)) if sizes[g] > 1]
    return group, [by_group[starts[g] : starts[g + 1]] for g in several]


def _assign(
    labels: np.ndarray, groups: np.ndarray, keys: np.ndarray, seed: int, fractions: np.ndarray
) -> np.ndarray:
    """(N,) int8: the part of each image."""
    part = np.full(len(labels), TRAIN, np.int8)
    if not len(labels):
        return part
    order = _order(keys, seed)
    group, several = _ordered_groups(groups, order)
    classes = int(labels.max()) + 1
    need = _targets(np.bincount(labels, minlength=classes), fractions)
    have = np.zeros_like(need)
    active = np.flatnonzero(fractions > 0)
    single = np.ones(len(labels), bool)
    for members in several:
        counts = np.bincount(labels[members], minlength=classes)
        own = counts > 0
        slack = (need[:, own] - have[:, own] - counts[own]).min(axis=1)
        chosen = max(active, key=lambda p: (slack[p], p == TRAIN))
        part[members], single[members] = chosen, False
        have[chosen] += counts
    for label in range(classes):
        rows = np.flatnonzero(single & (labels == label))
        rows = rows[np.lexsort((rows, order[rows]))]
        dealt = _deal(len(rows), need[:, label], have[:, label], active)
        part[rows] = dealt
        have[:, label] += np.bincount(dealt, minlength=3)
    _repair(part, labels, group, have, active)
    return part


def _deal(count: int, need: np.ndarray, have: np.ndarray, active: np.ndarray) -> np.ndarray:
    """(count,) int8: one for each part without any, what test and validation miss, rest to train."""
    lacking = [p for p in (TRAIN, TEST, VALIDATION) if p in active and need[p] > 0 and have[p] == 0][:count]
    missing = np.maximum(need - have - np.bincount(lacking, minlength=3), 0)
    dealt = lacking + [TEST] * int(missing[TEST]) + [VALIDATION] * int(missing[VALIDATION])
    return np.array((dealt + [TRAIN] * count)[:count], np.int8)


def _targets(counts: np.ndarray, fractions: np.ndarray) -> np.ndarray:
    """(3, classes): how many images of each class each part should get, at least one if possible."""
    need = np.zeros((3, len(counts)), np.int64)
    for label, count in enumerate(counts):
        test = round(count * fractions[TEST])
        validation = round(count * fractions[VALIDATION])
        if fractions[TEST] > 0 and count >= 2:
            test = max(test, 1)
        if fractions[VALIDATION] > 0 and count >= 3:
            validation = max(validation, 1)
        while count and test + validation >= count:  # training comes first
            if validation >= test and validation > 0:
                validation -= 1
            else:
                test -= 1
        need[:, label] = count - validation - test, validation, test
    return need


def _repair(
    part: np.ndarray, labels: np.ndarray, group: np.ndarray, have: np.ndarray, active: np.ndarray
) -> None:
    """Give every class with enough groups a place in every part, by moving its smallest spare group."""
    classes = have.shape[1]
    for label in range(classes):
        mine = np.flatnonzero(labels == label)
        own, first = np.unique(group[mine], return_index=True)
        if len(own) < len(active):
            continue
        for wanted in active:
            if have[wanted, label]:
                continue
            where = part[mine[first]]
            sizes = np.bincount(group, minlength=int(group.max()) + 1)[own]
            for k in np.argsort(sizes, kind="stable"):
                source = where[k]
                members = np.flatnonzero(group == own[k])
                counts = np.bincount(labels[members], minlength=classes)
                # a move may not take the last image of any class out of the part that it leaves
                others = np.bincount(where, minlength=3)[source] > 1
                if others and not ((have[source] == counts) & (counts > 0)).any():
                    part[members] = wanted
                    have[source] -= counts
                    have[wanted] += counts
                    break


def given(
    labels: np.ndarray,
    groups: np.ndarray,
    keys: np.ndarray,
    part: np.ndarray,
    *,
    seed: int = 0,
    validation: float = 0.15,
    test: float = 0.2,
) -> Split:
    """Respect the parts that a data set came with, and cut only what is missing.

    Args:
        labels: as in `cut`; so are `groups`, `keys`, `seed`.
        part: (N,) int8: TRAIN, VALIDATION, TEST.
        validation: fraction of the set's own training images to take for validation, where it has none.
        test: fraction of the set's own training images to take as test, where it has none.

    Returns:
        The parts. Training and validation images that are copies of test images (and training images that
        are copies of validation images) are left out, and the notes say how many.
    """
    has = [bool((part == k).any()) for k in (TRAIN, VALIDATION, TEST)]
    if not has[TRAIN]:
        raise BadInput("the set's own parts", "no training images", "a part named train", "name it train")
    part, dropped = _without_leaks(groups, part)
    rows = np.flatnonzero(part == TRAIN)
    fresh = cut(
        labels[rows], groups[rows], keys[rows], seed=seed,
        validation=0 if has[VALIDATION] else validation, test=0 if has[TEST] else test,
    )  # fmt: skip
    own = [PARTS[k] for k in (VALIDATION, TEST) if has[k]]
    notes = [f"the set's own {' and '.join(own)} part kept"] if own else []
    if dropped:
        notes.append(f"{counted(dropped, 'copy', 'copies')} of images of a later part left out")
    return Split(
        rows[fresh.train],
        np.flatnonzero(part == VALIDATION) if has[VALIDATION] else rows[fresh.validation],
        np.flatnonzero(part == TEST) if has[TEST] else rows[fresh.test],
        tuple(notes),
    )


def _without_leaks(groups: np.ndarray, part: np.ndarray) -> tuple[np.ndarray, int]:
    """Parts with -1 for images whose group reaches a later part, and how many those are."""
    _, group = np.unique(groups, return_inverse=True)
    latest = np.zeros(int(group.max()) + 1, part.dtype)
    np.maximum.at(latest, group, part)
    leaks = part < latest[group]
    return np.where(leaks, -1, part), int(leaks.sum())


def untaught(labels: np.ndarray, learned: np.ndarray) -> list[int]:
    """Classes of a set that are not among its training images.

    Args:
        labels: (N,) class numbers of the whole set; -1 for no label.
        learned: (M,) those of the training images.

    Example:
        >>> untaught(np.array([0, 1, 2, 2]), np.array([0, 2]))
        [1]
    """
    return [int(k) for k in np.setdiff1d(labels[labels >= 0], learned)]


def folds(
    labels: np.ndarray, groups: np.ndarray, keys: np.ndarray, *, k: int = 5, seed: int = 0
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Stratified, grouped k-fold: every image is in exactly one fold's test side.

    Args:
        labels: as in `cut`; so are `groups`, `keys`, `seed`.
        k: how many folds, 2 or more.

    Returns:
        k pairs (train positions, test positions).

    Example:
        >>> keys = np.arange(12, dtype=np.uint64).reshape(6, 2)
        >>> [len(test) for _, test in folds(np.array([0, 0, 0, 1, 1, 1]), np.arange(6), keys, k=3)]
        [2, 2, 2]
    """
    if k < 2:
        raise BadInput("k", f"got {k}", "2 folds or more", "5")
    number = len(np.unique(groups))
    if number < k:
        raise BadInput("k", f"{number} groups of images cannot make {k} folds", "fewer folds", f"k={number}")
    order = _order(keys, seed)
    _, several = _ordered_groups(groups, order)
    have = np.zeros((k, int(labels.max()) + 1), np.int64)
    fold = np.full(len(labels), -1, np.int64)
    for members in several:
        counts = np.bincount(labels[members], minlength=have.shape[1])
        own = counts > 0
        chosen = min(range(k), key=lambda f: (int(have[f, own].sum()), int(have[f].sum())))
        fold[members] = chosen
        have[chosen] += counts
    for label in range(have.shape[1]):
        rows = np.flatnonzero((fold < 0) & (labels == label))
        for row in rows[np.lexsort((rows, order[rows]))]:
            chosen = min(range(k), key=lambda f: (int(have[f, label]), int(have[f].sum())))
            fold[row] = chosen
            have[chosen, label] += 1
    for f in range(k):
        yield np.flatnonzero(fold != f), np.flatnonzero(fold == f)
