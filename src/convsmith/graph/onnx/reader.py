"""The walk through an ONNX file's operators, in their order: constants folded, the rest as layers."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ...errors import BadInput
from ...kinds.input_layer import InputLayer
from ...kinds.unknown import Unknown
from ..graph import Graph
from ..input_sizes import check_sizes
from ..keras.reader import InputShape
from .attributes import attributes
from .check import OWN, Checker, called, opsets, title
from .constant import Constant, NotHere, known, of_tensor
from .constant_forms import constant, dense
from .fold import folded
from .op import Op
from .operators import OPERATORS, PRODUCTS
from .recognise import recognised
from .sizes import Many, Size
from .value import Value, broadcast, own_axes, usual_axes
from .walk import MOST_LETTERS, Walk

if TYPE_CHECKING:
    import numpy as np


MOST_INLINED = 100_000
"""Operators that the file's own functions may become."""
MOST_DEEP = 30
"""Functions within functions."""


class Reader(Walk):
    """The walk through one file.

    Args:
        model: the file as the onnx package parsed it.
        input_shape: sizes of the inputs, channels last and without the batch, instead of the file's.
        load: reads a tensor's numbers; raises `NotHere` for what lies in another file.
    """

    def __init__(
        self,
        model: Any,
        input_shape: InputShape = None,
        load: Callable[[Any], np.ndarray] | None = None,
    ) -> None:
        self.model, self.graph = model, model.graph
        self.input_shape, self.load = input_shape, load or _numbers
        super().__init__()
        self.declared: dict[str, Any] = {}
        self._inlined = self._depth = 0
        self._kept: list[list[Any]] = []
        self._functions = {(item.domain, item.name): item for item in model.functions}

    def read(self, name: str) -> Graph:
        """The file's network; its weights' numbers are in `arrays`."""
        Checker(self.model)
        self.opset = opsets(self.model)[""]
        graph = self.graph
        self._constants(graph)
        self._declare(graph)
        self._inputs()
        self._operators(graph.node)
        ends = [self.end(self.made.get(item.name)) for item in graph.output]
        outputs = list(dict.fromkeys(end for end in ends if end))
        if not outputs or not any(isinstance(node.kind, InputLayer) for node in self.nodes):
            raise BadInput("the network", "has no inputs or no outputs that follow from them", "a network")
        found = Graph(title(graph.name) or name, self.needed(outputs), outputs)
        return recognised(found, self.arrays)

    def _constants(self, graph: Any) -> None:
        for tensor in graph.initializer:
            self.made[tensor.name] = of_tensor(tensor, self.load, learned=True)
        for sparse in graph.sparse_initializer:
            self.made[sparse.values.name] = of_tensor(dense(sparse), self.load, learned=True)

    def _declare(self, graph: Any) -> None:
        for item in (*graph.output, *graph.value_info):
            self.declared[item.name] = item
        for node in graph.node:
            for taken in node.input:
                self.users.setdefault(taken, []).append(node)
            for item in node.attribute:
                for inner in [item.g] if item.HasField("g") else item.graphs:
                    self._declare(inner)
        for item in graph.output:
            self.users.setdefault(item.name, []).append(None)

    def _inputs(self) -> None:
        inputs = [item for item in self.graph.input if item.name not in self.made]
        wanted = self.input_shape
        if wanted is not None and not isinstance(wanted, Mapping):
            if len(inputs) != 1:
                raise BadInput("input shape", f"one shape for {len(inputs)} inputs", "a shape by input name")
            wanted = {inputs[0].name: wanted}
        for name in wanted or ():
            if all(item.name != name for item in inputs):
                named = ", ".join(title(item.name) for item in inputs)
                raise BadInput("input shape", f"names '{title(str(name))}'", f"an input: {named}")
        first = True
        for item in inputs:
            self._input(item, (wanted or {}).get(item.name), first)
            first = False

    def _input(self, item: Any, wanted: Sequence[int | None] | None, first: bool) -> None:
        where, kind = f"input '{title(item.name)}'", item.type.WhichOneof("value")
        if kind != "tensor_type":
            raise BadInput(where, f"is a {str(kind).removesuffix('_type')}", "a tensor")
        if not item.type.tensor_type.HasField("shape"):
            raise BadInput(where, "does not say how many axes it has", "a tensor with a shape")
        dims: list[Size] = [
            size.dim_value if size.HasField("dim_value") else None for size in item.type.tensor_type.shape.dim
        ]
        if any(size == 0 for size in dims):
            raise BadInput(where, f"has the sizes {dims}", "positive sizes")
        if first and dims:
            self.batch = dims[0] if isinstance(dims[0], int) else None
        if dims and (dims[0] is None or dims[0] == self.batch):
            dims[0] = Many()
        axes = usual_axes(dims)
        if len(dims) == 4 and self._is_last(item.name):
            axes = tuple(own_axes(dims))
        if wanted is not None:
            check_sizes(wanted, [1] * len(axes))
            for axis, size in zip(axes, wanted, strict=True):
                dims[axis] = size
        shape = tuple(size if isinstance(size, int) else None for size in (dims[axis] for axis in axes))
        name = self.layer(item.name, InputLayer(shape), ())
        self.made[item.name] = Value(name, tuple(dims), axes, numbers=_numpy_name(item))

    def _is_last(self, name: str) -> bool:
        """Whether a Transpose from channels last is the first that cares how an image stands."""
        seen, rows = {name}, [name]
        while rows:
            for node in self.users.get(rows.pop(), []):
                if node is None or node.op_type in ("Conv", "BatchNormalization", "MaxPool"):
                    continue
                if node.op_type == "Transpose":
                    return attributes(node).get("perm") == [0, 3, 1, 2]
                if node.op_type in _ANY_LAYOUT and len(seen) < 100:
                    fresh = [output for output in node.output if output not in seen]
                    seen.update(fresh)
                    rows += fresh
        return False

    def _operators(self, nodes: Any) -> None:
        for node in nodes:
            if id(node) not in self.joined:
                self._operator(node)

    def _taken(self, name: str) -> Value | Constant | None:
        if not name:
            return None
        try:
            return self.made[name]
        except KeyError:
            raise BadInput(
                f"tensor '{title(name)}'", "is taken before it is made", "operators in order"
            ) from None

    def _bind(self, node: Any, results: Sequence[Value | Constant | None]) -> None:
        for output, result in zip(node.output, results, strict=False):
            if output:
                self.made[output] = result

    def _operator(self, node: Any) -> None:
        if node.op_type == "Constant" and node.domain in OWN:
            self.made[node.output[0]] = of_tensor(constant(node), self.load, learned=False)
            return
        function = self._functions.get((node.domain, node.op_type))
        if function is not None:
            self._inline(node, function)
            return
        op = Op(node, [self._taken(name) for name in node.input], self.opset)
        for output in node.output:
            self.makers[output] = op
        if node.domain not in OWN:
            self._unknown(op)
            return
        if op.type == "If" and self._branch(op):
            return
        results: Sequence[Value | Constant | None] | None = self._fold(op)
        if results is None:
            results = self._read(op)
        if results is None:
            results = self._without_rule(op)
        if results is not None:
            self._bind(node, results)

    def _fold(self, op: Op) -> Sequence[Value | Constant] | None:
        """What follows from constants and shapes alone."""
        import numpy as np

        if op.type in ("Shape", "Size") and isinstance(op.input(0), (Value, Constant)):
            taken = op.input(0)
            dims = taken.dims if isinstance(taken, Value) else taken.sizes  # type: ignore[union-attr]
            sizes = np.empty(len(dims), object)
            sizes[:] = [self.size(item) for item in dims]
            if op.type == "Size":
                sizes = np.asarray(math.prod(sizes.tolist()), object)
            else:
                sizes = sizes[op.a.get("start", 0) : op.a.get("end")]
            numbers = all(isinstance(item, int) for item in sizes.reshape(-1).tolist())
            return [known(sizes.astype(np.int64) if numbers else sizes)]
        if op.values or not op.inputs:
            return None
        a = dict(op.a)
        for item in op.node.attribute:
            if item.HasField("t"):
                a[item.name] = of_tensor(item.t, self.load, learned=False).array()
        constants = [item if isinstance(item, Constant) else None for item in op.inputs]
        try:
            return folded(op.type, a, constants, op.opset, len(op.node.output))
        except NotHere:
            raise op.refuse(
                "computes with numbers that lie in another file", "the file with its weights beside it"
            ) from None
        except (ValueError, TypeError, IndexError, KeyError, OverflowError, AttributeError):
            return None

    def _read(self, op: Op) -> Sequence[Value | Constant | None] | None:
        rule = OPERATORS.get(op.type)
        if rule is None or not op.values:
            return None
        found = self.tried(rule, op)
        return found if found is None or isinstance(found, list) else [found]

    def _without_rule(self, op: Op) -> Sequence[Value | Constant | None] | None:
        """An operator that nothing here reads: by convention without MACs, or unknown."""
        if not op.values:
            return [self._of_nothing(op, output) for output in op.node.output]
        from onnx import defs

        computes = op.type in PRODUCTS or any(item.HasField("g") for item in op.node.attribute)
        if computes or not defs.has(op.type, op.opset):
            self._unknown(op)
            return None
        outputs = [output for output in op.node.output if output]
        return [self.counted(op, self._sizes(op, output, len(outputs))) for output in outputs]

    def _sizes(self, op: Op, output: str, outputs: int) -> Sequence[Size] | None:
        """The sizes of an output: as declared, else those of inputs that stretch over each other."""
        found = self.recorded(output)
        if found is not None or outputs > 1 or op.type not in NUMBER_BY_NUMBER:
            return found
        shapes = [
            item.dims if isinstance(item, Value) else item.sizes for item in op.inputs if item is not None
        ]
        try:
            return broadcast(shapes)
        except ValueError:
            raise op.refuse(f"takes tensors of {shapes}"[:200], "sizes that are equal, or 1") from None

    def _of_nothing(self, op: Op, output: str) -> Constant:
        """What is computed from constants, and could not be: sizes that are not known."""
        from .fold import unsized

        found = self.recorded(output)
        count = math.prod(size for size in found or [1] if isinstance(size, int))
        made = unsized(min(count, MOST_LETTERS) if found and len(found) == 1 else 1)
        learned = [item for item in op.inputs if isinstance(item, Constant) and item.learned]
        made.learned, made.names = bool(learned), tuple(name for item in learned for name in item.names)
        return made

    def _unknown(self, op: Op) -> None:
        learned = any(isinstance(item, Constant) and item.learned for item in op.inputs)
        home = "onnx" if learned or op.type in PRODUCTS else "onnx.functions"
        sources = list({value.node: None for value in op.values})
        for output in op.node.output:
            if not output:
                continue
            dims = self.recorded(output)
            axes = usual_axes(dims) if dims is not None else ()
            shape = Value("", tuple(dims), axes).shape if dims is not None else None
            domain = "" if op.node.domain in OWN else f"{title(op.node.domain, 40)}."
            kind = Unknown(f"{domain}{op.type[:60]}", home, "{}", shape)
            if not sources:
                raise op.refuse("takes nothing that the network computes", "an operator on the images")
            name = self.layer(op.title, kind, sources)
            value = Value(name, (Many(), None), (1,)) if dims is None else Value(name, tuple(dims), axes)
            self.made[output] = value

    def recorded(self, output: str) -> tuple[Size, ...] | None:
        """The sizes that the file declares for a tensor.

        onnx's own shape rules are not asked: they end the whole process for some damaged files.
        """
        item = self.declared.get(output)
        if item is None or not item.type.tensor_type.HasField("shape"):
            return None
        dims: list[Size] = [
            size.dim_value or 1 if size.HasField("dim_value") else None
            for size in item.type.tensor_type.shape.dim
        ]
        if dims and (dims[0] is None or dims[0] == self.batch):
            dims[0] = Many()
        return tuple(dims)

    def _branch(self, op: Op) -> bool:
        """The branch that a constant condition takes, in the If's place."""
        condition = op.constant(0)
        if condition is None or not condition.is_small:
            return False
        (chosen,) = condition.numbers()[:1]
        if isinstance(chosen, Many):
            return False
        wanted = "then_branch" if chosen else "else_branch"
        (graph,) = [item.g for item in op.node.attribute if item.name == wanted]
        self._constants(graph)
        self._operators(graph.node)
        self._bind(op.node, [self._taken(item.name) for item in graph.output])
        return True

    def _inline(self, node: Any, function: Any) -> None:
        """The operators of one of the file's own functions, in its place."""
        self._inlined += len(function.node)
        if self._inlined > MOST_INLINED or self._depth >= MOST_DEEP:
            raise BadInput(
                called(node),
                f"is a function more than {MOST_DEEP} deep, or of more than {MOST_INLINED:,} operators",
                "functions that do not call themselves",
            )
        given = {item.name: item for item in node.attribute}
        prefix = f"{node.name or node.output[0]}/"
        names = dict(zip(function.input, node.input, strict=False))
        names |= dict(zip(function.output, node.output, strict=False))
        fresh = []
        for inner in function.node:
            copied = type(inner)()
            copied.CopyFrom(inner)
            copied.name = prefix + (inner.name or inner.op_type)
            for part in (copied.input, copied.output):
                for place, name in enumerate(part):
                    if name:
                        part[place] = names.get(name, prefix + name)
            for item in [item for item in copied.attribute if item.ref_attr_name]:
                if item.ref_attr_name in given:
                    own = item.name
                    item.CopyFrom(given[item.ref_attr_name])
                    item.name = own
                else:
                    copied.attribute.remove(item)
            fresh.append(copied)
            for taken in copied.input:
                self.users.setdefault(taken, []).append(copied)
        self._kept.append(fresh)
        for name in function.input[len(node.input) :]:
            self.made[prefix + name] = None
        self._depth += 1
        self._operators(fresh)
        self._depth -= 1


