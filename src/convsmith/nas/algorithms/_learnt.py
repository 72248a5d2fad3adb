"""What algorithms that share weights have in common: learn first, then propose what was learnt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..choose import Answers, Space, genotype_key
from ..proposal import Lesson, Proposal
from ._history import finished, tried

if TYPE_CHECKING:
    import numpy as np


def next_learnt(
    space: Space,
    history: Sequence[dict[str, Any]],
    rng: np.random.Generator,
    learn: str,
    settings: Mapping[str, Any],
) -> Answers | Proposal:
    """The lesson; then the genotypes that came of it, in order; then changes of the best that was trained.

    Args:
        space, history, rng: as every algorithm gets them.
        learn: ``module:function`` of the lesson.
        settings: of it.
    """
    lines = [line for line in history if line.get("status") == "learnt"]
    if not lines:
        return Lesson({}, learn=learn, settings=dict(settings))
    known = tried(history)
    for answers in lines[-1]["ranked"]:
        if genotype_key(answers) not in known:
            return dict(answers)
    done = finished(history)
    if not done:
        return space.sample(rng)
    return space.mutate(max(done, key=lambda trial: trial["score"])["answers"], rng)
