"""Whether a network learned enough for maps of it to mean something."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from ...graph import Graph

LITTLE = "this network learned too little for any map to mean something"
BY_CHANCE = 0.01
"""How often always naming the commonest class may be right as often, at most."""
TELLING, DECIDED = 0.03, 0.3
"""Without labels: nats that the answers tell of the images, or how certain they are, at least."""


@dataclass(frozen=True)
class Answered:
    """How a network did on labelled images that it was not trained on.

    Args:
        right: how many it named right.
        images: how many there were.
        commonest: how many were of the commonest class.
    """

    right: int
    images: int
    commonest: int


def learned(
    graph: Graph,
    weights: dict[str, np.ndarray],
    logits_NK: np.ndarray,
    unlearned: Sequence[np.ndarray],
    answered: Answered | None = None,
) -> dict[str, Any]:
    """Whether a network knows more than one with random weights, or than always naming the commonest class.

    Weights as an initializer leaves them (every bias and every batch norm at its first value) are told from
    the weights. Else labelled images decide where there are some: as many right by chance, at the rate of
    always naming the commonest class, must be rare (C. Clopper, E. Pearson, 1934). Without
    labels the answers must differ between the images, or be certain, at least twice as much as those of the
    same network with random weights.

    Args:
        graph: the network.
        weights: full name -> array.
        logits_NK: its logits for the images that are explained.
        unlearned: the same of the network with random weights, once or more.
        answered: how it did on labelled images.

    Returns:
        untouched; right, of, chance and p where there are labels; telling and certain, each the network's own
        and the largest of the random ones'; passed.
    """
    telling, certain = _telling(logits_NK), _certain(logits_NK)
    by_chance = [max(kind(each) for each in unlearned) for kind in (_telling, _certain)]
    found: dict[str, Any] = {
        "untouched": _untouched(graph, weights),
        "telling": [telling, by_chance[0]],
        "certain": [certain, by_chance[1]],
    }
    if answered is not None:
        chance = answered.commonest / max(1, answered.images)
        p = at_least(answered.right, answered.images, chance)
        found |= {"right": answered.right, "of": answered.images, "chance": chance, "p": p}
        knows = p <= BY_CHANCE
    else:
        tells = telling >= max(TELLING, 2 * by_chance[0])
        knows = tells or certain >= max(DECIDED, 2 * by_chance[1])
    return found | {"passed": bool(knows and not found["untouched"])}


def at_least(right: int, of: int, chance: float) -> float:
    """How often so many or more are right, each by this chance alone (binomial).

    Example:
        >>> round(at_least(3, 4, 0.5), 4)
        0.3125
    """
    if right <= 0 or chance >= 1:
        return 1.0
    if chance <= 0:
        return 0.0
    ways = lambda k: math.lgamma(of + 1) - math.lgamma(k + 1) - math.lgamma(of - k + 1)  # noqa: E731
    log = lambda k: ways(k) + k * math.log(chance) + (of - k) * math.log1p(-chance)  # noqa: E731
    return min(1.0, math.fsum(math.exp(log(k)) for k in range(right, of + 1)))


def _untouched(graph: Graph, weights: dict[str, np.ndarray]) -> bool:
    """Whether all that an initializer sets to a constant still is at it."""
    import numpy as np

    from ...engine.weights import initial

    first, second = (initial(graph, seed) for seed in (0, 1))
    constant = [name for name in first if np.array_equal(first[name], second[name])]
    return bool(constant) and all(np.array_equal(weights[name], first[name]) for name in constant)


def _shares(logits_NK: np.ndarray) -> np.ndarray:
    import numpy as np

    raised = np.exp(logits_NK.astype(np.float64) - logits_NK.max(1, keepdims=True))
    return raised / raised.sum(1, keepdims=True)


def _entropy(shares: np.ndarray) -> np.ndarray:
    import numpy as np

    return -(shares * np.log(np.maximum(shares, 1e-12))).sum(-1)


def _telling(logits_NK: np.ndarray) -> float:
    """What the answers tell of which image was shown: their mutual information, in nats."""
    shares = _shares(logits_NK)
    return float(_entropy(shares.mean(0)) - _entropy(shares).mean())


def _certain(logits_NK: np.ndarray) -> float:
    """How certain the answers are: 0 where all classes are alike likely, 1 where one is sure."""
    import numpy as np

    shares = _shares(logits_NK)
    return float(1 - _entropy(shares).mean() / np.log(max(2, shares.shape[1])))
