"""A Graph as Keras's format, without Keras: ``keras.models.model_from_json`` makes an equal model of it."""

from __future__ import annotations

import json
from typing import Any

from ...kinds import thawed
from ...kinds.input_layer import InputLayer
from ...kinds.operation import Operation
from ...kinds.unknown import Unknown
from ..graph import Graph, Node
from ..names import Names

_NO_TRAINABLE = ("InputLayer", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D")
"""Layers whose Keras classes take no ``trainable``."""
_OPERATION_HOMES = {"activations": "keras.src.activations.activations"}


def to_keras_json(graph: Graph) -> dict[str, Any]:
    """The network as Keras writes a Functional model; ``json.dumps`` of it is what ``model_from_json`` takes.

    Layers inside nested models come out flat, "block/conv" as "block_conv": Keras allows no slash in a name.

    Args:
        graph: the network; unknown layers are written as they were read, for whoever has their classes.

    Example:
        >>> from convsmith.zoo import network
        >>> from convsmith.graph import read
        >>> graph = network("lenet5")
        >>> read(to_keras_json(graph)).fingerprint == graph.fingerprint
        True
    """
    names = keras_names(graph)
    uses: dict[str, list[Node]] = {}
    for node in graph.nodes:
        if _output(node) == 0:
            uses.setdefault(node.owner, []).append(node)
    tensors = _tensors(graph, names, uses)
    layers = [_layer(graph, names[owner], nodes, tensors) for owner, nodes in uses.items()]
    return {
        "module": "keras.src.models.functional",
        "class_name": "Functional",
        "config": {
            "name": _plain(graph.name),
            "trainable": True,
            "layers": layers,
            "input_layers": _ends(tensors, graph.inputs),
            "output_layers": _ends(tensors, graph.outputs),
        },
        "registered_name": "Functional",
    }


def _ends(tensors: dict[str, list[Any]], names: tuple[str, ...]) -> list[Any]:
    return tensors[names[0]] if len(names) == 1 else [tensors[name] for name in names]


def keras_names(graph: Graph) -> dict[str, str]:
    """The name that each layer (a node that owns its weights) gets in Keras."""
    names: dict[str, str] = {}
    taken = Names()
    for node in graph.nodes:
        if node.owner not in names:
            names[node.owner] = taken.free(_plain(node.owner))
    return names


def _plain(name: str) -> str:
    return name.replace("/", "_")


def _output(node: Node) -> int:
    """Which output of its layer the node is."""
    if isinstance(node.kind, Operation):
        return node.kind.output
    return int(json.loads(node.rest).get("output", 0)) if node.rest else 0


def _tensors(graph: Graph, names: dict[str, str], uses: dict[str, list[Node]]) -> dict[str, list[Any]]:
    """Each node's output as Keras refers to it: layer, which use, which output."""
    found = {}
    for owner, nodes in uses.items():
        for number, node in enumerate(nodes):
            found[node.name] = [names[owner], number, 0]
    first = {(node.owner, node.inputs): found[node.name][1] for nodes in uses.values() for node in nodes}
    for node in graph.nodes:
        if node.name not in found:
            found[node.name] = [names[node.owner], first.get((node.owner, node.inputs), 0), _output(node)]
    return found


def _layer(graph: Graph, name: str, nodes: list[Node], tensors: dict[str, list[Any]]) -> dict[str, Any]:
    node = nodes[0]
    kind, more = node.kind, json.loads(node.rest) if node.rest else {}
    registered: str | None = None
    if isinstance(kind, Operation):
        folder, _, function = kind.function.rpartition(".")
        module = _OPERATION_HOMES.get(folder, f"keras.src.ops.{folder}")
        config: dict[str, Any] = {"name": name, **kind.options}
        function_name = registered = function
    elif isinstance(kind, Unknown):
        module, function_name = kind.keras_module or "builtins", kind.keras_class
        config = {**json.loads(kind.configuration), "name": name}
        registered = None if module.startswith("keras.layers") else function_name
    else:
        module, function_name = kind.home, node.kind_name
        config = {**kind.config(), **more.get("config", {}), "name": name}
        if not isinstance(kind, InputLayer):
            config["dtype"] = node.dtype
        if function_name not in _NO_TRAINABLE:
            config["trainable"] = node.trainable
        registered = None if module == "keras.layers" else function_name
    return {
        "module": module,
        "class_name": function_name,
        "config": config,
        "registered_name": registered,
        "name": name,
        "inbound_nodes": [_call(graph, use, tensors) for use in nodes if use.inputs],
    }


def _call(graph: Graph, node: Node, tensors: dict[str, list[Any]]) -> dict[str, Any]:
    """One use: the arguments with the tensors in their places."""
    given = [
        {
            "class_name": "__keras_tensor__",
            "config": {
                "shape": [None, *graph.shapes[source]],
                "dtype": "float32",
                "keras_history": tensors[source],
            },
        }
        for source in node.inputs
    ]
    more = json.loads(node.rest) if node.rest else {}
    if isinstance(node.kind, Operation):
        args, kwargs = node.kind.arguments(len(given))
    elif "call" in more:
        usual = [{"tensor": place} for place in range(len(given))] if node.kind.apart else _usual(len(given))
        args, kwargs = more["call"].get("args", usual), dict(more["call"].get("kwargs", {}))
    else:
        args, kwargs = _usual(len(given)), {}
        if node.kind.apart:
            (args,) = args
    if "training" in more:
        kwargs["training"] = more["training"]
    return {"args": _filled(args, given), "kwargs": _filled(kwargs, given)}


def _usual(count: int) -> list[Any]:
    places = [{"tensor": place} for place in range(count)]
    return list(places) if count == 1 else [places]


def _filled(item: Any, given: list[dict[str, Any]]) -> Any:
    if isinstance(item, list):
        return [_filled(part, given) for part in item]
    if isinstance(item, dict):
        if set(item) == {"tensor"}:
            return given[item["tensor"]]
        return {key: _filled(part, given) for key, part in item.items()}
    return thawed(item)
