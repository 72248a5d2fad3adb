"""A trained network of one's own as a source: its trunk may be cut at the end of any block."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ..errors import BadInput
from ..graph import Graph
from ..kinds.resizing import Resizing
from .cuts import block_ends, with_input
from .members import NEW_LAYERS
from .source import Source

if TYPE_CHECKING:
    import numpy as np


def own_source(
    name: str,
    graph: Graph,
    weights: Mapping[str, np.ndarray],
    *,
    licence: str,
    commercial: bool,
    origin: str,
    sha256: str,
    classes: Sequence[str] = (),
) -> Source:
    """A trained network as weights to start from.

    A layer that resizes the images at the network's entrance is left out, for members have their own; layers
    whose names members give to their own are renamed.

    Args:
        name: what it is called, such as the path that it was read from.
        graph: the network, from raw pixels on.
        weights: full name -> array in Keras's layout.
        licence: of the weights.
        commercial: False where it forbids commercial use.
        origin: where the weights come from.
        sha256: of the file that they were read from.
        classes: names of those that it tells apart, where known.

    Raises:
        BadInput: for a network of several inputs, or without a feature map that it could be cut at.

    Example:
        >>> from convsmith.engine.weights import initial
        >>> from convsmith.zoo import network
        >>> graph = network("lenet5")
        >>> source = own_source("mine", graph, initial(graph, 0), licence="mine", commercial=True,
        ...                     origin="mine", sha256="")
        >>> [cut.channels for cut in source.cuts]
        [6, 6, 16, 16]
    """
    where = f"--pretrained {name}"
    if len(graph.inputs) != 1 or len(graph.input_shape) != 3:
        raise BadInput(where, f"takes {len(graph.inputs)} inputs of shape {graph.input_shape}", "images")
    renamed = {old: f"own_{old}" for old in NEW_LAYERS if old in graph}
    network = _entered(_renamed(graph, renamed))
    cuts = block_ends(network)
    if not cuts:
        raise BadInput(
            where, f"network '{graph.name}' has no feature map to cut at", "a convolutional network"
        )
    found = {}
    for full, array in weights.items():
        layer, _, what = full.rpartition("/")
        found[f"{renamed.get(layer, layer)}/{what}"] = array
    return Source(name, network, found, {}, cuts, licence, commercial, origin, sha256, classes=tuple(classes))


def _renamed(graph: Graph, names: Mapping[str, str]) -> Graph:
    if not names:
        return graph
    nodes = [
        replace(
            node, name=names.get(node.name, node.name), owner=names.get(node.owner, node.owner),
            inputs=tuple(names.get(one, one) for one in node.inputs),
        )
        for node in graph.nodes
    ]  # fmt: skip
    outputs, inputs = (tuple(names.get(one, one) for one in ends) for ends in (graph.outputs, graph.inputs))
    return Graph(graph.name, nodes, outputs, inputs)


def _entered(graph: Graph) -> Graph:
    """The network without a `Resizing` right behind its input."""
    (start,) = graph.inputs
    takers = graph.consumers(start)
    if len(takers) != 1 or not isinstance(takers[0].kind, Resizing) or takers[0].name in graph.outputs:
        return graph
    gone, shape = takers[0].name, graph.shapes[takers[0].name]
    nodes = [
        replace(node, inputs=tuple(start if one == gone else one for one in node.inputs))
        for node in graph.nodes
        if node.name != gone
    ]
    nodes = [
        replace(node, kind=replace(node.kind, shape_=shape)) if node.name == start else node  # type: ignore[call-arg]
        for node in nodes
    ]
    return with_input(Graph(graph.name, nodes, graph.outputs, graph.inputs), shape)


def forbids_commerce(licence: str) -> bool:
    """Whether a licence's name says that commercial use is forbidden.

    Example:
        >>> forbids_commerce("CC-BY-NC-4.0"), forbids_commerce("Apache-2.0")
        (True, False)
    """
    return bool(re.search(r"\bNC\b|non.?commercial|research.only", licence, re.IGNORECASE))
