"""Sizes that an ONNX file computes with: numbers, multiples of the batch's free size, and sizes not known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Many:
    """So many times the batch's size, which the file leaves open.

    Example:
        >>> Many() * 4, Many(8) // 2, Many(8) // Many(2), Many() + 1
        (Many(times=4), Many(times=4), 4, UNSIZED)
    """

    times: int = 1

    def __mul__(self, other: Any) -> Any:
        return Many(self.times * int(other)) if isinstance(other, int) and other > 0 else UNSIZED

    __rmul__ = __mul__

    def __floordiv__(self, other: Any) -> Any:
        if isinstance(other, Unsized):
            return other
        if isinstance(other, Many):
            return self.times // other.times if self.times % other.times == 0 else UNSIZED
        fits = isinstance(other, int) and other > 0 and self.times % other == 0
        return Many(self.times // other) if fits else UNSIZED

    __truediv__ = __floordiv__

    def __add__(self, other: Any) -> Any:
        return self if isinstance(other, int) and other == 0 else UNSIZED

    __radd__ = __add__

    def _not_known(self, *other: Any) -> Any:
        return UNSIZED

    __sub__ = __rsub__ = __mod__ = __rmod__ = __rfloordiv__ = __rtruediv__ = __pow__ = _not_known
    __neg__ = __abs__ = __lt__ = __gt__ = __le__ = __ge__ = _not_known


class Unsized(Many):
    """A size that is not known, and all that is computed from it."""

    def __init__(self) -> None:
        pass

    def __repr__(self) -> str:
        return "UNSIZED"

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return 0

    def __mul__(self, other: Any) -> Any:
        return self

    __rmul__ = __floordiv__ = __truediv__ = __add__ = __radd__ = __mul__

    def __bool__(self) -> bool:
        raise ValueError("a size that is not known decides")


UNSIZED = Unsized()
Size = int | Many | None
"""One size of a tensor as a Value has it; None where it is not known."""


def per_image(size: Size) -> int | None:
    """How much of a size belongs to one image.

    Example:
        >>> per_image(5), per_image(Many(49)), per_image(None)
        (5, 49, None)
    """
    return size.times if isinstance(size, Many) else size


def plain(size: Any) -> Size:
    """A size out of the file's own arithmetic."""
    return None if isinstance(size, Unsized) else size if isinstance(size, Many) else int(size)
