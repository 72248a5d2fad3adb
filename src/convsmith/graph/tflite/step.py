"""One operator of a .tflite file, with what it takes."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from typing import Any

from ...kinds import Shape
from .flat import Table


@dataclass(frozen=True)
class Tensor:
    """A tensor of the file.

    Args:
        shape: with the batch.
        name: as the file has it.
        data: its numbers' bytes where it is a constant, else None.
        type: the schema's number of its type: 0 float32, 2 int32, 9 int8.
    """

    shape: tuple[int, ...]
    name: str
    data: bytes | None
    type: int

    @property
    def count(self) -> int:
        """How many numbers."""
        return math.prod(self.shape)

    def ints(self) -> tuple[int, ...] | None:
        """The numbers of an int32 or int64 constant of few elements."""
        form = {2: "i", 4: "q"}.get(self.type)
        if self.data is None or form is None or len(self.data) > 1024:
            return None
        size = struct.calcsize(form)
        return struct.unpack(f"<{len(self.data) // size}{form}", self.data[: len(self.data) // size * size])


class Refused(Exception):
    """A form of an operator that no layer has: it is sized as the file says."""


@dataclass
class Step:
    """One operator with what it takes.

    Args:
        code: its name in the schema.
        options: its table of options.
        tensors: that it takes; None for one left out.
        shapes: of those that are not constant, without the batch.
        output: what it gives.
    """

    code: str
    options: Table | None
    tensors: list[Tensor | None]
    shapes: list[Shape]
    output: Tensor

    def option(self, slot: int, form: str, default: Any = 0) -> Any:
        """A number of its options."""
        return default if self.options is None else self.options.number(slot, form, default)

    def constant(self, place: int) -> Tensor:
        """What it takes there, which must be a constant."""
        found = self.tensors[place] if place < len(self.tensors) else None
        if found is None or found.data is None:
            raise Refused
        return found

    @property
    def has_bias(self) -> bool:
        """Whether a third tensor is there."""
        return len(self.tensors) > 2 and self.tensors[2] is not None
