"""The walk through a module's calls, in their order: what needs no image computed, the rest as layers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ...errors import BadInput
from ...kinds import Kind
from ...kinds.input_layer import InputLayer
from ..graph import Graph
from ..onnx.constant import Constant
from ..onnx.operators import OPERATORS
from ..onnx.recognise import recognised
from ..onnx.value import Value, usual_axes
from ..onnx.walk import Walk
from .aliases import parted
from .call import Call, in_images, line_of, operator_of, stands_for
from .exporting import BATCH, title_of
from .table import RULES

if TYPE_CHECKING:
    import numpy as np

    Arrays = Mapping[str, Callable[[], np.ndarray]]

MOST_LISTED = 8
"""Operators that a message lists."""


class NotRead(ValueError):
    """A call that no layer is."""


class Reader(Walk):
    """The walk through one exported module.

    Args:
        module: the module.
        program: what torch.export made of it.
    """

    file = "torch"

    def __init__(self, module: Any, program: Any) -> None:
        super().__init__()
        self.module, self.program, self.batch = module, program, BATCH
        self.values: dict[Any, Any] = {}
        self._frozen = {
            name for name, tensor in module.named_parameters() if not tensor.requires_grad
        }  # fmt: skip
        self._unread: dict[str, str] = {}

    def read(self) -> Graph:
        """The module's network; its weights' numbers are in `arrays`."""
        graph = self.program.graph
        part = parted(graph)
        if part is not None:
            raise BadInput(
                f"{title_of(self.module)}, {line_of(part) or operator_of(part)}",
                "changes numbers of a tensor of which another view is used afterwards",
                "a new tensor", "x = x + y in place of x += y",
            )  # fmt: skip
        self._placeholders()
        needed = _needed(graph)
        ends: list[str] = []
        for node in graph.nodes:
            if node.op == "call_function" and node in needed:
                self._call(node)
            elif node.op == "output":
                if self._unread:
                    raise self._refusal()
                ends = [self.end(self.values.get(item)) for item in _tensors(node.args)]
        outputs = list(dict.fromkeys(end for end in ends if end))
        inputs = [node.name for node in self.nodes if isinstance(node.kind, InputLayer)]
        if not outputs or not inputs:
            raise BadInput(title_of(self.module), "has no output that follows from its images", "a network")
        found = Graph(type(self.module).__name__, self.needed(outputs), outputs, inputs)
        return recognised(found, self.arrays)

    def _refusal(self) -> BadInput:
        listed = [f"{name} ({line})" if line else name for name, line in self._unread.items()]
        others = f" and {len(listed) - MOST_LISTED} more" if len(listed) > MOST_LISTED else ""
        return BadInput(
            title_of(self.module),
            f"calls what no layer here is: {', '.join(listed[:MOST_LISTED])}{others}",
            "operators of convolutional networks",
        )

    def _placeholders(self) -> None:
        """Inputs as layers; parameters and buffers as constants that know their names."""
        signature = self.program.graph_signature
        first: dict[tuple[Any, ...], str] = {}
        named = {**self.program.state_dict, **self.program.constants}
        for name, tensor in named.items():
            if hasattr(tensor, "data_ptr"):
                first.setdefault(_place(tensor), name)
        homes = {**signature.inputs_to_parameters, **signature.inputs_to_buffers}
        homes |= getattr(signature, "inputs_to_lifted_tensor_constants", {})
        for node in self.program.graph.nodes:
            if node.op != "placeholder":
                continue
            value = node.meta.get("val")
            if node.name in homes:
                name = homes[node.name]
                tensor = named[name]
                learned = node.name in signature.inputs_to_parameters
                self.values[node] = _constant(tensor, first.get(_place(tensor), name), learned)
            elif hasattr(value, "shape"):
                dims = in_images(value.shape)
                axes = usual_axes(dims)
                shape = Value("", dims, axes).shape
                name = self.layer(str(node.target), InputLayer(shape), ())
                self.values[node] = Value(name, dims, axes)
            else:
                self.values[node] = value

    def layer(
        self,
        name: str,
        kind: Kind,
        sources: Sequence[str],
        arrays: Arrays | None = None,
        shared: tuple[Any, ...] = (),
    ) -> str:
        """Add a layer, frozen where all of its weights are."""
        found = super().layer(name, kind, sources, arrays, shared)
        names = set(_texts(shared))
        if self._frozen and names and names & self._frozen and not names & self._learning:
            self.nodes[-1] = replace(self.nodes[-1], trainable=False)
        return found

    @property
    def _learning(self) -> set[str]:
        return {name for name, _ in self.module.named_parameters()} - self._frozen

    def worded(self, call: Call, type_: str, inputs: Sequence[Any], outputs: int = 1, /, **a: Any) -> Any:
        """What ONNX's rule makes of a call put into ONNX's words.

        Raises:
            NotRead: where it makes nothing of it.
        """
        op = call.copied().worded(type_, inputs, outputs, a)
        found = OPERATORS[type_](self, op)
        if found is None:
            raise NotRead(type_)
        return found[0] if isinstance(found, list) and outputs == 1 else found

    def _call(self, node: Any) -> None:
        import operator

        if node.target is operator.getitem:
            source, place = node.args
            self.values[node] = self.values[source][place]
            return
        arguments = self._arguments(node)
        call = Call(node, arguments)
        found = None
        if not any(isinstance(item, Value) for item in _tensors(list(arguments.values()))):
            found = self._folded(call)
        elif call.operator in RULES:
            try:
                found = self.tried(RULES[call.operator], call)
            except BadInput:
                if not self._unread:  # else it may be about what only stands in for a call that is not read
                    raise
        if found is None or not self._fits(found, node):
            self._unread.setdefault(call.operator, call.line)
            self.values[node] = self._stand_in(node)
        else:
            self.values[node] = found
        if _changes_its_input(node):
            self.values[node.args[0]] = self.values[node]

    def _arguments(self, node: Any) -> dict[str, Any]:
        """A call's arguments by name, with what the tensors are read as."""
        schema = getattr(node.target, "_schema", None)
        names = [item.name for item in schema.arguments] if schema is not None else []
        given = dict(zip(names or map(str, range(len(node.args))), node.args, strict=False))
        given |= node.kwargs
        if schema is not None:
            for item in schema.arguments:
                if item.name not in given and item.has_default_value():
                    given[item.name] = item.default_value
        return {name: self._read_as(item) for name, item in given.items()}

    def _read_as(self, item: Any) -> Any:
        if isinstance(item, list | tuple):
            return [self._read_as(part) for part in item]
        return self.values[item] if hasattr(item, "op") and item in self.values else item

    def _stand_in(self, node: Any) -> Any:
        """A tensor of the recorded sizes in the place of a call that is not read, so that all are found."""
        value = node.meta.get("val")
        first = next(item for item in self.nodes if isinstance(item.kind, InputLayer)).name
        one = lambda item: Value(first, in_images(item.shape), usual_axes(in_images(item.shape)))  # noqa: E731
        if isinstance(value, list | tuple):
            return [one(item) if hasattr(item, "shape") else item for item in value]
        return one(value) if hasattr(value, "shape") else value

    def _fits(self, found: Any, node: Any) -> bool:
        value = node.meta.get("val")
        if isinstance(found, list):
            return all(
                item is None or stands_for(item, one.shape) for item, one in zip(found, value, strict=False)
            )
        return not hasattr(value, "shape") or stands_for(found, value.shape)

    def _folded(self, call: Call) -> Any:
        """What follows from weights and numbers alone, computed by torch when it is asked for."""
        value = call.fx.meta.get("val")
        taken = [item for item in _tensors(list(call.args.values())) if isinstance(item, Constant)]
        learned = any(item.learned for item in taken)
        names = (*(name for item in taken for name in item.names), f"{call.fx.target}{_plain(call.args)}")
        several = isinstance(value, list | tuple)

        def computed(place: int | None) -> Any:
            found = call.fx.target(**{name: _torch(item) for name, item in call.args.items()})
            return _numpy(found if place is None else found[place])

        def one(item: Any, place: int | None) -> Constant:
            return Constant(
                tuple(int(size) for size in item.shape), lambda: computed(place), learned,
                (*names, str(place)) if taken and all(each.names for each in taken) else (),
                _kind(item), parameter=any(each.parameter for each in taken),
            )  # fmt: skip

        if not several and not hasattr(value, "shape"):
            return value if value is not None else []
        return [one(item, place) for place, item in enumerate(value)] if several else one(value, None)


