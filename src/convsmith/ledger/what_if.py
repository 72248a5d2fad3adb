"""`--what-if "conv2.filters=32"`: the same network with other settings."""

from __future__ import annotations

import ast
import re
from dataclasses import fields, replace
from fnmatch import fnmatchcase
from typing import Any

from ..errors import BadInput, BadName
from ..graph import Graph, Node

_PADDINGS = ("valid", "same")
_EXAMPLE = '--what-if "conv2.filters=32, fc*.units=64"'


def changed(graph: Graph, changes: str) -> Graph:
    """The network with settings changed; shapes, weights and figures follow.

    Args:
        graph: the network.
        changes: ``layer.setting=value``, several with commas between; ``*`` stands for any letters of a
            layer's name, ``3x3`` for a pair of numbers.

    Raises:
        BadInput: for a layer or setting that is not there, with the nearest one, or shapes that do not fit.

    Example:
        >>> from convsmith.ledger.source import graph_of
        >>> changed(graph_of("lenet5"), "conv2.filters=32, fc3.units=60").shapes["fc3"]
        (60,)
    """
    nodes = {node.name: node for node in graph.nodes}
    for change in (part.strip() for part in re.split(r"[,;](?![^(\[]*[)\]])", changes)):
        match = re.fullmatch(r"(.+)\.(\w+)\s*=\s*(.+)", change)
        if not match:
            raise BadInput("--what-if", f"came {change!r}", "layer.setting=value", _EXAMPLE)
        layer, setting, value = match[1].strip(), match[2], _value(match[3].strip())
        owners = [name for name in nodes if fnmatchcase(name, layer)]
        if not owners:
            raise BadName(f"layer of network '{graph.name}'", layer, nodes)
        chosen = [name for name in owners if len(owners) == 1 or hasattr(nodes[name].kind, setting)]
        for name in chosen or owners:
            nodes[name] = _with(nodes[name], setting, value)
    shared = [
        node if node.owner == node.name else replace(node, kind=nodes[node.owner].kind)
        for node in nodes.values()
    ]
    try:
        return Graph(graph.name, shared, graph.outputs, graph.inputs)
    except (TypeError, ValueError, AttributeError, ArithmeticError) as error:
        raise BadInput(
            "--what-if", f"came {changes!r} ({error})", "settings that Keras takes", _EXAMPLE
        ) from None


def _with(node: Node, setting: str, value: Any) -> Node:
    names = [field.name for field in fields(node.kind)]
    if setting not in names:
        raise BadName(f"setting of {node.name} ({node.kind_name})", setting, names)
    old = getattr(node.kind, setting)
    if isinstance(old, tuple) and isinstance(value, int) and len(old) == 2:
        value = (value, value)
    numbers = isinstance(old, (int, float)) and isinstance(value, (int, float))
    if old is not None and value is not None and type(old) is not type(value) and not numbers:
        raise BadInput(f"{node.name}.{setting}", f"came {value!r}", f"something like {old!r}")
    if setting == "padding" and old in _PADDINGS and value not in _PADDINGS:
        raise BadName(f"{node.name}.padding", value, _PADDINGS)
    # What the new value may be is the kind's to judge; a wrong type must not end in a traceback.
    try:
        return replace(node, kind=replace(node.kind, **{setting: value}))
    except (TypeError, ValueError, AttributeError) as error:
        raise BadInput(
            f"{node.name}.{setting}", f"came {value!r} ({error})", f"something like {old!r}"
        ) from None


def _value(text: str) -> Any:
    """A value as a person writes it: 32, 0.5, 3x3, same, true, none."""
    pair = re.fullmatch(r"(\d+)\s*[x×]\s*(\d+)", text)
    if pair:
        return int(pair[1]), int(pair[2])
    words = {"true": True, "false": False, "none": None}
    if text.lower() in words:
        return words[text.lower()]
    try:
        return ast.literal_eval(text) if len(text) < 100 else text
    except (ValueError, SyntaxError, RecursionError):
        return text
