"""What a predictor is told about a genotype: its answers as a vector, and the size of its network."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from ..choose import Answers, Space, genotype_key
from ..space.encoding import Encoding
from ..space.options import Options, index_of

if TYPE_CHECKING:
    import numpy as np

_KEPT = 20_000  # vectors kept for each space: what a search of thousands of trials looks at again
_KEPT_SPACES = 4
_COUNTED = 2.0  # times as far apart: networks whose counts differ, over those with only the places changed


class Features:
    """Genotypes as rows of numbers: the columns of `Encoding`, how often each option was chosen, three sizes.

    Questions with the same options, as the edges of a cell or the kernels of stages have, are also counted
    together: that a network has three 3x3 convolutions says much, wherever they are. The sizes are
    ln(parameters + 1), ln(multiply-adds + 1) and ln(layers): what every space has in common, and what
    accuracy depends on most in many of them.

    Args:
        space: whose genotypes.

    Example:
        >>> import numpy as np
        >>> from convsmith.nas.spaces import space
        >>> digits = space("stages", (8, 8, 1), 10)
        >>> features = Features.of(digits)
        >>> rows = features([digits.sample(np.random.default_rng(seed)) for seed in range(3)])
        >>> rows.shape == (3, features.answers + features.sizes)
        True
    """

    sizes = 3

    def __init__(self, space: Space) -> None:
        import numpy as np

        self._space = space
        self._encode = Encoding(space, np.random.default_rng(0))  # a constant: the questions, not a search
        alike: dict[Options, list[str]] = {}
        for name, options in self._encode.questions.items():
            alike.setdefault(options, []).append(name)
        self._alike = {options: names for options, names in alike.items() if len(names) > 1}
        self.answers = len(self._encode.columns) + sum(map(len, self._alike))
        self._row = lru_cache(_KEPT)(self._compute)
        self._asked: dict[str, Answers] = {}

    @property
    def questions(self) -> dict[str, Options]:
        """Every question that random walks met, with all the options it had."""
        return self._encode.questions

    @staticmethod
    @lru_cache(_KEPT_SPACES)
    def of(space: Space) -> Features:
        """The features of a space, found once."""
        return Features(space)

    def __call__(self, genotypes: Sequence[Answers]) -> np.ndarray:
        """One row for each genotype, float64."""
        import numpy as np

        rows = []
        for answers in genotypes:
            key = genotype_key(answers)
            self._asked = {key: answers}
            rows.append(self._row(key))
        return np.array(rows).reshape(len(rows), self.answers + self.sizes)

    def _compute(self, key: str) -> np.ndarray:
        import numpy as np

        answers = self._asked[key]
        graph = self._space.graph(answers)
        sizes = (math.log1p(graph.params or 0), math.log1p(graph.macs or 0), math.log(max(1, len(graph))))
        counts: list[float] = []
        for options, names in self._alike.items():
            chosen = [index_of(answers[name], options) for name in names if name in answers]
            counts += [_COUNTED * chosen.count(at) for at in range(len(options))]
        return np.concatenate([self._encode(answers), counts, sizes])
