"""Successive halving: many networks trained shortly, the best third three times longer, and so on.

Source: Jamieson and Talwalkar, "Non-stochastic Best Arm Identification and Hyperparameter Optimization",
2016.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from convsmith.signatures import composed

from ..choose import Space
from ..proposal import Proposal
from . import ALGORITHMS
from ._history import at_least_one
from ._rungs import Base, Rungs, bracketed

if TYPE_CHECKING:
    import numpy as np


@ALGORITHMS.register()
@composed
def successive_halving(
    space: Space,
    history: Sequence[dict[str, Any]],
    rng: np.random.Generator,
    *,
    base: Base = "random",
    entrants: int = 9,
    rungs: Rungs,
) -> Proposal:
    """The next training of a round in which the best of a rung climb to the next.

    Args:
        space: where to search.
        history: trials, oldest first; each trial's epochs say on which rung it stands.
        rng: draws.
        entrants: networks that begin a round.

    Raises:
        BadInput: a setting out of range.

    Example:
        >>> import numpy as np
        >>> from convsmith.nas.spaces import space
        >>> successive_halving(space("stages", (8, 8, 1), 10), [], np.random.default_rng(0)).epochs
        2
    """
    at_least_one("successive_halving", entrants=entrants)
    return bracketed(space, history, rng, rungs=rungs, brackets=[(entrants, 0)], base=base)
