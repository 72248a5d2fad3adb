"""Hyperband: rounds of successive halving, some with many short trainings, some with few long ones.

Sources: Li, Jamieson, DeSalvo, Rostamizadeh, Talwalkar, "Hyperband", 2018; with ``base="tpe"`` it is BOHB
(Falkner, Klein, Hutter, 2018), whose density model is TPE's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from convsmith.signatures import composed

from ..choose import Space
from ..proposal import Proposal
from . import ALGORITHMS
from ._rungs import Base, Rungs, bracketed

if TYPE_CHECKING:
    import numpy as np


@ALGORITHMS.register()
@composed
def hyperband(
    space: Space,
    history: Sequence[dict[str, Any]],
    rng: np.random.Generator,
    *,
    base: Base = "tpe",
    rungs: Rungs,
) -> Proposal:
    """The next training of brackets that hedge between many short trainings and few long ones.

    Args:
        space: where to search.
        history: trials, oldest first; each trial's epochs say on which rung it stands.
        rng: draws.

    Raises:
        BadInput: a setting out of range.

    Example:
        >>> brackets(3, 3)  # Li et al., table 1, R = 9
        [(9, 0), (5, 1), (3, 2)]
    """
    circle = brackets(len(rungs.epochs), rungs.factor)
    return bracketed(space, history, rng, rungs=rungs, brackets=circle, base=base)


def brackets(rungs: int, factor: int) -> list[tuple[int, int]]:
    """How many networks begin each bracket, and on which rung, as in Li et al., algorithm 1."""
    found = []
    for above in reversed(range(rungs)):
        found.append((math.ceil(rungs / (above + 1) * factor**above), rungs - 1 - above))
    return found
