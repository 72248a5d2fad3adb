"""ONNX files as a Graph, through the ``onnx`` package: structure and sizes, not the weights' values.

ONNX has images as NCHW and pads on every side; the Graph has them channels last, with ``ZeroPadding2D``
where the pads are not Keras's. An operator that no kind describes becomes `Unknown`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..errors import BadInput, ConvsmithError
from ..kinds import Kind, Shape, ShapeError
from ..kinds.input_layer import InputLayer
from ..kinds.unknown import Unknown
from .graph import Graph, Node
from .names import Names
from .onnx.check import Checker
from .onnx.constants import constant, dense
from .onnx_operators import OPERATORS, Value, attributes, made, perm

MAX_BYTES = 2**31
NUMBER_BY_NUMBER = frozenset((
    "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Equal", "Where", "Not", "And", "Or", "Abs", "Log",
    "Sign", "Floor", "Ceil", "Round", "Sum", "Mean", "PRelu", "Celu", "Mish", "ThresholdedRelu", "LRN",
))  # fmt: skip
"""Operators without a kind whose output has their input's shape."""
MAX_CONSTANT = 65_536
"""Numbers of a constant (a shape, pads, a scale) that are looked at; weights are only measured."""


def from_onnx(path: str | Path) -> Graph:
    """The Graph of an ONNX file. Weights in other files are not opened; nothing is run.

    Args:
        path: the ``.onnx`` file.

    Raises:
        BadInput: where it is no ONNX file, or a layer cannot be, with its name.
    """
    try:
        import onnx
        from google.protobuf.message import DecodeError
    except ImportError:
        raise BadInput(str(path), "needs the onnx package", "it installed", "pip install onnx") from None
    path = Path(path)
    if path.stat().st_size > MAX_BYTES:
        raise BadInput(str(path), "is larger than 2 GB", "a file with its weights beside it")
    try:
        model = onnx.load(str(path), load_external_data=False)
        return Reader(model).read(path.stem)
    except ConvsmithError as error:
        raise BadInput(str(path), str(error)) from None
    except (
        DecodeError,
        ValueError,
        TypeError,
        KeyError,
        IndexError,
        AttributeError,
        RecursionError,
    ) as error:
        raise BadInput(str(path), f"is not a usable ONNX file ({error})"[:300], "a network in ONNX") from None


