"""An Optuna study rebuilt from a history, and asked for the next genotype."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ..choose import Answers, Space
from ..space.options import Options, index_of, is_ordered

if TYPE_CHECKING:
    import numpy as np
    from optuna.distributions import BaseDistribution
    from optuna.samplers import BaseSampler


def ask(
    space: Space,
    history: Sequence[dict[str, Any]],
    rng: np.random.Generator,
    make_sampler: Callable[[int], BaseSampler],
) -> Answers:
    """What a sampler of Optuna proposes after this history.

    Every question is a parameter, named after itself and its options, so that options may depend on
    earlier answers. Numbers are ranks among the options in order, the rest categories.

    Args:
        space: asks the questions.
        history: finished trials are completed, running ones running; failed ones are left out.
        rng: gives the sampler's seed.
        make_sampler: from a seed.
    """
    import optuna

    def line(trial: dict[str, Any]) -> Any:
        asked = space.options(trial["answers"])
        values = {}
        distributions = {}
        for name, options in asked.items():
            index = index_of(trial["answers"][name], options)
            distributions[_parameter(name, options)] = _distribution(options)
            values[_parameter(name, options)] = None if index is None else _ranks(options).index(index)
        state = optuna.trial.TrialState.COMPLETE
        if trial["score"] is None:
            state = optuna.trial.TrialState.RUNNING
        return optuna.trial.create_trial(
            state=state, value=trial["score"], params=values, distributions=distributions
        )

    useful = [one for one in history if one["score"] is not None or one.get("status") == "running"]
    with _quiet():
        study = optuna.create_study(direction="maximize", sampler=make_sampler(int(rng.integers(2**31))))
        study.add_trials([line(trial) for trial in useful])
        trial = study.ask()

        def pick(name: str, options: Options) -> int:
            parameter, distribution = _parameter(name, options), _distribution(options)
            return _ranks(options)[int(trial._suggest(parameter, distribution))]

        answers = space.walk(pick).answers
    return space.crossover(answers, answers, rng)  # of one with itself: within the budget


def _parameter(name: str, options: Options) -> str:
    return f"{name} {options}"


def _ranks(options: Options) -> list[int]:
    if is_ordered(options):
        return sorted(range(len(options)), key=lambda index: options[index])
    return list(range(len(options)))


def _distribution(options: Options) -> BaseDistribution:
    from optuna.distributions import CategoricalDistribution, IntDistribution

    if is_ordered(options):
        return IntDistribution(0, len(options) - 1)
    return CategoricalDistribution(range(len(options)))


@contextmanager
def _quiet() -> Iterator[None]:
    import optuna

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(before)
