"""Predictor-guided evolution: many children of the best trials, of which trees choose the one to train.

Sources: White, Neiswanger, Savani, "BANANAS", AAAI 2021 (an ensemble's disagreement as uncertainty,
independent Thompson sampling, mutations of the best as candidates); Wei et al., "NPENAS", 2020.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..choose import Answers, Space, genotype_key
from . import ALGORITHMS
from ._history import at_least_one, finished, tried

if TYPE_CHECKING:
    import numpy as np


@ALGORITHMS.register()
def predictor(
    space: Space,
    history: Sequence[dict[str, Any]],
    rng: np.random.Generator,
    *,
    population: int = 10,
    parents: int = 5,
    children: int = 30,
) -> Answers:
    """The child for which a draw from what the trees expect is highest.

    Args:
        space: where to draw, cross and mutate.
        history: trials, oldest first.
        rng: draws children, seeds the trees.
        population: trials drawn at random first.
        parents: how many of the best trials have children.
        children: of which one is trained.

    Raises:
        BadInput: a setting below 1.
    """
    at_least_one("predictor", population=population, parents=parents, children=children)
    done = finished(history)
    if len(done) < population:
        return space.sample(rng)
    import numpy as np

    from ..predictors import Features, Trees

    best = sorted(done, key=lambda trial: -trial["score"])[:parents]
    known = tried(history)
    candidates: dict[str, Answers] = {}
    for _ in range(children):
        first, second = (best[int(place)]["answers"] for place in rng.integers(len(best), size=2))
        child = space.crossover(first, second, rng) if rng.random() < 0.2 else dict(first)
        child = space.mutate(child, rng)
        if genotype_key(child) not in known:
            candidates[genotype_key(child)] = child
    if not candidates:
        return space.sample(rng)
    features = Features.of(space)
    rows = features([trial["answers"] for trial in done])
    trees = Trees(rows, np.array([trial["score"] for trial in done]), seed=int(rng.integers(2**31)))
    expected = trees(features(list(candidates.values())))
    return list(candidates.values())[int(np.argmax(rng.normal(expected.mean, expected.sd)))]
