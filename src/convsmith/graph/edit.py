"""A changed network: another setting of a layer, another input size; a change is always a new Graph."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

from ..errors import BadInput, BadName
from ..kinds import Kind
from ..kinds.input_layer import InputLayer
from .graph import Graph


def edit(graph: Graph, *changes: str) -> Graph:
    """The network with settings of its layers changed; all sizes behind them follow.

    Args:
        graph: the network; it stays as it is.
        changes: each ``layer.setting=value``, e.g. ``"conv2.filters=32"``, ``"conv1.kernel_size=5x5"``,
            ``"conv1.padding=same"``; for an input ``"input.shape=64x64x3"``. A shared layer
            changes everywhere.

    Raises:
        BadInput: for an unknown layer, setting or value, or where a layer no longer fits, by name.

    Example:
        >>> from convsmith.zoo import network
        >>> lenet = network("lenet5")
        >>> lenet.params, edit(lenet, "conv2.filters=32").params
        (61706, 112122)
    """
    kinds: dict[str, Kind] = {}
    for change in changes:
        layer, setting, value = _parts(change)
        if layer not in graph:
            raise BadName(f"layer of network '{graph.name}'", layer, (node.name for node in graph.nodes))
        owner = graph[layer].owner
        kind = kinds.get(owner, graph[owner].kind)
        if isinstance(kind, InputLayer) and setting == "shape":
            setting = "shape_"
            value = (value,) if isinstance(value, int) else value
        try:
            kinds[owner] = kind.changed(setting, value)
        except BadName as error:
            raise BadInput(f"layer {layer}, {error.where}", error.came) from None
        except BadInput as error:
            raise BadInput(f"{layer}.{setting}", error.came, error.expected, error.hint) from None
        except (TypeError, ValueError, AttributeError) as error:
            raise BadInput(f"{layer}.{setting}", f"does not take {value!r} ({error})") from None
    nodes = [replace(node, kind=kinds[node.owner]) if node.owner in kinds else node for node in graph.nodes]
    return Graph(graph.name, nodes, graph.outputs, graph.inputs)


def _parts(change: str) -> tuple[str, str, Any]:
    target, equals, value = change.partition("=")
    layer, dot, setting = target.strip().rpartition(".")
    if not equals or not dot or not layer or not setting or not value.strip():
        raise BadInput("change", f"got '{change}'", "layer.setting=value", "conv2.filters=32")
    return layer, setting, _value(value.strip())


def _value(text: str) -> Any:
    """A number, a size like 3x3 or (3, 3), true, false, none, or a word."""
    if re.fullmatch(r"\d+([x×]\d+)+", text):
        return [int(item) for item in re.split("[x×]", text)]
    bare = text.strip("()[]")
    if bare != text:
        return [_value(item.strip()) for item in bare.split(",") if item.strip()]
    named = {"true": True, "false": False, "none": None}
    if text.lower() in named:
        return named[text.lower()]
    try:
        found = json.loads(text)
    except ValueError:
        return text
    return found if isinstance(found, (int, float, str)) else text
