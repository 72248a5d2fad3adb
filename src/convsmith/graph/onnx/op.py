"""One operator of an ONNX file while it is read, and what it may ask of the walk through the file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from ...errors import BadInput
from ...kinds import Kind
from .attributes import attributes
from .check import called
from .constant import Constant
from .sizes import Size
from .value import Value

if TYPE_CHECKING:
    import numpy as np

    Arrays = Mapping[str, Callable[[], np.ndarray]]


class Op:
    """One operator while it is read.

    Args:
        node: as the file has it.
        inputs: what it takes, in order: a Value, a Constant, or None where it is left out.
        opset: the version of its specification.
    """

    def __init__(self, node: Any, inputs: list[Value | Constant | None], opset: int) -> None:
        self.node, self.inputs, self.opset = node, inputs, opset
        self.a = attributes(node)
        self.title = (node.name or next(iter(node.output), "")).strip("/").replace(":", "_") or "layer"
        self.type = self.called = node.op_type

    def input(self, place: int) -> Value | Constant | None:
        """An input; None where it is left out."""
        return self.inputs[place] if place < len(self.inputs) else None

    def value(self, place: int = 0) -> Value:
        """An input that the network computes.

        Raises:
            ValueError: where it is a constant or left out.
        """
        found = self.input(place)
        if not isinstance(found, Value):
            raise ValueError(f"input {place} is no tensor of the network")
        return found

    def constant(self, place: int) -> Constant | None:
        """An input that is a constant; None where it is left out or computed."""
        found = self.input(place)
        return found if isinstance(found, Constant) else None

    def setting(self, name: str, place: int) -> list[Any] | None:
        """Numbers that are an attribute in older opsets and an input in newer ones; None where not said.

        Raises:
            ValueError: where the network computes them from its images.
        """
        if name in self.a:
            found = self.a[name]
            return list(found) if isinstance(found, list) else [found]
        given = self.input(place)
        if isinstance(given, Value):
            raise ValueError(f"its {name} are computed from the images")
        return None if given is None else given.numbers()

    @property
    def values(self) -> list[Value]:
        """The inputs that the network computes."""
        return [item for item in self.inputs if isinstance(item, Value)]

    def refuse(self, came: str, expected: str) -> BadInput:
        """What is wrong with it, as an error."""
        return BadInput(called(self.node), came, expected)


class Reading(Protocol):
    """The walk through a file, by what an operator asks of it."""

    made: dict[str, Value | Constant | None]
    users: dict[str, list[Any]]
    joined: set[int]
    turned: dict[tuple[Any, ...], str]
    makers: dict[str, Op]
    batch: int | None

    def layer(
        self,
        name: str,
        kind: Kind,
        sources: Sequence[str],
        arrays: Arrays | None = None,
        shared: tuple[Any, ...] = (),
    ) -> str:
        """Add a layer and return its name."""

    def add(
        self,
        op: Op,
        kind: Kind,
        value: Value,
        others: Sequence[Value] = (),
        arrays: Arrays | None = None,
        shared: tuple[Any, ...] = (),
        positive: bool = False,
    ) -> Value:
        """A layer whose output stands as its first input does, of the sizes that the kind gives."""

    def counted(
        self, op: Op, dims: Sequence[Size] | None, macs: int | None = 0, axes: Sequence[int] | None = None
    ) -> Value:
        """An operator without a layer in Keras, of sizes that are worked out; its weights are counted."""

    def supersede(self, end: str, start: str) -> None:
        """Let the layers behind one, up to another, go where nothing else takes them."""

    def size(self, size: Size) -> Any:
        """One size as the file's own arithmetic has it."""

    def sizes(self, given: Sequence[Any]) -> list[Size]:
        """Sizes out of the file's own arithmetic."""
