"""How a network's latency follows from that of its blocks, and how far the truth may lie above.

A law is fitted on whole networks. Each of them is also predicted by the law of all the others; what it
really took, over that, says how much a prediction for a new network may fall short.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

COVERAGE = 0.95
_LEAST = 0.2  # of the sum of its blocks: no network takes less


@dataclass(frozen=True)
class Law:
    """``overhead + factor x sum of the blocks + step x their number``.

    Args:
        overhead_ms: of a network with no blocks.
        factor: milliseconds of a network for each millisecond of its blocks.
        step_ms: milliseconds of a network for each block, whatever it does.

    Example:
        >>> Law(overhead_ms=0.1, factor=2.0, step_ms=0.01)(blocks_ms=1.0, count=10)
        2.2
    """

    overhead_ms: float = 0.0
    factor: float = 1.0
    step_ms: float = 0.0

    def __call__(self, blocks_ms: float, count: int) -> float:
        """Milliseconds of a network whose blocks take so many, and are so many."""
        return max(self.overhead_ms + self.factor * blocks_ms + self.step_ms * count, _LEAST * blocks_ms)


def fit_law(parts: np.ndarray, measured_ms: np.ndarray) -> Law:
    """The law with the least squares of relative errors.

    Args:
        parts: milliseconds of all blocks of each network, and how many they are, (N, 2).
        measured_ms: what the networks took, (N,).
    """
    import numpy as np

    x = np.column_stack([np.ones(len(parts)), parts])
    found, *_ = np.linalg.lstsq(x / measured_ms[:, None], np.ones(len(x)), rcond=None)
    if found[1] <= 0:
        found = np.array([0.0, np.median(measured_ms / parts[:, 0]), 0.0])
    return Law(*map(float, found))


def shortfalls(parts: np.ndarray, measured_ms: np.ndarray) -> np.ndarray:
    """What each network took over what the law of all the others says, (N,); arguments as of `fit_law`."""
    import numpy as np

    found = []
    for place, measured in enumerate(measured_ms):
        others = np.arange(len(parts)) != place
        law = fit_law(parts[others], measured_ms[others])
        found.append(measured / law(float(parts[place, 0]), int(parts[place, 1])))
    return np.array(found)


def margin(found: np.ndarray, coverage: float = COVERAGE) -> tuple[float, float]:
    """The factor on a prediction that a new network stays under with this probability.

    The ceil((N + 1) coverage)-th smallest of N shortfalls; of too few, the largest, which covers N / (N + 1).
    Never below 1. It holds for networks drawn as the measured ones were.

    Source: leave-one-out ("jackknife") intervals; Barber et al., "Predictive Inference with the Jackknife+",
    2021, section 1.1.

    Args:
        found: measured / predicted of N networks.
        coverage: the share of new networks that is wanted.

    Returns:
        The factor, and the share that it covers.

    Example:
        >>> import numpy as np
        >>> margin(np.linspace(0.81, 1.2, 40)), margin(np.array([0.9, 1.1, 1.3]))
        ((1.19, 0.95), (1.3, 0.75))
    """
    import numpy as np

    count = len(found)
    place = math.ceil((count + 1) * coverage - 1e-9)
    if place > count:
        place, coverage = count, count / (count + 1)
    return max(1.0, float(np.sort(found)[place - 1])), coverage
