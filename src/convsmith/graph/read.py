"""The door into the house: a network in whatever form it comes, as a Graph."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..errors import BadInput, meant, nearest_path
from ..kinds.input_layer import InputLayer
from ..kinds.origin import is_keras_module
from ..strict_json import parse
from .graph import Graph
from .input_sizes import check_sizes
from .keras.files import MAX_TEXT, keras_config, old_keras_config
from .keras.live_config import live_config
from .keras.reader import InputShape, from_keras_json


def read(network: Any, *, input_shape: InputShape = None) -> Graph:
    """The Graph of a network.

    Args:
        network: a Graph, a live ``keras.Model`` or ``torch.nn.Module``, the path of a ``.keras``, ``.h5``,
            ``.json``, ``.onnx`` or ``.tflite`` file, or the JSON itself as text or dictionary. Neither Keras
            nor torch is imported; nothing in a file is run.
        input_shape: rows, columns, channels (no batch) where the network leaves them open or other sizes
            are wanted; for several inputs a dictionary by input name. A torch module needs it.

    Raises:
        BadInput: for what is not a network, with the layer's name where there is one.

    Example:
        >>> dense = {"class_name": "Dense", "config": {"name": "d", "units": 2}}
        >>> model = {"class_name": "Sequential", "config": {"name": "s", "layers": [dense]}}
        >>> read(model, input_shape=(3,)).params
        8
    """
    if isinstance(network, Graph):
        return resized(network, input_shape)
    if isinstance(network, Mapping):
        return _from_dictionary(network, "network", input_shape)
    if isinstance(network, (str, os.PathLike)):
        text = os.fspath(network)
        if text.lstrip()[:1] in ("{", "["):
            return _from_text(text, "JSON text", input_shape)
        return _from_file(Path(text), input_shape)
    if callable(getattr(network, "to_json", None)) and hasattr(network, "layers"):
        return _from_model(network, input_shape)
    if "torch.nn.modules.module" in {f"{cls.__module__}" for cls in type(network).__mro__}:
        from .torch import from_torch

        return from_torch(network, input_shape=input_shape)
    raise BadInput(
        "network",
        f"got a {type(network).__name__}",
        "a Graph, a keras.Model, a torch module, a .keras, .json, .onnx or .tflite file",
        "model.save('net.keras')",
    )


def resized(graph: Graph, input_shape: InputShape) -> Graph:
    """The Graph with inputs of other sizes; weights that depend on them grow or shrink with them."""
    if input_shape is None:
        return graph
    if not isinstance(input_shape, Mapping):
        if len(graph.inputs) != 1:
            raise BadInput(
                "input shape", f"one shape for {len(graph.inputs)} inputs", "a shape by input name"
            )
        input_shape = {graph.inputs[0]: input_shape}
    for name, wanted in input_shape.items():
        if name not in graph.inputs:
            raise BadInput("input shape", f"names '{name}'", f"an input: {', '.join(graph.inputs)}")
        check_sizes(wanted, graph.shapes[name])
    nodes = [
        replace(node, kind=InputLayer(tuple(input_shape[node.name]), getattr(node.kind, "dtype", "float32")))
        if node.name in input_shape
        else node
        for node in graph.nodes
    ]
    return Graph(graph.name, nodes, graph.outputs, graph.inputs)


def _from_model(model: Any, input_shape: InputShape) -> Graph:
    title = f"model '{getattr(model, 'name', type(model).__name__)}'"
    try:
        found = live_config(model)
        layers = dict(_layers(model, ""))
    except (NotImplementedError, TypeError, ValueError) as error:
        raise BadInput(
            title, f"cannot be written as JSON by Keras ({error})", "a Sequential or Functional model",
            "Keras's own model.fit and model.predict, which run its code",
        ) from None  # fmt: skip
    graph = _from_dictionary(found, title, input_shape, _plain_models([model, *layers.values()]))
    # JSON does not say that two nested models share a layer, nor whose an activation of Keras's name is; the
    # live model knows.
    first: dict[int, str] = {}
    nodes = []
    for node in graph.nodes:
        layer = layers.get(node.owner)
        owner = node.owner if layer is None else first.setdefault(id(layer), node.owner)
        own = _own_activation(getattr(layer, "activation", None))
        if own is not None and "activation" in node.kind.field_names():
            node = replace(node, kind=replace(node.kind, activation=own))  # type: ignore[call-arg]
        nodes.append(node if owner == node.owner else replace(node, owner=owner))
    return Graph(graph.name, nodes, graph.outputs, graph.inputs)


def _plain_models(models: Iterable[Any]) -> set[str]:
    """Classes of models that are the program's own, and leave calling the layers to Keras."""
    classes = {type(model) for model in models if hasattr(model, "layers")}
    own = {each.__name__ for each in classes if not all(map(is_keras_module, _homes(each)))}
    return {each.__name__ for each in classes} - own


