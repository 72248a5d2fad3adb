"""Where a network may be cut: the ends of its blocks, each a feature map on which all the rest depends."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from ..errors import BadInput
from ..graph import Graph, Node
from ..kinds import ShapeError
from ..kinds.conv2d import Conv2D
from ..kinds.depthwise_conv2d import DepthwiseConv2D
from ..kinds.zero_padding2d import ZeroPadding2D


@dataclass(frozen=True)
class Cut:
    """A place where a network may end.

    Args:
        name: what the block is called, such as "block6".
        node: its last node.
        channels: of the feature map there.
        side: rows of the feature map where the network has its own size; None where that is free.
    """

    name: str
    node: str
    channels: int
    side: int | None


def block_ends(graph: Graph, pattern: str = "") -> tuple[Cut, ...]:
    """The ends of a network's blocks, in order.

    A node is such an end where its output is a feature map, everything behind depends on it alone, and no
    normalisation or activation of its own layer follows.

    Args:
        graph: the network.
        pattern: a regular expression whose first group is the name of a node's block; of the nodes of one
            block the last counts. Without it every such place counts, by the name of its node. The last such
            place of all counts in any case.

    Returns:
        The cuts, in the order of the network; each has weights before it.

    Example:
        >>> from convsmith.zoo import network
        >>> [cut.channels for cut in block_ends(network("lenet5"))]
        [6, 6, 16, 16]
    """
    found: dict[str, Cut] = {}
    learned = False
    places = _alone(graph)
    maps = [node.name for node in places if len(graph.shapes[node.name]) == 3]
    for node in places:
        learned = learned or _has_weights(graph, node.name)
        shape = graph.shapes[node.name]
        if not learned or len(shape) != 3 or shape[2] is None:
            continue
        match = re.search(pattern, node.name) if pattern else None
        last = node.name == maps[-1]
        if not last and (
            node.kind_name == "ZeroPadding2D"
            or (pattern and match is None)
            or (not pattern and any(_belongs(graph, taker) for taker in graph.consumers(node.name)))
        ):
            continue
        name = match.group(1).lower() if match else "top" if pattern else node.name
        found.pop(name, None)
        found[name] = Cut(name, node.name, shape[2], shape[0])
    return tuple(found.values())


def upto(graph: Graph, node: str, name: str) -> Graph:
    """The network that ends in this node: it and all that lead to it.

    Raises:
        BadName: for a node that the network does not have.
    """
    graph[node]
    kept = ancestors(graph, node)
    return Graph(name, [item for item in graph.nodes if item.name in kept], (node,), graph.inputs)


def with_input(graph: Graph, input_shape: tuple[int | None, ...]) -> Graph:
    """The network for images of this shape; all shapes behind follow.

    Raises:
        BadInput: for a network of several inputs, or a layer that the images are too small for.
    """
    if len(graph.inputs) != 1:
        raise BadInput(f"network '{graph.name}'", f"takes {len(graph.inputs)} inputs", "one, the images")
    (start,) = graph.inputs
    nodes = [
        replace(node, kind=replace(node.kind, shape_=input_shape)) if node.name == start else node  # type: ignore[call-arg]
        for node in graph.nodes
    ]
    return Graph(graph.name, nodes, graph.outputs, graph.inputs)


def padded(graph: Graph, input_shape: tuple[int | None, ...]) -> Graph:
    """As `with_input`, for Keras's applications: zeros before strided layers by Keras's `correct_pad`.

    An even side gets one row less above than below, an odd one as many; a free side counts as even.
    """
    (start,) = graph.inputs
    shapes: dict[str, tuple[int | None, ...]] = {}
    nodes = []
    for node in graph.nodes:
        if node.name == start:
            node = replace(node, kind=replace(node.kind, shape_=input_shape))  # type: ignore[call-arg]
        taken = [shapes[source] for source in node.inputs]
        kernel = _strided_kernel(graph, node)
        if kernel is not None:
            sides = tuple(
                (size // 2 - (1 - (length or 0) % 2), size // 2)
                for size, length in zip(kernel, taken[0][:2], strict=True)
            )
            node = replace(node, kind=replace(node.kind, padding=sides))  # type: ignore[call-arg]
        try:
            shapes[node.name] = node.kind.shape(*taken)
        except ShapeError as error:
            where = f"layer {node.name} ({node.kind_name})"
            raise ShapeError(error.came, error.expected, error.hint, where=where) from None
        nodes.append(node)
    return Graph(graph.name, nodes, graph.outputs, graph.inputs)


def _strided_kernel(graph: Graph, node: Node) -> tuple[int, int] | None:
    """The kernel's rows and columns of the strided layer that these zeros are for; None for other nodes."""
    takers = graph.consumers(node.name)
    if not isinstance(node.kind, ZeroPadding2D) or len(takers) != 1:
        return None
    kind = takers[0].kind
    if isinstance(kind, Conv2D | DepthwiseConv2D) and kind.strides != (1, 1):
        return kind.kernel_size
    return None


def ancestors(graph: Graph, node: str) -> set[str]:
    """The node and all that lead to it, and whoever owns weights that these use."""
    kept: set[str] = set()
    waiting = [node]
    while waiting:
        name = waiting.pop()
        if name not in kept:
            kept.add(name)
            waiting += [*graph[name].inputs, graph[name].owner]
    return kept


def _alone(graph: Graph) -> list[Node]:
    """The nodes whose output is all that the rest of the network needs of what came before."""
    place = {node.name: index for index, node in enumerate(graph.nodes)}
    last = {
        node.name: max((place[taker.name] for taker in graph.consumers(node.name)), default=len(graph.nodes))
        for node in graph.nodes
    }
    found, reach = [], -1
    for index, node in enumerate(graph.nodes):
        if reach <= index:
            found.append(node)
        reach = max(reach, last[node.name])
    return found


def _has_weights(graph: Graph, name: str) -> bool:
    return any(graph[item].kind.weights(*graph.input_shapes(graph[item])) for item in ancestors(graph, name))


def _belongs(graph: Graph, node: Node) -> bool:
    """Whether the node only finishes the layer before it: normalises, activates, drops."""
    shapes = graph.input_shapes(node)
    return (
        len(shapes) == 1
        and graph.shapes[node.name] == shapes[0]
        and node.kind.macs(*shapes) == 0
        and not hasattr(node.kind, "pool_size")
    )
