"""The polynomial mutation of real numbers (K. Deb, R. B. Agrawal, 1994), as the original evolution has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

ETA = 15.0
"""The original's index: the larger, the smaller the steps."""


def polynomial(values: np.ndarray, rng: np.random.Generator, *, rate: float, eta: float = ETA) -> np.ndarray:
    """Move some of the numbers, most of them a little.

    A moved number changes by (2u)^(1/(eta+1)) - 1 for u below a half, else by 1 - (2(1-u))^(1/(eta+1)), and
    is kept within 0 and 1.

    Args:
        values: numbers from 0 to 1, any shape.
        rng: the source of randomness.
        rate: the chance of each number to be moved.
        eta: the index of the distribution.

    Returns:
        New numbers of the same shape and type.

    Example:
        >>> import numpy as np
        >>> moved = polynomial(np.full(10000, 0.5), np.random.default_rng(0), rate=0.1)
        >>> float((moved != 0.5).mean()), bool(abs(moved - 0.5).max() < 0.5)
        (0.1013, True)
    """
    import numpy as np

    u = rng.random(values.shape, dtype=np.float32)
    chosen = rng.random(values.shape, dtype=np.float32) < rate
    power = 1 / (eta + 1)
    step = np.where(u < 0.5, (2 * u) ** power - 1, 1 - (2 * (1 - u)) ** power)
    return np.clip(values + np.where(chosen, step, 0), 0, 1).astype(values.dtype)
