"""A supernet for any space: candidates are judged by slices of shared weights, the best few trained alone.

Scores of shared weights rank unreliably; they choose what is trained, and never what is returned.

Sources: see `nas.supernet.elastic`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from convsmith.errors import BadInput, BadName

from ..choose import Answers, Space
from ..proposal import Proposal
from . import ALGORITHMS, LEARNERS, learner
from ._history import at_least_one
from ._learnt import next_learnt

if TYPE_CHECKING:
    import numpy as np

RULES = ("path", "sandwich")


@ALGORITHMS.register()
@learner
def elastic(
    space: Space,
    history: Sequence[dict[str, Any]],
    rng: np.random.Generator,
    *,
    base: str = "evolution",
    rule: str = "path",
    epochs: int = 30,
    batch: int = 64,
    looks: int = 40,
) -> Answers | Proposal:
    """The networks that another algorithm finds best by shared weights, the best first.

    The store of weights learns once from the training images, for every candidate that is drawn a slice of
    it; it may be over the budget and is never a candidate. For any space.

    Args:
        space: any.
        history: what was learnt, and trials.
        rng: draws, after what was learnt is tried.
        base: the algorithm that proposes what the store judges.
        rule: "path", one candidate a step; or "sandwich", the largest, the smallest and two others, which
            learn from the largest.
        epochs: over the training images, at most; a search's time may end it sooner.
        batch: images in a step.
        looks: candidates that are judged by the store.

    Raises:
        BadInput: a setting out of range, a batch of one, a base that learns itself.
        BadName: no such base or rule.
    """
    if rule not in RULES:
        raise BadName("elastic rule", rule, RULES)
    if ALGORITHMS[base] in LEARNERS:
        came = f"got '{base}', which learns before it proposes"
        raise BadInput("elastic base", came, "an algorithm that proposes at once", "base=evolution")
    if batch < 2:
        raise BadInput(
            "elastic batch", f"got {batch!r}", "at least 2: one image has no statistics", "batch=64"
        )
    at_least_one("elastic", epochs=epochs, looks=looks)
    settings = {"base": base, "rule": rule, "epochs": epochs, "batch": batch, "looks": looks}
    return next_learnt(space, history, rng, "convsmith.nas.supernet.elastic:learn", settings)
