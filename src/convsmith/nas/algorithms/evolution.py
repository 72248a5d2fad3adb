"""Aging evolution: the best of a few changes in one answer; the oldest dies, however good it is.

Source: Real, Aggarwal, Huang, Le, "Regularized Evolution for Image Classifier Architecture Search",
AAAI 2019 (AmoebaNet): population 100, sample 25, 20,000 networks. On NAS-Bench-201 (Dong and Yang 2020):
population 10, sample 10, which are the defaults: for some ten to a hundred trials, what fits in minutes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from convsmith.errors import BadInput

from ..choose import Answers, Space
from . import ALGORITHMS

if TYPE_CHECKING:
    import numpy as np


@ALGORITHMS.register()
def evolution(
    space: Space,
    history: Sequence[dict[str, Any]],
    rng: np.random.Generator,
    *,
    population: int = 10,
    sample: int = 10,
    mutations: int = 1,
) -> Answers:
    """A mutation of the best of a few members of the living population.

    Args:
        space: where to draw and mutate.
        history: finished trials, oldest first; failed ones never lived.
        rng: draws members and mutations.
        population: how many of the newest trials live; until there are so many, genotypes are drawn.
        sample: how many members, drawn with replacement, compete to be the parent.
        mutations: how many answers change.

    Raises:
        BadInput: a setting below 1.
    """
    for name, value in (("population", population), ("sample", sample), ("mutations", mutations)):
        if value < 1:
            raise BadInput(f"evolution {name}", f"got {value!r}", "at least 1", f"{name}=4")
    living = [trial for trial in history if trial["score"] is not None][-population:]
    if len(living) < population:
        return space.sample(rng)
    drawn = [living[index] for index in rng.integers(len(living), size=sample)]
    answers = dict(max(drawn, key=lambda trial: trial["score"])["answers"])
    for _ in range(mutations):
        answers = space.mutate(answers, rng)
    return answers
