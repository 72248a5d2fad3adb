"""The layers of a network while its operators are walked through: their names, sizes and weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ...kinds import Kind, Shape, ShapeError
from ...kinds.onnx_operator import OnnxOperator
from ..graph import Node
from ..names import Names
from .check import title
from .constant import Constant, NotHere
from .moved import ordered, unmixed
from .op import Op
from .sizes import UNSIZED, Many, Size, plain
from .value import Value, own_axes, sized, usual_axes

if TYPE_CHECKING:
    import numpy as np

    Arrays = Mapping[str, Callable[[], np.ndarray]]

MOST_LETTERS = 200
"""Letters of a layer's name; names in files have any length."""


class Walk:
    """What operators are read with (`op.Reading`), whoever says them: an ONNX file, or torch's exporter."""

    file = "ONNX"
    """Whose operators they are."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.arrays: dict[str, Callable[[], np.ndarray]] = {}
        self.made: dict[str, Value | Constant | None] = {}
        self.users: dict[str, list[Any]] = {}
        self.turned: dict[tuple[Any, ...], str] = {}
        self.joined: set[int] = set()
        self.makers: dict[str, Op] = {}
        self.superseded: set[str] = set()
        self.batch: int | None = None
        self._owners: dict[tuple[Any, ...], str] = {}
        self._shapes: dict[str, Shape] = {}
        self._names = Names()

    def needed(self, outputs: list[str]) -> list[Node]:
        """The layers but those that others were put in the place of."""
        if not self.superseded:
            return self.nodes
        taken, kept = set(outputs), []
        for node in reversed(self.nodes):
            if node.name in self.superseded and node.name not in taken:
                continue
            taken.update(node.inputs)
            kept.append(node)
        names = {node.name for node in kept}
        self.arrays = {key: make for key, make in self.arrays.items() if key.rpartition("/")[0] in names}
        return kept[::-1]

    def end(self, value: Value | Constant | None) -> str:
        """The layer whose output an output of the network is; empty for a constant."""
        if not isinstance(value, Value):
            return ""
        value = unmixed(self, value)
        own = tuple(own_axes(value.dims))
        if value.axes not in (own, usual_axes(value.dims)):
            value = ordered(self, value, usual_axes(value.dims))
        return value.node

    def layer(
        self,
        name: str,
        kind: Kind,
        sources: Sequence[str],
        arrays: Arrays | None = None,
        shared: tuple[Any, ...] = (),
    ) -> str:
        """Add a layer and return its name.

        Args:
            name: what it is to be called.
            kind: its kind.
            sources: the layers that it takes.
            arrays: its weights by their names, computed when asked for.
            shared: the constants that they come from: layers of the same ones share them.

        Raises:
            ShapeError: where the kind cannot take its inputs.
        """
        name = self._names.free(name.strip("/").replace(":", "_")[:MOST_LETTERS] or "layer")
        shapes = tuple(self._shapes[source] for source in sources)
        try:
            self._shapes[name] = kind.checked().shape(*shapes)
            owned = kind.weights(*shapes)
        except ShapeError as error:
            where = f"layer {title(name)} ({type(kind).__name__})"
            raise ShapeError(error.came, error.expected, error.hint, where=where) from None
        owner = ""
        if shared and owned:
            key = (type(kind), shared, tuple((weight.name, weight.shape) for weight in owned))
            owner = self._owners.setdefault(key, name)
        self.nodes.append(Node(name, kind, tuple(sources), owner=owner))
        if owned and owner in ("", name):
            for weight in owned:
                if arrays and weight.name in arrays:
                    self.arrays[f"{name}/{weight.name}"] = arrays[weight.name]
        return name

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
        name = self.layer(op.title, kind, [value.node, *(other.node for other in others)], arrays, shared)
        dims = sized(value.dims, value.axes, self._shapes[name])
        return replace(value, node=name, dims=dims, positive=positive)

    def counted(
        self, op: Op, dims: Sequence[Size] | None, macs: int | None = 0, axes: Sequence[int] | None = None
    ) -> Value:
        """An operator without a layer in Keras, of sizes that are worked out; its weights are counted."""
        values = list({value.node: value for value in op.values}.values())
        arrays, makers, names = [], {}, []
        for place, item in enumerate(op.inputs):
            if isinstance(item, Constant) and item.learned and (item.count > 1 or item.parameter):
                arrays.append((f"input_{place}", *item.sizes))
                makers[f"input_{place}"] = item.array
                names.append((place, *item.names))
        shape: Shape | None = None
        if dims is not None:
            axes = usual_axes(dims) if axes is None else tuple(axes)
            shape = Value("", tuple(dims), axes).shape
        taken = tuple(value.shape for value in values)
        kind = OnnxOperator(
            op.called[:60], shape, tuple(arrays), macs, taken if macs or shape else (), self.file
        )
        name = self.layer(op.title, kind, [value.node for value in values], makers, tuple(names))
        if dims is None:
            return Value(name, (Many(), None), (1,))
        return Value(name, tuple(dims), tuple(axes or ()))

    def supersede(self, end: str, start: str) -> None:
        """Let the layers behind one, up to another, go where nothing else takes them."""
        index = {node.name: node for node in self.nodes}
        rows = [end]
        while rows:
            name = rows.pop()
            if name != start and name not in self.superseded and index[name].inputs:
                self.superseded.add(name)
                rows += index[name].inputs

    def size(self, size: Size) -> Any:
        """One size as the file's own arithmetic has it."""
        if isinstance(size, Many):
            return size if self.batch is None else size.times * self.batch
        return UNSIZED if size is None else size

    def sizes(self, given: Sequence[Any]) -> list[Size]:
        """Sizes out of the file's own arithmetic."""
        return [plain(item) for item in given]

    def tried(self, rule: Callable[..., Any], op: Op) -> Any:
        """What a rule makes of an operator; None, and no layer of it left, where it cannot."""
        start = len(self.nodes)
        try:
            found = rule(self, op)
        except (KeyError, IndexError, ValueError, TypeError, NotHere):
            found = None
        if found is None:
            for node in self.nodes[start:]:
                self._shapes.pop(node.name, None)
            del self.nodes[start:]
            self.turned = {key: name for key, name in self.turned.items() if name in self._shapes}
            self._owners = {key: name for key, name in self._owners.items() if name in self._shapes}
        return found
