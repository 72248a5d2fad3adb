"""Spaces of cells: which ones can be relaxed, and whether a cell has collapsed to skip connections."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from convsmith.errors import BadInput

from ..choose import Answers, Space
from ..relaxed import NoCells, Relaxed, relax
from ..spaces import SPACES
from .curvature import WINDOW, grows

SKIPS = ("skip", "skip_connect")
MANY_SKIPS = 0.5
"""A cell with a larger share of skip connections has collapsed, most likely."""


def check_cells(space: Space, wanted: Answers) -> Relaxed:
    """The relaxed space; refused with the names of those that can be relaxed where this one cannot."""
    try:
        return relax(space, wanted)
    except NoCells as error:
        known = f"one of {', '.join(spaces_of_cells())}"
        raise BadInput(error.where, error.came, known, error.hint) from None


def spaces_of_cells() -> list[str]:
    """The registered spaces whose operations can be weighed.

    Example:
        >>> spaces_of_cells()
        ['darts', 'enas', 'nasbench201', 'nasnet']
    """
    found = []
    for name, function in SPACES.items():
        with suppress(NoCells):
            relax(Space(function, (8, 8, 1), 2), {"cells": 1})
            found.append(name)
    return found


def alarm(records: list[dict[str, Any]]) -> list[str]:
    """What says that the cell has collapsed: many skip connections, a growing eigenvalue."""
    found = []
    if records and records[-1]["skips"] > MANY_SKIPS:
        found.append(f"{records[-1]['skips']:.0%} of the cell's operations are skip connections")
    values = [one["eigenvalue"] for one in records]
    if any(grows(values[:until]) for until in range(2 * WINDOW, len(values) + 1)):
        found.append("the largest eigenvalue of alpha's Hessian grew by more than a third in five epochs")
    return found


def share_of_skips(relaxed: Relaxed, cell: Answers) -> float:
    """Of the operations of a cell, how many are skip connections."""
    names = {option for group in relaxed.groups.values() for option in group.options}
    chosen = [value for value in cell.values() if isinstance(value, str) and value in names]
    return sum(value in SKIPS for value in chosen) / max(1, len(chosen))