def _numbers(tensor: Any) -> np.ndarray:
    """A tensor's numbers, where they are in the file itself."""
    from onnx import numpy_helper

    if tensor.data_location == tensor.EXTERNAL:
        raise NotHere(tensor.name)
    return numpy_helper.to_array(tensor)


def _numpy_name(item: Any) -> str:
    from onnx import helper

    return str(helper.tensor_dtype_to_np_dtype(item.type.tensor_type.elem_type))


_ANY_LAYOUT = frozenset((
    "Identity", "Cast", "Add", "Sub", "Mul", "Div", "Relu", "Clip", "QuantizeLinear", "DequantizeLinear",
))  # fmt: skip
NUMBER_BY_NUMBER = frozenset((
    "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Equal", "Where", "Not", "And", "Or", "Xor", "Abs",
    "Log", "Sign", "Floor", "Ceil", "Round", "Sum", "Mean", "Max", "Min", "PRelu", "Celu", "Mish", "Mod",
    "ThresholdedRelu", "Shrink", "Sin", "Cos", "Tan", "Asin", "Acos", "Atan", "Sinh", "Cosh", "Asinh",
    "Acosh", "Atanh", "IsNaN", "IsInf", "Add", "Sub", "Mul", "Div", "Pow", "Relu", "Clip", "Cast",
    "CastLike", "BitShift", "BitwiseAnd", "BitwiseOr", "BitwiseXor", "BitwiseNot", "Swish", "HardSigmoid",
    "Gelu", "Elu", "Selu", "LeakyRelu", "Sigmoid", "Tanh", "Softplus", "Softsign", "Exp", "Sqrt", "Neg",
    "Reciprocal", "Erf", "HardSwish", "Identity", "QuantizeLinear", "DequantizeLinear",
))  # fmt: skip
"""Operators whose output has the sizes of its inputs, stretched over each other."""
