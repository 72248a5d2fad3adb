"""What each kind of layer is in a Keras program."""

from __future__ import annotations

import json
from dataclasses import MISSING, fields
from typing import Any

from ...errors import BadInput
from ...graph import Graph, Node
from ...kinds.operation import Operation
from .terms import Arg, Term, Weight
from .torch_layers import MERGES, torch_merge

ROLES = {"filters": "width", "units": "width", "kernel_size": "kernel", "strides": "strides", "rate": "rate"}
_SILENT = ("data_format",)
_NEEDED = ("pool_size", "size")
"""Settings that are written even where they are Keras's usual ones: not all of its classes have these."""


def keras_layers(graph: Graph, node: Node) -> list[Term]:
    """A node with one input as a layer.

    Raises:
        BadInput: for a layer that Keras has not, or that shares its weights.
    """
    kind: Any = node.kind
    if node.owner != node.name:
        raise BadInput(f"layer {node.name}", f"shares the weights of {node.owner}", "a layer of its own")
    if isinstance(kind, Operation):
        return [_operation(graph, node)]
    if not kind.home.startswith("keras"):
        raise BadInput(f"layer {node.name} ({node.kind_name})", "is no layer of Keras", "one of keras.layers")
    owned = kind.weights(*graph.input_shapes(node))
    weights = tuple(Weight(weight.name, f"{node.name}/{weight.name}") for weight in owned)
    return [Term(f"layers.{node.kind_name}", tuple(_settings(kind)), weights)]


def _settings(kind: Any) -> list[Arg]:
    found = []
    for item in fields(kind):
        value = getattr(kind, item.name)
        if item.name in _SILENT:
            continue
        name = item.name.rstrip("_")
        needed = item.default is MISSING or name in _NEEDED
        if isinstance(value, str) and value.startswith("{"):
            value = _Said(json.loads(value))
        default = None if needed else _plain(item.default)
        found.append(Arg(_plain(value), ROLES.get(name, name), "" if needed else name, default))
    return found


class _Said:
    """A setting that is a dictionary of Keras's."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __repr__(self) -> str:
        return repr(self.value)


def _plain(value: Any) -> Any:
    """Two equal numbers as one, which Keras takes as well."""
    whole = isinstance(value, tuple) and len(value) == 2 and value[0] == value[1]
    return value[0] if whole and isinstance(value[0], int) else value


def keras_merge(graph: Graph, node: Node) -> str:
    """The class that joins branches as a node does."""
    return MERGES[torch_merge(graph, node)]


def _operation(graph: Graph, node: Node) -> Term:
    kind: Any = node.kind
    options = json.loads(kind.configuration or "{}")
    if kind.function == "numpy.Mean" and options.get("keepdims") and options.get("axis") in (-1, 3):
        return Term("Grey")
    raise BadInput(f"layer {node.name} ({kind.label})", "has no form in a program", "a layer of Keras")