def _homes(model: type) -> Iterator[str]:
    """The modules of the classes that say what calling a model does."""
    for name in ("call", "__call__"):
        yield next((each.__module__ for each in model.__mro__ if name in vars(each)), "")


def _own_activation(function: Any) -> str | None:
    """An activation function that is not Keras's, as a setting that no activation is named like."""
    name, home = getattr(function, "__name__", None), getattr(function, "__module__", None)
    if function is None or name is None or is_keras_module(home):
        return None
    entry = {"class_name": "function", "config": name, "module": "builtins", "registered_name": "function"}
    return json.dumps(entry, sort_keys=True, separators=(",", ":"))


def _layers(model: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    """Every layer of a live model by its full name, nested ones as "block/conv"."""
    for layer in model.layers:
        yield prefix + layer.name, layer
        if hasattr(layer, "layers") and hasattr(layer, "get_layer"):
            yield from _layers(layer, f"{prefix}{layer.name}/")


def _from_file(path: Path, input_shape: InputShape) -> Graph:
    try:
        with path.open("rb") as file:
            start = file.read(8)
            if start.startswith(b"PK\x03\x04"):
                return _from_text(keras_config(path), str(path), input_shape)
            if start.startswith(b"\x89HDF"):
                return _from_text(old_keras_config(path), str(path), input_shape)
            if path.suffix.lower() == ".onnx":
                from .onnx import from_onnx

                return from_onnx(path, input_shape=input_shape)
            if path.suffix == ".tflite":
                from .tflite import from_tflite

                return resized(from_tflite(path), input_shape)
            text = start + file.read(MAX_TEXT + 1 - len(start))
    except IsADirectoryError:
        raise BadInput(str(path), "is a folder", "a .keras, .json, .onnx or .tflite file") from None
    except OSError as error:
        raise BadInput(
            str(path), f"cannot be read ({error.strerror or error})",
            "a .keras, .json, .onnx or .tflite file", meant(None if path.exists() else nearest_path(path)),
        ) from None  # fmt: skip
    if len(text) > MAX_TEXT:
        raise BadInput(str(path), f"holds more than {MAX_TEXT:,} bytes", "a network's JSON")
    return _from_text(text, str(path), input_shape)


def _from_text(text: str | bytes, where: str, input_shape: InputShape) -> Graph:
    found = parse(text, where, "a .keras, .json, .onnx or .tflite file")
    if not isinstance(found, Mapping):
        raise BadInput(where, f"holds a {type(found).__name__}", "a network's JSON object")
    return _from_dictionary(found, where, input_shape)


def _from_dictionary(
    found: Mapping[str, Any], where: str, input_shape: InputShape, plain: Collection[str] = ()
) -> Graph:
    try:
        if "nodes" in found and "format" in found:
            return resized(Graph.from_json(found), input_shape)
        return from_keras_json(found, input_shape=input_shape, plain=plain)
    except (
        KeyError,
        TypeError,
        ValueError,
        AttributeError,
        IndexError,
        RecursionError,
        OverflowError,
    ) as error:
        raise BadInput(
            where,
            f"is not the configuration of a network ({type(error).__name__}: {error})",
            "what Keras 3 writes",
            "model.save('net.keras')",
        ) from None
