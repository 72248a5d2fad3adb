"""A network as a list of a device's operators over numbered tensors: what every device file is written from.

Operators have LiteRT's names, options and layouts (images as 1 x rows x columns x channels, kernels with the
output channel first), so that a program says exactly what runs. It is data: writers, the planner of the arena
and the reference read it, none of them changes it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

BYTES = {"float32": 4, "float16": 2, "int32": 4, "int8": 1, "uint8": 1}
"""Bytes of one number of each type."""


@dataclass(frozen=True)
class Scale:
    """What an integer stands for: ``scale * (q - zero_point)``.

    Args:
        scales: one, or one for each channel along `axis`.
        zero_point: the integer that stands for 0.
        axis: the channels' place in the tensor's shape, where there are several scales.
    """

    scales: tuple[float, ...]
    zero_point: int = 0
    axis: int = 0


@dataclass(frozen=True, eq=False)
class Tensor:
    """What an operator reads or writes.

    Args:
        name: of the layer that it comes from.
        shape: sizes, with the batch of 1 in front where it is an activation.
        type: one of `BYTES`.
        data: the numbers of a constant; None for what is computed.
        scale: what its integers stand for; None for floating-point numbers and plain integers.
    """

    name: str
    shape: tuple[int, ...]
    type: str = "float32"
    data: np.ndarray | None = None
    scale: Scale | None = None

    @property
    def size(self) -> int:
        """How many numbers it holds."""
        return math.prod(self.shape)

    @property
    def bytes(self) -> int:
        """How many bytes it takes."""
        return self.size * BYTES[self.type]


@dataclass(frozen=True)
class Op:
    """One operator.

    Args:
        code: LiteRT's name of it, such as ``"CONV_2D"``.
        inputs: tensors' numbers; -1 for an optional one that is left out.
        output: the number of the tensor that it writes.
        options: its settings, named as in LiteRT's schema.
        layer: the layer that it comes from, for messages.
    """

    code: str
    inputs: tuple[int, ...]
    output: int
    options: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    layer: str = ""


@dataclass(frozen=True)
class Program:
    """Operators in the order in which they run.

    Args:
        name: the network's.
        tensors: everything that operators read and write.
        ops: the operators.
        inputs, outputs: numbers of the tensors that go in and come out.
    """

    name: str
    tensors: tuple[Tensor, ...]
    ops: tuple[Op, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]

    def readers(self, tensor: int) -> list[Op]:
        """The operators that read a tensor."""
        return [op for op in self.ops if tensor in op.inputs]
