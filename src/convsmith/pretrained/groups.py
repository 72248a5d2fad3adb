"""Inner channels of a network: what may be left out of it without changing anything but two layers.

A group is the output channels of one convolution that reach a second convolution through nothing but layers
that keep channels apart: norms, activations, depthwise convolutions, poolings. Leaving out some of them
makes the first convolution's filters fewer and the second one's inputs, and nothing else.
"""

from __future__ import annotations

import functools
from collections import Counter
from dataclasses import dataclass

from ..graph import Graph, Node
from ..kinds.conv2d import Conv2D
from ..kinds.depthwise_conv2d import DepthwiseConv2D

_APART = frozenset(
    ("BatchNormalization", "Activation", "ReLU", "LeakyReLU", "ZeroPadding2D", "MaxPooling2D",
     "AveragePooling2D", "Dropout", "SpatialDropout2D", "Cropping2D", "Identity")
)  # fmt: skip


@dataclass(frozen=True)
class Group:
    """Channels that are inside a network.

    Args:
        first: name of the convolution that makes them.
        between: names of the layers that they pass, in order.
        last: name of the convolution that takes them.
        channels: how many.
        rows: of the last convolution's input: how far down the network the group is.
    """

    first: str
    between: tuple[str, ...]
    last: str
    channels: int
    rows: int


def groups(graph: Graph) -> tuple[Group, ...]:
    """Every group of inner channels, in the order of the network.

    Example:
        >>> from convsmith.zoo import network
        >>> found = groups(network("mobilenet_v2"))
        >>> [group.channels for group in found if len(group.between) == 5][:3]
        [32, 144, 192]
    """
    uses = Counter(node.owner for node in graph.nodes)
    found = []
    for node in graph.nodes:
        if not isinstance(node.kind, Conv2D) or node.kind.groups != 1 or uses[node.owner] > 1:
            continue
        between: list[str] = []
        after = _only(graph, node.name)
        while after is not None and _keeps_apart(after) and uses[after.owner] == 1:
            between.append(after.name)
            after = _only(graph, after.name)
        if after is None or not isinstance(after.kind, Conv2D) or after.kind.groups != 1:
            continue
        if uses[after.owner] > 1:
            continue
        shape = graph.shapes[after.inputs[0]]
        found.append(Group(node.name, tuple(between), after.name, node.kind.filters, int(shape[0] or 0)))
    return tuple(found)


@functools.lru_cache(maxsize=32)
def inner(graph: Graph) -> tuple[Group, ...]:
    """The groups that an activation ends: wide and redundant, where narrow linear ones carry all there is.

    M. Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks", CVPR 2018, section 3.2.
    """
    return tuple(
        group
        for group in groups(graph)
        if _is_activated(graph[group.first]) or any(_is_activated(graph[name]) for name in group.between)
    )


def _is_activated(node: Node) -> bool:
    if node.kind_name in ("ReLU", "LeakyReLU"):
        return True
    return getattr(node.kind, "activation", None) not in ("linear", None)


def _only(graph: Graph, name: str) -> Node | None:
    """The one layer that takes this output, by one input; None where there are more, or it is an output."""
    takers = graph.consumers(name)
    if len(takers) != 1 or name in graph.outputs or len(takers[0].inputs) != 1:
        return None
    return takers[0]


def _keeps_apart(node: Node) -> bool:
    if isinstance(node.kind, DepthwiseConv2D):
        return node.kind.depth_multiplier == 1
    if node.kind_name == "Activation":
        return getattr(node.kind, "activation", "") not in ("softmax", "log_softmax")
    return node.kind_name in _APART
