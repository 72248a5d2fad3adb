"""Bayesian optimisation with a Gaussian process, through Optuna's sampler.

Sources: Snoek, Larochelle, Adams, "Practical Bayesian Optimization of Machine Learning Algorithms", 2012;
Akiba et al., "Optuna", 2019 (GPSampler: Matern 5/2 with lengths for each question, log expected improvement).
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
def bayesian(
    space: Space, history: Sequence[dict[str, Any]], rng: np.random.Generator, *, population: int = 10
) -> Answers:
    """The answers that promise the largest improvement under a Gaussian process.

    Questions that only some networks are asked are drawn at random: the process knows those that all were.

    Args:
        space: asks the questions.
        history: trials, oldest first.
        rng: seeds the sampler.
        population: trials drawn at random first.

    Raises:
        BadInput: Optuna is not installed; `population` below 1.
    """
    need("--algorithm bayesian", "optuna")
    at_least_one("bayesian", population=population)
    if len(finished(history)) < population:
        return space.sample(rng)
    from optuna.samplers import BaseSampler, GPSampler

    from ._optuna import ask

    def sampler(seed: int) -> BaseSampler:
        return GPSampler(seed=seed, n_startup_trials=1)

    return ask(space, history, rng, sampler)
