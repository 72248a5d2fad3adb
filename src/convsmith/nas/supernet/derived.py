"""From cells in the order of their weights to networks that keep the budget, the first that fits first."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from ..budget.fitting import fill, fit_to_budget
from ..choose import Answers, Space
from ..lesson import LessonTask

CELLS, FILTERS = "cells", "filters"
"""Questions about the size of networks of cells, where a space has them."""
LOOKS = 400
"""Cells that are looked at for one that fits."""
WANTED = 6
SIZES = 3
"""Sizes of the first cell that fits; one of each further cell."""


def fitting(
    task: LessonTask, cells: Iterator[Answers], fixed: Answers, *, looks: int = LOOKS
) -> tuple[list[Answers], list[str]]:
    """Genotypes within the limits, the first cell that fits first, in the sizes that fill the limits most.

    Args:
        task: with space, limits and the forecast of latency.
        cells: answers about the cells, best first.
        fixed: answers to the other questions, where no size is looked for.
        looks: cells at most.

    Returns:
        The genotypes, and what is to be said about them.
    """
    import numpy as np

    found: list[Answers] = []
    notes: list[str] = []
    over, first, looked = 0, None, 0
    for cell in islice(cells, looks):
        looked += 1
        answers = task.space.complete({**fixed, **cell})
        first = answers if first is None else first
        sizes = _sizes(task, answers, found[0].get(CELLS) if found else None)
        if not sizes:
            over += 1
            continue
        if not found and over:
            notes.append(
                f"{over} cells with larger weights are over the budget in every size; "
                f"number {over + 1} is the first that fits"
            )
        found += sizes[: SIZES if not found else 1]
        if len(found) >= WANTED:
            break
    if not found and first is not None:
        rng = np.random.default_rng([task.seed, 3])
        found = [
            fit_to_budget(
                task.space, first, task.limits, rng, latency_ms=task.expected_ms, anchor=task.anchor
            )
        ]
        notes.append(
            f"none of {looked} cells keeps the budget: the first, with the answers changed that break it"
        )
    return found, notes


def _sizes(task: LessonTask, answers: Answers, cells: Any = None) -> list[Answers]:
    """The sizes of a cell that keep the limits, those first that fill them most; none where it does not fit.

    Args:
        task: with space and limits.
        answers: a whole genotype.
        cells: so many cells only; all numbers of them without it.
    """
    space = task.space
    options = space.options(answers)
    if CELLS not in options or FILTERS not in options or not task.limits.limits:
        return [answers] if _keeps(task, answers) else []
    found, widths = [], sorted(options[FILTERS])
    for number in sorted(options[CELLS]) if cells is None else [cells]:  # more cells have fewer filters
        widest = _widest(task, space, {**answers, CELLS: number}, widths)
        if widest is None:
            break
        widths = widths[: widths.index(widest[FILTERS]) + 1]
        found.append(widest)
    return sorted(found, key=lambda one: -fill(space.graph(one), task.limits.without_latency()))


def _widest(task: LessonTask, space: Space, answers: Answers, widths: list[Any]) -> Answers | None:
    """The most filters that keep the limits, found by halving; the fewest are tried first."""
    best = space.complete({**answers, FILTERS: widths[0]})
    if not _keeps(task, best):
        return None
    low, high = 0, len(widths)
    while high - low > 1:
        middle = (low + high) // 2
        tried = space.complete({**answers, FILTERS: widths[middle]})
        if _keeps(task, tried):
            low, best = middle, tried
        else:
            high = middle
    return best


def _keeps(task: LessonTask, answers: Answers) -> bool:
    return task.limits.check(task.space.graph(answers), task.expected_ms).kept
