"""What a single named change of images is, and the table of them: one family in each file of this package."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from ...registry import Registry


@dataclass(frozen=True)
class Operation:
    """One change, by an amount for each image.

    Args:
        apply: ``(x_NCHW, amount) -> x_NCHW``: raw pixels 0..255, float32; amounts (N,).
        wide: the amounts of no and of full strength in TrivialAugment's wide space (S. Müller, F. Hutter,
            "TrivialAugment: Tuning-free Yet State-of-the-Art Data Augmentation", ICCV 2021, table 1).
        narrow: likewise in RandAugment's (E. Cubuk, B. Zoph, J. Shlens, Q. Le, "RandAugment: Practical
            automated data augmentation with a reduced search space", 2020, as the authors' code has it).
        characters: likewise where a character has to stay the one it is; None where narrow does.
        signed: whether the amount's sign is drawn.
    """

    apply: Callable[[Tensor, Tensor], Tensor]
    wide: tuple[float, float] = (0.0, 0.0)
    narrow: tuple[float, float] = (0.0, 0.0)
    characters: tuple[float, float] | None = None
    signed: bool = False

    def amounts(self, strength: Tensor, sign: Tensor, space: str) -> Tensor:
        """The amount for each image, from its strength (0..1) and sign (-1 or 1)."""
        spaces = {"wide": self.wide, "narrow": self.narrow, "characters": self.characters or self.narrow}
        start, end = spaces[space]
        found = start + (end - start) * strength
        return found * sign if self.signed else found


OPERATIONS: Registry[Operation] = Registry("operation", package="convsmith.engine.augment")
