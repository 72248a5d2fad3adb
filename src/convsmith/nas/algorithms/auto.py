"""What to use when in doubt: local search around the best networks, with a model of noise and size.

Parts and why, with measurements: docs/decisions/0040-the-default-algorithm.md.

- Few, noisy trainings: a Gaussian process finds out from the trials how noisy they are, so that one lucky
  training is not taken for a good network; the incumbents are the best by its expectation, not by score.
- More of them: the candidates are the neighbours of several incumbents (local search, which is hard to beat
  where neighbours score alike: White et al. 2021). Who trains alone takes the one with the largest expected
  improvement (Jones et al. 1998); while others train, a draw from what the process expects chooses (Thompson
  1933), so that many workers propose different networks.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from ..choose import Answers, Space, genotype_key
from . import ALGORITHMS
from ._history import at_least_one, finished, tried
from .local import neighbours

if TYPE_CHECKING:
    import numpy as np

_LEARNT = 300  # trials that the process learns from: the best, and the newest
_NEIGHBOURS = 24  # of each incumbent
_CROSSED = 12  # children of two incumbents, or of one with two changes
_DRAWN = 5  # from the whole space
_FAR = 1.5  # below the median, in distances from the median to the best: how bad a score still counts


@ALGORITHMS.register()
def auto(
    space: Space,
    history: Sequence[dict[str, Any]],
    rng: np.random.Generator,
    *,
    population: int = 8,
    incumbents: int = 3,
) -> Answers:
    """A neighbour of the networks that are expected to be best, chosen by what it promises.

    Args:
        space: where to draw, cross and change.
        history: trials, oldest first.
        rng: draws candidates, and from what is expected of them.
        population: trials drawn at random first.
        incumbents: networks whose neighbours are candidates.

    Raises:
        BadInput: a setting below 1.

    Example:
        >>> import numpy as np
        >>> from convsmith.nas.spaces import space
        >>> digits, rng = space("stages", (8, 8, 1), 10), np.random.default_rng(0)
        >>> drawn = [digits.sample(rng) for _ in range(8)]
        >>> trials = [{"answers": answers, "score": 0.1 * place} for place, answers in enumerate(drawn)]
        >>> auto(digits, trials, rng) not in drawn
        True
    """
    at_least_one("auto", population=population, incumbents=incumbents)
    done = finished(history)
    if len(done) < population:
        return space.sample(rng)
    import numpy as np

    from ..predictors import Features, GaussianProcess

    done = learnt_from(done)
    features = Features.of(space)
    rows = features([trial["answers"] for trial in done])
    scores = np.array([trial["score"] for trial in done])
    process = GaussianProcess(rows, without_disasters(scores), sizes=features.sizes)
    known = process(rows).mean
    best = [done[int(place)]["answers"] for place in np.argsort(-known)[:incumbents]]
    candidates = list(_candidates(space, best, tried(history), rng).values())
    if not candidates:
        return space.sample(rng)
    expected = process(features(candidates))
    if any(trial.get("status") == "running" for trial in history):
        return candidates[int(np.argmax(rng.normal(expected.mean, expected.sd)))]
    return candidates[int(np.argmax(expected.improvement(float(known.max()))))]


def learnt_from(done: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """All trials; of very many the better half of those that count and the newest, in their order."""
    if len(done) <= _LEARNT:
        return done
    newest = range(len(done) - _LEARNT // 2, len(done))
    older = sorted(range(newest[0]), key=lambda place: -done[place]["score"])[: _LEARNT // 2]
    return [done[place] for place in sorted([*older, *newest])]


def without_disasters(scores: np.ndarray) -> np.ndarray:
    """Scores far below the middle raised to where they only say "bad".

    A network that learns nothing at all would otherwise set the scale for all others.

    Example:
        >>> import numpy as np
        >>> without_disasters(np.array([0.1, 0.8, 0.82, 0.84, 0.86])).round(2).tolist()
        [0.76, 0.8, 0.82, 0.84, 0.86]
    """
    import numpy as np

    middle = float(np.median(scores))
    return np.maximum(scores, middle - _FAR * (float(scores.max()) - middle))


def _candidates(
    space: Space, best: Sequence[Answers], known: set[str], rng: np.random.Generator
) -> dict[str, Answers]:
    found: dict[str, Answers] = {}
    for answers in best:
        for neighbour in islice(neighbours(space, answers, rng), _NEIGHBOURS):
            found[genotype_key(neighbour)] = neighbour
    for _ in range(_CROSSED):
        first, second = (best[int(place)] for place in rng.integers(len(best), size=2))
        twice = space.mutate(space.mutate(first, rng), rng)
        child = space.crossover(first, second, rng) if rng.random() < 0.5 else twice
        found[genotype_key(child)] = child
    for _ in range(_DRAWN):
        drawn = space.sample(rng)
        found[genotype_key(drawn)] = drawn
    return {key: answers for key, answers in found.items() if key not in known}
