"""ASHA: successive halving without rounds, for many workers.

Source: Li, Jamieson, Rostamizadeh, Gonina, Hardt, Recht, Talwalkar, "A System for Massively Parallel
Hyperparameter Tuning", 2020.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from convsmith.signatures import composed

from ..choose import Space, genotype_key
from ..proposal import Proposal
from . import ALGORITHMS
from ._history import finished
from ._rungs import Base, Rungs, fresh

if TYPE_CHECKING:
    import numpy as np


@ALGORITHMS.register()
@composed
def asha(
    space: Space,
    history: Sequence[dict[str, Any]],
    rng: np.random.Generator,
    *,
    base: Base = "random",
    rungs: Rungs,
) -> Proposal:
    """A trial that is among the best of its rung, one rung up; where there is none, a new network.

    Args:
        space: where to search.
        history: trials, oldest first; each trial's epochs say on which rung it stands.
        rng: draws.

    Raises:
        BadInput: a setting out of range.

    Example:
        >>> import numpy as np
        >>> from convsmith.nas.spaces import space
        >>> digits, rng = space("stages", (8, 8, 1), 10), np.random.default_rng(0)
        >>> scores = (0.3, 0.5, 0.4)
        >>> trials = [{"answers": digits.sample(rng), "score": score, "epochs": 2} for score in scores]
        >>> climbing = asha(digits, trials, rng)
        >>> climbing.epochs, climbing.answers == trials[1]["answers"]
        (6, True)
    """
    standing = rungs.standing(history)
    for rung in reversed(range(len(rungs.epochs) - 1)):
        above = {genotype_key(trial["answers"]) for trial in standing[rung + 1]}
        here = sorted(finished(standing[rung]), key=lambda trial: -trial["score"])
        for trial in here[: len(here) // rungs.factor]:
            if genotype_key(trial["answers"]) not in above:
                return rungs.proposal(space, dict(trial["answers"]), rung + 1)
    return rungs.proposal(space, fresh(space, history, rng, base, rungs), 0)
