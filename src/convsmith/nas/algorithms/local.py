"""Local search: every change of one answer of the best network so far, until none of them is better.

Source: White, Nolen, Savani, "Exploring the Loss Landscape in Neural Architecture Search", UAI 2021:
from the best of a few random networks; on NAS-Bench-201 it is as good as far larger machinery.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ..choose import Answers, Space, genotype_key
from ..space.options import index_of, is_ordered, thawed
from . import ALGORITHMS
from ._history import at_least_one, finished, tried

if TYPE_CHECKING:
    import numpy as np


@ALGORITHMS.register()
def local(
    space: Space, history: Sequence[dict[str, Any]], rng: np.random.Generator, *, population: int = 10
) -> Answers:
    """A change of one answer of the best trial that was not tried yet; a random network where all were.

    Args:
        space: where to draw and change.
        history: trials, oldest first; only finished ones are compared.
        rng: draws the order of the changes.
        population: trials drawn at random first.

    Raises:
        BadInput: `population` below 1.

    Example:
        >>> import numpy as np
        >>> from convsmith.nas.spaces import space
        >>> digits, rng = space("stages", (8, 8, 1), 10), np.random.default_rng(0)
        >>> best = {"answers": digits.sample(rng), "score": 0.9}
        >>> changed = local(digits, [best], rng, population=1)
        >>> sum(changed.get(name) != answer for name, answer in best["answers"].items()) >= 1
        True
    """
    at_least_one("local", population=population)
    done = finished(history)
    if len(done) < population:
        return space.sample(rng)
    known = tried(history)
    for trial in sorted(done, key=lambda one: -one["score"]):
        for answers in neighbours(space, trial["answers"], rng):
            if genotype_key(answers) not in known:
                return answers
        if len(done) < len(known):  # the last neighbours are still training: the next best meanwhile
            continue
        break
    return space.sample(rng)  # a local optimum: begin again


def neighbours(space: Space, answers: Answers, rng: np.random.Generator) -> Iterator[Answers]:
    """Every change of one answer, in random order; numbers only go to the option above or below.

    Questions that a change asks for or leaves out are completed.
    """
    changes = []
    for name, options in space.options(answers).items():
        index = index_of(answers[name], options)
        others = [place for place in range(len(options)) if place != index]
        if index is not None and is_ordered(options):
            ranks = sorted(range(len(options)), key=lambda place: options[place])
            near = ranks.index(index)
            others = [ranks[place] for place in (near - 1, near + 1) if 0 <= place < len(ranks)]
        changes += [(name, options[other]) for other in others]
    anchor = answers
    for place in rng.permutation(len(changes)):
        name, option = changes[int(place)]
        wanted = {**anchor, name: thawed(option)}
        yield space.crossover(wanted, wanted, rng)  # of one with itself: completed, and within the budget
