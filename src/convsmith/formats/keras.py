"""A Graph with weights as a live Keras model."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..errors import BadInput
from ..graph import Graph
from ..graph.keras.weights import owned
from ..graph.keras.writer import keras_names, to_keras_json
from ..kinds.origin import title
from ..kinds.unknown import OWN_CALL, Unknown

if TYPE_CHECKING:
    import numpy as np

    Weights = dict[str, np.ndarray]


def to_keras(
    graph: Graph, weights: Weights | None = None, *, custom_objects: Mapping[str, Any] | None = None
) -> Any:
    """The network as a live ``keras.Model``, equal to the original layer by layer.

    Keras is imported, with torch as its backend unless the environment or the program chose another.

    Args:
        graph: the network. Its layers may only name classes of Keras itself or of `custom_objects`.
        weights: full name -> array in Keras's layout; Keras's own first values without them.
        custom_objects: the classes of layers of one's own, by name.

    Raises:
        BadInput: for a layer whose class is not given, a missing weight, or one of another shape.

    Example:
        >>> from convsmith.zoo import network
        >>> to_keras(network("lenet5")).count_params()
        61706
    """
    found = to_keras_json(graph)
    known = dict(custom_objects or {})
    for node in graph.nodes:
        if isinstance(node.kind, Unknown) and node.kind.configuration == OWN_CALL:
            raise BadInput(f"layer {node.name}", "is a model with a call of its own", "Keras's own models")
    _check_classes(found, known, graph.name)
    if "keras" not in sys.modules:
        os.environ.setdefault("KERAS_BACKEND", "torch")
    import keras

    known = {**_application_layers(graph), **known}
    model = keras.models.model_from_json(json.dumps(found), custom_objects=known)
    if weights is not None:
        names = keras_names(graph)
        for owner, entries in owned(graph).items():
            missing = [name for name, _ in entries if name not in weights]
            if missing:
                raise BadInput(
                    f"network '{graph.name}'", f"no weights for {missing[0]}", "an array for each weight"
                )
            try:
                model.get_layer(names[owner]).set_weights([weights[name] for name, _ in entries])
            except ValueError as error:
                raise BadInput(
                    f"layer {owner}", f"weights do not fit ({error})", "the shapes of the Graph"
                ) from None
    return model


def _check_classes(found: Any, known: Mapping[str, Any], network: str) -> None:
    """Refuse classes from anywhere but Keras and what the caller gave: Keras would import their modules."""
    if isinstance(found, list):
        for item in found:
            _check_classes(item, known, network)
    elif isinstance(found, dict):
        name, module = found.get("class_name"), found.get("module")
        ours = module == "keras" or str(module).startswith("keras.")
        foreign = bool(found.get("registered_name")) if module is None else not ours
        if name is not None and name not in known and (foreign or name in ("Lambda", "__lambda__")):
            raise BadInput(
                f"network '{network}'",
                f"has a layer of class {title(found)}",
                "its class",
                f"custom_objects={{'{name}': ...}}",
            )
        for item in found.values():
            _check_classes(item, known, network)


def _application_layers(graph: Graph) -> dict[str, Any]:
    """The layer classes that keras.applications keeps to itself, where the network has them."""
    import importlib

    found = {}
    for node in graph.nodes:
        if node.kind.home.startswith("keras.src.applications."):
            found[node.kind_name] = getattr(importlib.import_module(node.kind.home), node.kind_name)
    return found
