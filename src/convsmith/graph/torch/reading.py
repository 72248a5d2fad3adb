"""What a rule for an ATen operator asks of the walk, and the constants that it puts beside a tensor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from ..onnx.constant import Constant, known
from ..onnx.op import Reading
from .call import Call


class Reader(Reading, Protocol):
    """The walk, by what a rule asks of it beyond what ONNX's rules do."""

    def worded(self, call: Call, type_: str, inputs: Sequence[Any], outputs: int = 1, /, **a: Any) -> Any:
        """What ONNX's rule makes of a call put into ONNX's words."""


Rule = Callable[[Reader, Call], Any]


def number(value: float) -> Constant:
    """A single number as a constant."""
    import numpy as np

    return known(np.asarray(value, np.float32))


def whole(*values: int) -> Constant:
    """Whole numbers in a row as a constant."""
    import numpy as np

    return known(np.asarray(values, np.int64))


def operand(item: Any) -> Any:
    """A tensor as it is, a number as a constant."""
    return number(float(item)) if isinstance(item, bool | int | float) else item


def listed(given: Any, count: int) -> list[int]:
    """A setting for each axis: torch takes one number for all of them."""
    values = list(given) if isinstance(given, list | tuple) else [given]
    return [int(item) for item in (values * count if len(values) == 1 else values)]
