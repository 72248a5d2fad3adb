"""How large a space is, and its genotypes as vectors: both found by walking through it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from ..choose import Answers, Space, Walk
from .options import Options, index_of, is_ordered

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class SpaceSize:
    """How many genotypes a space has; exact when all were walked or no answer changes what is asked."""

    count: float
    exact: bool

    def __str__(self) -> str:
        count = f"{int(self.count):,}" if self.count < 1e7 else f"{self.count:.1e}"
        return f"{count} networks" if self.exact else f"about {self.count:.1e} networks"


def every(space: Space) -> Iterator[Walk]:
    """Every way through a space, in the order of its options."""
    path: list[int] = []
    while True:
        counts: list[int] = []

        def pick(_: str, options: Options, counts: list[int] = counts) -> int:
            counts.append(len(options))
            if len(counts) > len(path):
                path.append(0)
            return path[len(counts) - 1]

        yield space.walk(pick)
        while path and path[-1] == counts[len(path) - 1] - 1:
            path.pop()
        if not path:
            return
        path[-1] += 1


def space_size(space: Space, rng: np.random.Generator, *, limit: int = 300, walks: int = 200) -> SpaceSize:
    """Count a space's genotypes.

    Args:
        space: what to count.
        rng: draws the random walks of the estimate.
        limit: up to this many genotypes are counted one by one.
        walks: how many random walks the estimate averages.

    Returns:
        The count; exact up to `limit`, and where every walk is asked the same. Else the mean over the walks
        of the product of the numbers of options, which is right on average (Knuth,
        "Estimating the efficiency of backtrack programs", 1975).
    """
    products, asked = [], []
    for _ in range(walks):
        walk = space.walk(lambda _, options: int(rng.integers(len(options))))
        products.append(math.prod(len(options) for options in walk.asked.values()))
        asked.append(walk.asked)
    if all(one == asked[0] for one in asked):
        return SpaceSize(products[0], True)
    estimate = math.fsum(products) / len(products)
    if estimate <= 10 * limit:
        count = sum(1 for _ in islice(every(space), limit + 1))
        if count <= limit:
            return SpaceSize(count, True)
    return SpaceSize(estimate, False)


class Encoding:
    """Genotypes as vectors of equal length, for predictors.

    Questions whose options are numbers take two columns (whether asked; the value's rank from 0 to 1),
    others one column an option (one-hot); a question that was not asked is all zeros.

    Args:
        space: what to encode.
        rng: draws the walks on which the questions are found.
        walks: how many; a question that none of them met is not encoded.
    """

    def __init__(self, space: Space, rng: np.random.Generator, *, walks: int = 200) -> None:
        found: dict[str, dict[object, None]] = {}
        for _ in range(walks):
            walk = space.walk(lambda _, options: int(rng.integers(len(options))))
            for name, options in walk.asked.items():
                found.setdefault(name, {}).update(dict.fromkeys(options))
        self.questions: dict[str, Options] = {}
        self.columns: list[str] = []
        for name, union in sorted(found.items()):
            options = tuple(union)
            if is_ordered(options):
                self.questions[name] = tuple(sorted(options))
                self.columns += [f"{name}?", name]
            else:
                self.questions[name] = tuple(sorted(options, key=repr))
                self.columns += [f"{name}={option}" for option in self.questions[name]]

    def __call__(self, answers: Answers) -> np.ndarray:
        """The vector of a genotype: float64, one number for each of `columns`."""
        import numpy as np

        values: list[float] = []
        for name, options in self.questions.items():
            index = index_of(answers[name], options) if name in answers else None
            if is_ordered(options):
                rank = 0.0 if index is None else (index + 1) / len(options)
                values += [float(index is not None), rank]
            else:
                values += [float(index == at) for at in range(len(options))]
        return np.array(values)
