"""Tree-structured Parzen estimator, through Optuna's sampler.

Sources: Bergstra, Bardenet, Bengio, Kegl, "Algorithms for Hyper-Parameter Optimization", 2011; Akiba et al.,
"Optuna", 2019.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from convsmith.installed import need

from ..choose import Answers, Space
from . import ALGORITHMS
from ._history import at_least_one, finished

if TYPE_CHECKING:
    import numpy as np


@ALGORITHMS.register()
def tpe(
    space: Space,
    history: Sequence[dict[str, Any]],
    rng: np.random.Generator,
    *,
    population: int = 10,
    candidates: int = 24,
) -> Answers:
    """Answers that are frequent among the better trials and rare among the others.

    Args:
        space: asks the questions; conditional ones are welcome.
        history: trials, oldest first; running ones count as bad, so that workers spread out.
        rng: seeds the sampler.
        population: trials drawn at random first.
        candidates: draws for each question, the likeliest of which is taken.

    Raises:
        BadInput: Optuna is not installed; `population` or `candidates` below 1.
    """
    need("--algorithm tpe", "optuna")
    at_least_one("tpe", population=population, candidates=candidates)
    if len(finished(history)) < population:
        return space.sample(rng)
    from optuna.samplers import BaseSampler, TPESampler

    from ._optuna import ask

    def sampler(seed: int) -> BaseSampler:
        return TPESampler(seed=seed, n_startup_trials=1, n_ei_candidates=candidates, constant_liar=True)

    return ask(space, history, rng, sampler)
