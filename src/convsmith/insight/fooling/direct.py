"""The direct encoding: a number for each pixel, so that evolved pictures look like noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .mutation import polynomial

if TYPE_CHECKING:
    import numpy as np

RATE, HALVED_EVERY = 0.1, 1000
"""The original's mutation rate, and after how many generations it is halved."""


@dataclass(frozen=True)
class Direct:
    """Pictures as numbers from 0 to 1, one for each pixel and channel.

    Args:
        shape: rows, columns, channels.
    """

    shape: tuple[int, int, int]
    name: str = "direct"

    def random(self, count: int, rng: np.random.Generator) -> list[np.ndarray]:
        """Pictures of uniform noise."""
        import numpy as np

        return list(rng.random((count, *self.shape), dtype=np.float32))

    def children(
        self, parents: Sequence[np.ndarray], generation: int, rng: np.random.Generator
    ) -> list[np.ndarray]:
        """A mutated copy of each parent; the rate is halved every 1,000 generations."""
        import numpy as np

        rate = RATE * 0.5 ** ((generation - 1) // HALVED_EVERY)
        return list(polynomial(np.stack(list(parents)), rng, rate=rate))

    def images(self, genotypes: Sequence[np.ndarray]) -> np.ndarray:
        """The pictures, uint8 (N, H, W, C)."""
        import numpy as np

        return np.rint(np.stack(list(genotypes)) * 255).astype(np.uint8)

    def pack(self, genotypes: Sequence[np.ndarray]) -> np.ndarray:
        """The genotypes as one array, to be kept."""
        import numpy as np

        return np.stack(list(genotypes))

    def unpack(self, packed: np.ndarray) -> list[np.ndarray]:
        """What `pack` made, as it was."""
        return list(packed)
