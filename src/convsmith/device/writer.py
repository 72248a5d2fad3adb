"""Collects a program's operators and tensors while layers are written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .program import Op, Tensor

if TYPE_CHECKING:
    import numpy as np


class Writer:
    """Collects operators and tensors."""

    def __init__(self) -> None:
        self.tensors: list[Tensor] = []
        self.ops: list[Op] = []
        self.layer = ""
        self._names: set[str] = set()

    def tensor(self, shape: tuple[int, ...], name: str = "") -> int:
        """A tensor that is computed, with its batch."""
        self.tensors.append(Tensor(name or self._free(self.layer), shape))
        return len(self.tensors) - 1

    def constant(self, array: np.ndarray, name: str) -> int:
        """A constant of this layer."""
        import numpy as np

        kind = "int32" if array.dtype.kind == "i" else "float32"
        held = np.ascontiguousarray(array, dtype=kind)
        self.tensors.append(Tensor(self._free(f"{self.layer}/{name}"), held.shape, kind, held))
        return len(self.tensors) - 1

    def op(self, code: str, inputs: list[int], shape: tuple[int, ...], **options: Any) -> int:
        """Add one operator and return its output; `shape` is without the batch."""
        out = self.tensor((1, *shape))
        self.ops.append(Op(code, tuple(inputs), out, options, self.layer))
        return out

    def shape(self, tensor: int) -> tuple[int, ...]:
        """A tensor's shape without the batch."""
        return self.tensors[tensor].shape[1:]

    def _free(self, name: str) -> str:
        count = 1
        found = name
        while found in self._names:
            found, count = f"{name}_{count}", count + 1
        self._names.add(found)
        return found