def _place(tensor: Any) -> tuple[Any, ...]:
    """What two names of one array have in common: the state of a module makes an object for each name."""
    return tensor.data_ptr(), tuple(tensor.shape), tensor.stride(), tensor.dtype


def _constant(tensor: Any, name: str, learned: bool) -> Constant:
    learned = learned and tensor.is_floating_point()
    return Constant(
        tuple(tensor.shape), lambda: _numpy(tensor), learned, (name,), _kind(tensor), parameter=learned
    )


def _kind(tensor: Any) -> str:
    """The type of numbers by numpy's name, fractions as float32."""
    return "float32" if tensor.is_floating_point() else str(tensor.dtype).removeprefix("torch.")


def _numpy(tensor: Any) -> Any:
    found = tensor.detach().cpu()
    return (found.float() if found.is_floating_point() else found).contiguous().numpy()


def _torch(item: Any) -> Any:
    import torch

    if isinstance(item, list):
        return [_torch(part) for part in item]
    return torch.from_numpy(item.array().copy()) if isinstance(item, Constant) else item


def _plain(item: Any) -> str:
    """Settings of a call as text, tensors left out."""
    if isinstance(item, dict):
        return repr({name: _plain(part) for name, part in item.items()})
    if isinstance(item, list):
        return repr([_plain(part) for part in item])
    return "" if isinstance(item, Constant) else repr(item)


def _texts(item: Any) -> list[str]:
    if isinstance(item, tuple | list):
        return [text for part in item for text in _texts(part)]
    return [item] if isinstance(item, str) else []


def _tensors(item: Any) -> list[Any]:
    """What stands in nested lists, tuples and dictionaries, in order."""
    if isinstance(item, Mapping):
        item = list(item.values())
    if isinstance(item, list | tuple):
        return [part for each in item for part in _tensors(each)]
    return [item]


def _changes_its_input(node: Any) -> bool:
    schema = getattr(node.target, "_schema", None)
    return schema is not None and schema.is_mutable


def _needed(graph: Any) -> set[Any]:
    """The calls that an output follows from, and those that change what it follows from."""
    found: set[Any] = set()
    for node in reversed(list(graph.nodes)):
        changes = node.op == "call_function" and _changes_its_input(node)
        if node.op == "output" or node in found or (changes and node.args and node.args[0] in found):
            found.add(node)
            found.update(node.all_input_nodes)
    return found
