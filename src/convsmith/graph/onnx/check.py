"""Whether an ONNX file is one: what the specification says that holds before anything is read from it.

onnx's own checker is not asked: it does not look at values, and its rules for shapes end the whole process
for some damaged files. Its table of operators is.
"""

from __future__ import annotations

import re
from typing import Any

from ...errors import BadInput
from .attributes import attributes
from .ranges import check_values

MOST_OPERATORS = 200_000
MOST_NESTED = 8
MOST_AXES = 32
OWN = ("", "ai.onnx")
"""The specification's own domain."""


def title(text: str, most: int = 60) -> str:
    """A name from a file as a message has it: files hold names of any length."""
    return text if len(text) <= most else f"{text[:most]}…"


def called(node: Any) -> str:
    """What a message calls an operator."""
    return f"operator {title(node.name or (node.output[0] if node.output else '?'))} ({title(node.op_type)})"


def opsets(model: Any) -> dict[str, int]:
    """The version of each domain's operators that the file is written for.

    Raises:
        BadInput: where the file does not say it, or is newer than the onnx package.
    """
    from onnx import defs

    found = {"" if item.domain in OWN else item.domain: item.version for item in model.opset_import}
    if "" not in found and any(node.domain in OWN for node in model.graph.node):
        raise BadInput("the file", "does not say its operators' version (opset)", "an opset_import")
    found.setdefault("", defs.onnx_opset_version())
    if not 1 <= found[""] <= defs.onnx_opset_version():
        raise BadInput(
            "the file",
            f"is of opset {found['']}",
            f"1 to {defs.onnx_opset_version()}, which the onnx package installed here knows",
            "pip install --upgrade onnx" if found[""] > 0 else "",
        )
    return found


