"""Grid search: genotypes evenly spread over the space, from coarse to fine; no random numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ..choose import Answers, Space
from ..space.options import Options
from . import ALGORITHMS

if TYPE_CHECKING:
    import numpy as np


@ALGORITHMS.register()
def grid(
    space: Space, history: Sequence[dict[str, Any]], rng: np.random.Generator, *, every: int = 1
) -> Answers:
    """The next point of a grid that becomes finer as it goes on.

    A full grid in the order of the options would, in any space worth searching, only ever change the
    last few answers. So the points are those of Richtmyer's sequence: each question goes round its options
    at a pace of its own, the square root of a prime, so that after any number of trials every option was
    tried about equally often, with every other.

    Source: Richtmyer, "The evaluation of definite integrals, and a quasi-Monte-Carlo method", 1951.

    Args:
        space: whose points; where it has a budget, a point over it becomes the nearest within.
        history: only its length counts.
        rng: repairs points over the budget.
        every: of the sequence's points only each so many.

    Example:
        >>> import numpy as np
        >>> from convsmith.nas.spaces import space
        >>> digits, rng = space("stages", (8, 8, 1), 10), np.random.default_rng(0)
        >>> first = grid(digits, [], rng)
        >>> first == grid(digits, [], rng), first == grid(digits, [{}], rng)
        (True, False)
    """
    place = 1 + len(history) * every
    primes = _primes()

    def pick(name: str, options: Options) -> int:
        return int(place * math.sqrt(next(primes)) % 1 * len(options))

    answers = space.walk(pick).answers
    return space.crossover(answers, answers, rng)  # of one with itself: within the budget


def _primes() -> Iterator[int]:
    found: list[int] = []
    number = 2
    while True:
        if all(number % prime for prime in found):
            found.append(number)
            yield number
        number += 1