class Reader:
    """The walk through one file's operators, in their order."""

    def __init__(self, model: Any) -> None:
        self.model, self.graph = model, model.graph
        self.nodes: list[Node] = []
        self.values: dict[str, Value] = {}
        self.sizes: dict[str, list[int | None]] = {}
        self.constants: dict[str, Any] = {tensor.name: tensor for tensor in self.graph.initializer}
        self.declared = {item.name: item for item in (*self.graph.output, *self.graph.value_info)}
        self.users: dict[str, list[Any]] = {}
        self._taken = Names()
        self.biased: set[str] = set()

    def read(self, name: str) -> Graph:
        Checker(self.model)
        self.constants |= {sparse.values.name: dense(sparse) for sparse in self.graph.sparse_initializer}
        for node in self.graph.node:
            for taken in node.input:
                self.users.setdefault(taken, []).append(node)
        for item in self.graph.input:
            if item.name not in self.constants:
                self._input(item)
        for node in self.graph.node:
            if node.name not in self.biased or not node.name:
                self._operator(node)
        if not self.nodes or not self.graph.output:
            raise BadInput("the network", "has no inputs or outputs", "a network")
        ends = [self._value(item.name).node for item in self.graph.output]
        return Graph(self.graph.name or name, self.nodes, list(dict.fromkeys(ends)))

    def _input(self, item: Any) -> None:
        sizes = [d.dim_value if d.HasField("dim_value") else None for d in item.type.tensor_type.shape.dim][
            1:
        ]
        users = self.users.get(item.name, [])
        last = len(sizes) == 3 and any(perm(user) == [0, 3, 1, 2] for user in users)
        shape = (*sizes[1:], sizes[0]) if len(sizes) == 3 and not last else tuple(sizes)
        self.add(item.name, item.name, InputLayer(shape), (), last)

    def _value(self, name: str) -> Value:
        try:
            return self.values[name]
        except KeyError:
            raise BadInput(
                f"tensor '{name[:60]}'", "is taken before it is made", "operators in order"
            ) from None

    def add(
        self, output: str, title: str, kind: Kind, sources: tuple[Value, ...], last: bool = False
    ) -> Value:
        name = title.strip("/").replace(":", "_")[:500] or "layer"
        name = self._taken.free(name)
        try:
            shape = kind.checked().shape(*(source.shape for source in sources))
        except ShapeError as error:
            where = f"layer {name} ({type(kind).__name__})"
            raise ShapeError(error.came, error.expected, error.hint, where=where) from None
        self.nodes.append(Node(name, kind, tuple(source.node for source in sources)))
        value = self.values[output] = Value(name, shape, last)
        return value

    def array(self, name: str) -> Any:
        """A small constant's values."""
        from onnx import numpy_helper

        tensor = self.constants[name]
        total = 1
        for size in tensor.dims:
            total *= size
        if total > MAX_CONSTANT or total < 0 or tensor.data_location == tensor.EXTERNAL:
            raise ValueError(f"the constant '{name[:60]}' is too large or in another file")
        return numpy_helper.to_array(tensor)

    def numbers(self, name: str) -> list[int | None]:
        """Whole numbers that a constant holds, or that the file computes from shapes; None for the batch."""
        found = self.sizes.get(name)
        return [int(item) for item in self.array(name).flatten()] if found is None else found

    def _of_sizes(self, node: Any) -> bool:
        """A Shape, and a Concat of such, are no layers: what they hold is known."""
        if node.op_type == "Shape":
            value, a = self.values.get(node.input[0]), attributes(node)
            if value is None:
                return False
            shape = value.shape if len(value.shape) != 3 or value.last else (value.shape[2], *value.shape[:2])
            self.sizes[node.output[0]] = [None, *shape][a.get("start", 0) : a.get("end")]
            return True
        if node.op_type != "Concat" or not any(name in self.sizes for name in node.input):
            return False
        if not all(name in self.sizes or name in self.constants for name in node.input):
            return False
        self.sizes[node.output[0]] = [item for name in node.input for item in self.numbers(name)]
        return True

    def dims(self, name: str) -> list[int]:
        """A weight's sizes."""
        return [int(size) for size in self.constants[name].dims]

    def _is_weight(self, name: str) -> bool:
        tensor = self.constants[name]
        return tensor.data_type in (1, 10, 11, 16) and any(size > 1 for size in tensor.dims)

    def _operator(self, node: Any) -> None:
        title = node.name or node.output[0]
        if node.op_type == "Constant":
            self.constants[node.output[0]] = constant(node)
            return
        if self._of_sizes(node):
            return
        given = [name for name in node.input if name]
        if node.op_type in ("QuantizeLinear", "DequantizeLinear", "Identity", "Cast", "Dropout"):
            if given[0] in self.constants:
                self.constants[node.output[0]] = self.constants[given[0]]
            elif node.op_type != "Dropout":
                self.values[node.output[0]] = self._value(given[0])
            else:
                self.add(node.output[0], title, made("Dropout", 0.5), (self._value(given[0]),))
            return
        sources = tuple(
            self._value(name) for name in given if name not in self.constants and name not in self.sizes
        )
        if node.op_type == "Transpose" and self._turned(node, sources):
            return
        read = OPERATORS.get(node.op_type)
        try:
            found = read(self, node, attributes(node), title, sources) if read and sources else None
        except (KeyError, IndexError, ValueError, TypeError):
            found = None
        if found is None:
            self._unknown(node, title, sources)

    def _turned(self, node: Any, sources: tuple[Value, ...]) -> bool:
        """A Transpose between the two layouts of images only changes how the tensor stands."""
        value = sources[0]
        wanted = [0, 3, 1, 2] if value.last else [0, 2, 3, 1]
        if len(value.shape) != 3 or perm(node) != wanted:
            return False
        self.values[node.output[0]] = Value(value.node, value.shape, not value.last)
        return True

    def _unknown(self, node: Any, title: str, sources: tuple[Value, ...]) -> None:
        weighted = any(name in self.constants and self._is_weight(name) for name in node.input)
        for output in node.output:
            sizes = self._recorded(output)
            if sizes is None and sources and node.op_type in NUMBER_BY_NUMBER:
                sizes = max(
                    (source.shape for source in sources), key=lambda shape: (len(shape), shape != (1, 1))
                )
            if sizes is None and len(sources) == 1 and node.op_type in ("Gather", "Reshape"):
                sizes = self._moved(node, sources[0])
            kind = Unknown(node.op_type[:60], "onnx" if weighted else "onnx.functions", "{}", sizes)
            self.add(output, title, kind, sources)

    def _moved(self, node: Any, source: Value) -> Shape | None:
        """The shape after parts picked by their numbers, or after a Reshape that mixes the batch in."""
        if node.input[1] not in self.constants:
            return None
        if node.op_type == "Reshape":
            target = self.numbers(node.input[1])[1:]
            known = len(target) == 3 and all(item is not None and item > 0 for item in target)
            return (*target[1:], target[0]) if known else None
        axis, dims = attributes(node).get("axis", 0), self.dims(node.input[1])
        if len(dims) != 1 or not 0 < axis <= len(source.shape):
            return None
        image = len(source.shape) == 3 and not source.last
        place = (2, 0, 1)[axis - 1] if image else axis - 1
        return (*source.shape[:place], dims[0], *source.shape[place + 1 :])

    def _recorded(self, output: str) -> Shape | None:
        """The shape that the file records for a tensor.

        onnx's own shape rules are not asked: they end the whole process for some damaged files.
        """
        item = self.declared.get(output)
        if item is None or not item.type.tensor_type.HasField("shape"):
            return None
        dims = item.type.tensor_type.shape.dim
        sizes = tuple(d.dim_value if d.HasField("dim_value") else None for d in dims)[1:]
        return (*sizes[1:], sizes[0]) if len(sizes) == 3 else sizes