class Checker:
    """The checks of one file.

    Args:
        model: the file as the onnx package parsed it.

    Raises:
        BadInput: the first thing that cannot be, with its place.
    """

    def __init__(self, model: Any) -> None:
        from onnx import TensorProto

        self.version = opsets(model)[""]
        self.types = {number for name, number in TensorProto.DataType.items() if name != "UNDEFINED"}
        self._schemas: dict[str, Any] = {}
        self._operators = 0
        self._graph(model.graph, set(), 0)
        for function in model.functions:
            self._nodes(function.node, set(function.input), 1)

    def _graph(self, graph: Any, outside: set[str], depth: int) -> None:
        if depth > MOST_NESTED:
            raise BadInput("the network", f"nests more than {MOST_NESTED} graphs", "fewer")
        self._names(graph)
        constants = set()
        for tensor in graph.initializer:
            if tensor.name in constants:
                raise BadInput(f"initializer '{title(tensor.name)}'", "is there twice", "a name of its own")
            constants.add(tensor.name)
            self.tensor(tensor, f"initializer '{title(tensor.name)}'")
        for sparse in graph.sparse_initializer:
            constants.add(sparse.values.name)
            self.sparse(sparse, f"sparse initializer '{title(sparse.values.name)}'")
        given = set()
        for item in graph.input:
            if item.name in given:
                raise BadInput(f"input '{title(item.name)}'", "is there twice", "a name of its own")
            given.add(item.name)
            self._declared(item, f"input '{title(item.name)}'")
        for item in (*graph.output, *graph.value_info):
            self._declared(item, f"tensor '{title(item.name)}'")
        self._nodes(graph.node, given | constants | outside, depth)

    def _nodes(self, nodes: Any, taken: set[str], depth: int) -> None:
        made = dict.fromkeys(taken, "")
        for node in nodes:
            self._operators += 1
            if self._operators > MOST_OPERATORS:
                raise BadInput("the network", f"has more than {MOST_OPERATORS:,} operators", "fewer")
            for output in node.output:
                if output and output in made:
                    by = f"{made[output]} makes" if made[output] else "is an input or a constant"
                    raise BadInput(
                        called(node),
                        f"writes over '{title(output)}', which {by}",
                        "a name of its own for each tensor",
                    )
                if output:
                    made[output] = called(node)
            self._node(node, set(made), depth) if _has_graphs(node) else self._node(node, (), depth)

    def _node(self, node: Any, outside: Any, depth: int) -> None:
        where = called(node)
        schema = self._schema(node, where)
        names = [item.name for item in node.attribute]
        if len(set(names)) < len(names):
            raise BadInput(where, "says an attribute twice", "each once")
        if schema is not None:
            self._against(node, schema, where)
        for item in node.attribute:
            if item.HasField("t"):
                self.tensor(item.t, f"{where}, {item.name}")
            if item.HasField("sparse_tensor"):
                self.sparse(item.sparse_tensor, f"{where}, {item.name}")
            for inner in [item.g] if item.HasField("g") else item.graphs:
                self._graph(inner, set(outside), depth + 1)

    def _schema(self, node: Any, where: str) -> Any:
        """The specification of an operator; None for one that it does not have."""
        from onnx import defs

        if node.domain not in OWN:
            return None
        if node.op_type not in self._schemas:
            try:
                found = defs.get_schema(node.op_type, self.version, "")
            except defs.SchemaError:
                found = None
            if found is not None and found.deprecated:
                raise BadInput(
                    where,
                    f"is no longer an operator in opset {self.version}",
                    f"opset {found.since_version - 1}",
                )
            self._schemas[node.op_type] = found
        return self._schemas[node.op_type]

    def _against(self, node: Any, schema: Any, where: str) -> None:
        """Whether inputs, outputs and attributes are those that the specification has."""
        for what, names, least, most in (
            ("inputs", node.input, schema.min_input, schema.max_input),
            ("outputs", node.output, schema.min_output, schema.max_output),
        ):
            if not least <= len(names) <= most:
                wanted = (
                    str(least)
                    if least == most
                    else f"{least} to {most}"
                    if most < 1000
                    else f"at least {least}"
                )
                raise BadInput(where, f"has {len(names)} {what}", wanted)
        for name, formal in zip(node.input, schema.inputs, strict=False):
            if not name and formal.option.name == "Single":
                raise BadInput(where, f"leaves its input {formal.name} out", "a tensor")
        for item in node.attribute:
            wanted = schema.attributes.get(item.name)
            if wanted is None:
                raise BadInput(
                    where, f"has the attribute {title(item.name)!r}", f"those of opset {self.version}: "
                    f"{', '.join(sorted(schema.attributes)) or 'none'}",
                )  # fmt: skip
            if item.type != wanted.type.value and not item.ref_attr_name:
                kind = type(item).AttributeType.Name(item.type) if item.type <= 14 else str(item.type)
                raise BadInput(where, f"its {item.name} is of type {kind}", f"type {wanted.type.name}")
        missing = [
            name
            for name, wanted in schema.attributes.items()
            if wanted.required and all(item.name != name for item in node.attribute)
        ]
        if missing:
            raise BadInput(where, f"does not say its {missing[0]}", "a value, which has no default")
        found = attributes(node)
        if "to" in found and isinstance(found["to"], int) and found["to"] not in self.types:
            raise BadInput(where, f"its to is {found['to']}", "a data type that ONNX has")
        check_values(node.op_type, where, found)

    def tensor(self, tensor: Any, where: str) -> None:
        """A constant's type and sizes, and that it holds as many numbers as it says."""
        if tensor.data_type not in self.types:
            raise BadInput(where, f"is of data type {tensor.data_type}", "a data type that ONNX has")
        if len(tensor.dims) > MOST_AXES or any(size < 0 for size in tensor.dims):
            raise BadInput(
                where, f"has the sizes {list(tensor.dims)!r:.80}", f"at most {MOST_AXES}, none negative"
            )
        if tensor.data_location == tensor.EXTERNAL:
            return
        total = 1
        for size in tensor.dims:
            total *= size
        held, needed = _held(tensor, total)
        if held != needed:
            raise BadInput(
                where,
                f"has the sizes {list(tensor.dims)!r:.80} and holds {held:,} of {needed:,}",
                "all of it",
            )

    def sparse(self, sparse: Any, where: str) -> None:
        """A sparse constant: its values, their places, and the whole's sizes."""
        self.tensor(sparse.values, where)
        self.tensor(sparse.indices, where)
        rank, count = len(sparse.dims), list(sparse.values.dims)
        if any(size < 1 for size in sparse.dims) or len(count) != 1:
            raise BadInput(
                where, f"has the sizes {list(sparse.dims)!r:.80}", "positive sizes, values in a row"
            )
        if list(sparse.indices.dims) not in (count, [*count, rank]):
            raise BadInput(
                where,
                f"has {count[0]} values and places {list(sparse.indices.dims)!r:.80}",
                "a place for each",
            )

    def _declared(self, item: Any, where: str) -> None:
        """The type and sizes that a tensor is declared with."""
        kind = item.type.WhichOneof("value")
        if kind != "tensor_type":
            return
        tensor = item.type.tensor_type
        if tensor.elem_type not in self.types and (tensor.elem_type or where.startswith("input")):
            raise BadInput(where, f"is of data type {tensor.elem_type}", "a data type that ONNX has")
        sizes = [size.dim_value for size in tensor.shape.dim if size.HasField("dim_value")]
        if len(tensor.shape.dim) > MOST_AXES or any(not 0 <= size < 2**40 for size in sizes):
            raise BadInput(where, f"has the sizes {sizes!r:.80}", f"at most {MOST_AXES}, positive")

    @staticmethod
    def _names(graph: Any) -> None:
        """Refuse names that are not text, which protobuf hands over as bytes."""
        parts = (*graph.initializer, *graph.input, *graph.output, *graph.value_info)
        names = [graph.name, *(part.name for part in parts)]
        for node in graph.node:
            names += [node.name, node.op_type, node.domain, *node.input, *node.output]
            names += [item.name for item in node.attribute]
        if not all(isinstance(name, str) for name in names):
            raise BadInput("the file", "holds names that are not text", "UTF-8")


def _has_graphs(node: Any) -> bool:
    return any(item.HasField("g") or item.graphs for item in node.attribute)


def _held(tensor: Any, total: int) -> tuple[int, int]:
    """How many bytes, or entries, a constant holds, and how many its sizes and its type need."""
    from onnx import TensorProto, helper

    name = TensorProto.DataType.Name(tensor.data_type)
    digits = re.search(r"\d+", name)
    bits = int(digits[0]) if digits else {"FLOAT": 32, "DOUBLE": 64, "BOOL": 8}.get(name, 0)
    if tensor.HasField("raw_data") and bits:
        return len(tensor.raw_data), -(-total * bits // 8)
    field = getattr(tensor, helper.tensor_dtype_to_field(tensor.data_type))
    parts = 2 if name.startswith("COMPLEX") else 1
    return len(field), -(-total * bits // 8) if 0 < bits < 8 else total * parts
