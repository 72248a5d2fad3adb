"""What numbers a setting takes: each kind says it of its own settings, as Keras checks them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..errors import BadInput


@dataclass(frozen=True)
class Limit:
    """From which number to which.

    Args:
        low: the least.
        high: the largest.
        above: the least itself is not taken.
        overlap: a pair is taken that has anything between the ends, as Keras takes the least and the largest
            of a random factor; without it both numbers stand between them.
    """

    low: float = -float("inf")
    high: float = float("inf")
    above: bool = False
    overlap: bool = False

    def __str__(self) -> str:
        if self.high == float("inf"):
            return f"a number {'above' if self.above else 'from'} {self.low:g}"
        return f"a number {'above' if self.above else 'from'} {self.low:g} to {self.high:g}"

    def takes(self, value: float) -> bool:
        """Whether one number is among them."""
        return (self.low < value if self.above else self.low <= value) and value <= self.high

    def check(self, name: str, value: Any) -> None:
        """Raise BadInput for a number, or a pair, that is not among them; other values are left alone."""
        numbers = value if isinstance(value, tuple) else (value,)
        if not all(isinstance(number, int | float) for number in numbers) or not numbers:
            return
        if self.overlap and len(numbers) == 2:
            fits = numbers[0] <= self.high and numbers[1] >= self.low
        else:
            fits = all(map(self.takes, numbers))
        if not fits:
            raise BadInput(name, f"got {_shown(value)}", str(self))


SHARE = Limit(0, 1)
"""A rate of dropout and its like."""
NOT_NEGATIVE = Limit(0)


def _shown(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else f"{value!r:.60}"


def check_number(name: str, value: Any) -> None:
    """Raise BadInput for what is not a number, alone or among several: nothing can be computed with it."""
    for number in value if isinstance(value, tuple) else (value,):
        if isinstance(number, float) and number != number:
            raise BadInput(name, "got nan", "a number")
