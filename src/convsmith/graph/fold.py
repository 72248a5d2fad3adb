"""A network as it is at inference: dropout gone, batch norm and rescaling folded into their neighbours."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ..kinds.activation import Activation
from ..kinds.batch_normalization import BatchNormalization
from ..kinds.conv2d import Conv2D
from ..kinds.dense import Dense
from ..kinds.depthwise_conv2d import DepthwiseConv2D
from ..kinds.rescaling import Rescaling
from ..kinds.separable_conv2d import SeparableConv2D
from .graph import Graph, Node

if TYPE_CHECKING:
    import numpy as np

    Weights = dict[str, np.ndarray]

LAST_KERNEL = {
    Conv2D: "kernel",
    DepthwiseConv2D: "kernel",
    SeparableConv2D: "pointwise_kernel",
    Dense: "kernel",
}
"""The kernel whose outputs a batch norm after the layer sees."""
FIRST_KERNEL = LAST_KERNEL | {SeparableConv2D: "depthwise_kernel"}
"""The kernel that a rescaling before the layer feeds."""


def fold(graph: Graph, weights: Weights) -> tuple[Graph, Weights]:
    """The same function at inference with fewer layers; neither argument is changed.

    What only acts in training is dropped. A batch norm after a linear Conv2D, DepthwiseConv2D,
    SeparableConv2D or Dense becomes part of its kernel and bias (B. Jacob et al., "Quantization and training
    of neural networks", 2018, section 3.2); a Rescaling without offset becomes part of the kernel after it.
    What cannot be folded stays: a shared layer, a layer whose output somebody else takes too, a batch norm
    after an activation.

    Args:
        graph: the network.
        weights: full name -> array in Keras's layout.

    Returns:
        The smaller Graph and its weights; arrays that did not change are the same objects.

    Example:
        >>> import numpy as np
        >>> from convsmith.graph import notation as keras
        >>> x = inputs = keras.Input((4, 4, 1))
        >>> x = keras.layers.BatchNormalization()(keras.layers.Conv2D(2, 3, use_bias=False)(x))
        >>> graph = keras.Model(inputs, x)
        >>> small, arrays = fold(graph, {name: np.ones(w.shape, "f4") for name, w in graph.weights.items()})
        >>> [node.name for node in small.nodes], sorted(arrays)
        (['input_layer', 'conv2d'], ['conv2d/bias', 'conv2d/kernel'])
    """
    graph = _dropped(graph, [node.name for node in graph.nodes if _does_nothing(node)])
    weights = dict(weights)
    while pairs := _pairs(graph):
        changed = {into: graph[into] for _, into in pairs}
        for gone, into in pairs:
            if isinstance(graph[gone].kind, BatchNormalization):
                changed[into] = _fold_norm(graph[gone], changed[into], weights)
            else:
                _fold_scale(graph[gone], changed[into], weights)
        graph = _dropped(graph, [gone for gone, _ in pairs], changed)
    return graph, {name: weights[name] for name in graph.weights}


def _does_nothing(node: Node) -> bool:
    idle = isinstance(node.kind, Activation) and node.kind.activation in ("linear", None)
    return bool(node.inputs) and (node.kind.train_only or idle)


def _dropped(graph: Graph, names: list[str], changed: Mapping[str, Node] = MappingProxyType({})) -> Graph:
    """The Graph without these nodes of one input; whoever took their output takes their input."""
    if not names:
        return graph
    instead = {name: graph[name].inputs[0] for name in names}

    def kept(name: str) -> str:
        while name in instead:
            name = instead[name]
        return name

    nodes = [
        dataclasses.replace(changed.get(node.name, node), inputs=tuple(map(kept, node.inputs)))
        for node in graph.nodes
        if node.name not in instead
    ]
    return Graph(graph.name, nodes, [kept(name) for name in graph.outputs], graph.inputs)


def _pairs(graph: Graph) -> list[tuple[str, str]]:
    """Nodes that can go, each with the node that takes it in."""
    found = []
    uses = Counter(node.owner for node in graph.nodes)
    taken = Counter(source for node in graph.nodes for source in node.inputs) + Counter(graph.outputs)
    for node in graph.nodes:
        if isinstance(node.kind, BatchNormalization):
            source = graph[node.inputs[0]]
            if (
                type(source.kind) in LAST_KERNEL
                and node.kind.of_channels(graph.shapes[source.name])
                and getattr(source.kind, "activation", None) in ("linear", None)
                and uses[source.owner] == 1
                and taken[source.name] == 1
            ):
                found.append((node.name, source.name))
        elif isinstance(node.kind, Rescaling) and taken[node.name] == 1 and node.name not in graph.outputs:
            (taker,) = graph.consumers(node.name)
            plain = isinstance(node.kind.scale, int | float) and node.kind.offset == 0
            if plain and type(taker.kind) in FIRST_KERNEL and uses[taker.owner] == 1:
                found.append((node.name, taker.name))
    return found


def by_owner(weights: Weights) -> dict[str, Weights]:
    """The arrays in one dictionary for each owner, by their short names."""
    found: dict[str, Weights] = {}
    for name, array in weights.items():
        owner, _, short = name.rpartition("/")
        found.setdefault(owner, {})[short] = array
    return found


def _fold_norm(norm: Node, node: Node, weights: Weights) -> Node:
    import numpy as np

    assert isinstance(norm.kind, BatchNormalization)
    own = {w: weights.get(f"{norm.owner}/{w}") for w in ("gamma", "beta", "moving_mean", "moving_variance")}
    scale, offset = norm.kind.folded(own)  # type: ignore[arg-type]
    name = f"{node.owner}/{LAST_KERNEL[type(node.kind)]}"  # type: ignore[index]
    kernel = weights[name].astype(np.float64)
    per_filter = scale.astype(np.float64)
    if isinstance(node.kind, DepthwiseConv2D):  # its filters are numbered channel by channel: (C, M)
        per_filter = per_filter.reshape(kernel.shape[2:])
    weights[name] = (kernel * per_filter).astype(np.float32)
    bias = weights.get(f"{node.owner}/bias", np.zeros_like(offset))
    weights[f"{node.owner}/bias"] = (bias * scale.astype(np.float64) + offset).astype(np.float32)
    settings: dict[str, Any] = {"use_bias": True}
    return dataclasses.replace(node, kind=dataclasses.replace(node.kind, **settings))


def _fold_scale(rescaling: Node, node: Node, weights: Weights) -> None:
    import numpy as np

    assert isinstance(rescaling.kind, Rescaling)
    name = f"{node.owner}/{FIRST_KERNEL[type(node.kind)]}"  # type: ignore[index]
    weights[name] = (weights[name].astype(np.float64) * rescaling.kind.scale).astype(np.float32)
