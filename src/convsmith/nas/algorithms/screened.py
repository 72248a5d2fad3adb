"""Any algorithm, begun and watched by a zero-cost score: the worst are not trained.

Source: White, Khodak, Tu, Shah, Bubeck, Dey, "A Deeper Look at Zero-Cost Proxies for Lightweight NAS", 2022:
these scores help at the start and reject failures; they do not pick winners.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from convsmith.errors import BadInput

from ..choose import Answers, Space, genotype_key
from ..proposal import Proposal
from . import ALGORITHMS
from ._history import at_least_one, finished

if TYPE_CHECKING:
    import numpy as np

_KEPT = 5_000  # scores
_TRIES = 4  # proposals of the base, until one is not among the worst
_WORST = 0.1  # share of the trials so far, by their zero-cost score


@ALGORITHMS.register()
def screened(
    space: Space,
    history: Sequence[dict[str, Any]],
    rng: np.random.Generator,
    *,
    base: str = "auto",
    proxy: str = "naswot",
    entrants: int = 8,
    draws: int = 4,
) -> Answers | Proposal:
    """The proposal of the base that a zero-cost score does not reject; at first the best of a few draws.

    Untrained networks are scored on pictures of noise.

    Args:
        space: where to search.
        history: trials, oldest first.
        rng: draws.
        base: the algorithm that proposes.
        proxy: the zero-cost score: params, naswot, synflow or zico.
        entrants: trials at first that are the best of `draws`.
        draws: of which one is trained.

    Raises:
        BadInput: a setting below 1, or a base that is screened itself.
        BadName: no such base or score.
    """
    at_least_one("screened", entrants=entrants, draws=draws)
    if base == "screened":
        raise BadInput("screened base", "got 'screened'", "another algorithm", "base=auto")

    def score(answers: Answers) -> float:
        return _scores(space, proxy)(answers)

    done = finished(history)
    if len(done) < entrants:
        return max((space.sample(rng) for _ in range(draws)), key=score)
    scores = sorted(score(trial["answers"]) for trial in done)
    limit = scores[int(_WORST * len(scores))]
    for _ in range(_TRIES):
        proposed = ALGORITHMS[base](space, history, rng)
        answers = Proposal.of(proposed).answers
        was_trained = any(trial["answers"] == answers for trial in done)  # a longer training of it
        if was_trained or score(answers) >= limit:
            break
    return proposed


class _Scores:
    """Zero-cost scores of a space's genotypes, each found once."""

    def __init__(self, space: Space, proxy: str) -> None:
        from ..proxies import PROXIES

        self._space, self._proxy = space, PROXIES[proxy]
        self._known: dict[str, float] = {}

    def __call__(self, answers: Answers) -> float:
        from ..proxies import noise

        key = genotype_key(answers)
        if key not in self._known:
            graph = self._space.graph(answers)
            self._known[key] = self._proxy(graph, *noise(graph))
            if len(self._known) > _KEPT:
                del self._known[next(iter(self._known))]
        return self._known[key]


@lru_cache(4)
def _scores(space: Space, proxy: str) -> _Scores:
    return _Scores(space, proxy)
