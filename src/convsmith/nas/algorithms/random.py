"""Random search: every proposal drawn anew; the baseline that an algorithm must beat."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..choose import Answers, Space
from . import ALGORITHMS

if TYPE_CHECKING:
    import numpy as np


@ALGORITHMS.register()
def random(space: Space, history: Sequence[dict[str, Any]], rng: np.random.Generator) -> Answers:
    """A genotype drawn from the space, whatever came before.

    Args:
        space: where to draw.
        history: not looked at.
        rng: draws.
    """
    return space.sample(rng)
