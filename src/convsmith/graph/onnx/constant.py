"""A tensor whose numbers the file gives, or computes from such: its sizes at once, its numbers when asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

SMALL = 65_536
"""Numbers of a constant that are looked at while reading: shapes, pads, scales. Weights are only measured."""


class NotHere(Exception):
    """A constant's numbers lie in another file, which is only opened when asked."""


@dataclass(eq=False)
class Constant:
    """One constant tensor.

    Args:
        sizes: of the tensor.
        make: gives its numbers: an array, of objects where some are `Many`.
        learned: whether they are weights of the network: numbers of an initializer that are no whole numbers.
        names: the initializers that it comes from.
        parameter: whether it is a weight even where it is a single number.
        kind: the type of its numbers by numpy's name; "object" where sizes are among them.
    """

    sizes: tuple[int, ...]
    make: Callable[[], np.ndarray]
    learned: bool = False
    names: tuple[str, ...] = ()
    kind: str = "float32"
    parameter: bool = False
    _made: Any = field(default=None, repr=False)

    @property
    def count(self) -> int:
        """How many numbers."""
        total = 1
        for size in self.sizes:
            total *= size
        return total

    def array(self) -> np.ndarray:
        """The numbers; kept where they are few."""
        if self._made is not None:
            return self._made
        found = self.make()
        if self.count <= SMALL:
            self._made = found
        return found

    @property
    def is_small(self) -> bool:
        """Whether its numbers are looked at while reading."""
        return self.count <= SMALL

    def numbers(self) -> list[Any]:
        """The numbers of a small constant in one row.

        Raises:
            ValueError: where it is too large to be a shape, pads or a scale.
        """
        if not self.is_small:
            raise ValueError("too many numbers")
        return list(self.array().reshape(-1).tolist())


def of_tensor(tensor: Any, load: Callable[[Any], np.ndarray], learned: bool) -> Constant:
    """The Constant of a TensorProto.

    Args:
        tensor: the tensor.
        load: reads its numbers.
        learned: whether it is an initializer.
    """
    from onnx import helper

    kind = str(helper.tensor_dtype_to_np_dtype(tensor.data_type))
    floats = kind.startswith(("float", "bfloat")) or "float" in kind
    name = (tensor.name,) if tensor.name else ()
    return Constant(tuple(tensor.dims), lambda: load(tensor), learned and floats, name, kind)


def known(array: Any, like: Constant | None = None) -> Constant:
    """A Constant of numbers that are there."""
    found = Constant(tuple(array.shape), lambda: array, kind=str(array.dtype))
    if like is not None:
        found.learned, found.names = like.learned, like.names
    found._made = array
    return found
