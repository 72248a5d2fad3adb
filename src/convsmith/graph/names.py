"""Names that are taken once."""

from __future__ import annotations

from collections.abc import Iterable


class Names:
    """Gives each wanted name once, then with a number behind it; the cost does not grow with the numbers.

    Args:
        taken: names that are given already.

    Example:
        >>> names = Names(["conv_1"])
        >>> names.free("conv"), names.free("conv"), names.free("conv")
        ('conv', 'conv_2', 'conv_3')
    """

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = set(taken)
        self._last: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._taken)

    def free(self, wanted: str) -> str:
        """The wanted name, or the first that is free with a number behind it; taken from now on."""
        name, number = wanted, self._last.get(wanted, 0)
        while name in self._taken:
            number += 1
            name = f"{wanted}_{number}"
        self._last[wanted] = number
        self._taken.add(name)
        return name
