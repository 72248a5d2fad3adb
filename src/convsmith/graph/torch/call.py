"""One call of an ATen operator while it is read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from traceback import FrameSummary
from types import SimpleNamespace
from typing import Any

from ...errors import BadInput
from ..onnx.constant import Constant
from ..onnx.op import Op
from ..onnx.sizes import Many, Size
from ..onnx.value import Value
from .exporting import BATCH, user_line

OPSET = 18
"""The version of ONNX's operators in whose words calls are put."""
_FRAME = re.compile(r'File "(.+)", line (\d+), in (.+)\n\s*(.*)')


class Call(Op):
    """A call, which may be put into ONNX's words for the rules that ONNX files are read by.

    Args:
        node: as torch's exporter has it.
        arguments: by the names of the operator's schema, tensors as a Value or a Constant.
    """

    def __init__(self, node: Any, arguments: Mapping[str, Any]) -> None:
        self.fx, self.args = node, dict(arguments)
        self.operator = self.called = operator_of(node)
        self.title = title_of(node)
        self.opset = OPSET
        self.worded(self.operator, list(_tensors(self.args.values())), 1, {})

    def worded(self, type_: str, inputs: Sequence[Any], outputs: int, a: Mapping[str, Any]) -> Call:
        """The call in ONNX's words."""
        self.type, self.inputs, self.a = type_, list(inputs), {k: v for k, v in a.items() if v is not None}
        self.node = SimpleNamespace(
            name=self.title, op_type=type_, domain="", input=[""] * max(len(inputs), 1),
            output=[self.title, *(f"{self.title}:{place}" for place in range(1, outputs))],
        )  # fmt: skip
        return self

    def copied(self) -> Call:
        """The same call, for one of the operators that it is made of."""
        found = object.__new__(Call)
        found.__dict__.update(self.__dict__)
        return found

    @property
    def x(self) -> Any:
        """The first argument: a tensor that follows from the images, or a list with one.

        Raises:
            ValueError: for a constant.
        """
        found = next(iter(self.args.values()))
        if isinstance(found, Constant):
            raise ValueError("a constant")
        return found

    def get(self, name: str, otherwise: Any = None) -> Any:
        """An argument; the other where it is left out or None."""
        found = self.args.get(name)
        return otherwise if found is None else found

    @property
    def sizes(self) -> tuple[int, ...]:
        """The output's sizes as recorded, the batch among them."""
        return tuple(int(size) for size in self.fx.meta["val"].shape)

    @property
    def line(self) -> str:
        """The line of the author's code that called it."""
        return line_of(self.fx)

    def refuse(self, came: str, expected: str) -> BadInput:
        return BadInput(f"{self.operator} ({self.line or self.title})", came, expected)


def _tensors(items: Iterable[Any]) -> Iterator[Value | Constant]:
    for item in items:
        if isinstance(item, list):
            yield from _tensors(item)
        elif isinstance(item, Value | Constant):
            yield item


def operator_of(node: Any) -> str:
    """An operator's name as torch writes it, without its overload: "aten.conv2d"."""
    schema = getattr(node.target, "_schema", None)
    if schema is None:
        return str(getattr(node.target, "__name__", node.target))
    return str(schema.name).replace("::", ".")


def title_of(node: Any) -> str:
    """What a call's layer is called: its module's path, then the operator where the module is no layer."""
    stack = node.meta.get("nn_module_stack") or {}
    path, kind = list(stack.values())[-1] if stack else ("", "")
    kind = kind if isinstance(kind, str) else f"{kind.__module__}.{kind.__qualname__}"
    operator = operator_of(node).rpartition(".")[2].strip("_")
    if path and kind.startswith("torch.nn.modules."):
        return str(path)
    return f"{path}.{operator}" if path else operator


def line_of(node: Any) -> str:
    """The line of the author's code that a call stands in; empty where torch does not say."""
    found = _FRAME.findall(node.meta.get("stack_trace") or "")
    return user_line([FrameSummary(file, int(at), name, line=code) for file, at, name, code in found])


def in_images(sizes: Sequence[int]) -> tuple[Size, ...]:
    """Recorded sizes, with the batch as what it is.

    Example:
        >>> in_images((BATCH, 3, 8, 8)), in_images((4, BATCH * 2))
        ((Many(times=1), 3, 8, 8), (4, Many(times=2)))
    """
    found: list[Size] = list(sizes)
    for place, size in enumerate(sizes):
        if size and size % BATCH == 0:
            found[place] = Many(size // BATCH)
            break
    return tuple(found)


def stands_for(found: Value | Constant, sizes: Sequence[int]) -> bool:
    """Whether what was read has the sizes that torch recorded."""
    if isinstance(found, Constant):
        return tuple(found.sizes) == tuple(sizes)
    return found.dims == in_images(sizes)
