"""Which layers of a network say what a picture shows and how it is painted, and what leads to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import BadName
from ..graph import Graph
from .target import Refused
from .units import feature_layers

SCALES = 5
"""At most so many style layers are chosen, as the paper's conv1_1 to conv5_1."""
KEPT = 3.0
"""How much memory a step takes, as a multiple of one forward pass: answers, gradients, workspace."""


@dataclass(frozen=True)
class Layers:
    """Which layers say what.

    Args:
        content: layers whose answers are kept.
        style: layers whose Gram matrices are matched.
        why: one sentence.
    """

    content: tuple[str, ...]
    style: tuple[str, ...]
    why: str


def choose_layers(
    graph: Graph, *, content: Sequence[str] | None = None, style: Sequence[str] | None = None
) -> Layers:
    """The layers for a network: the first convolution of each size for style, a deep one for content.

    The content layer is the last convolution of the last size but one, as the paper's conv4_2; where all have
    one size, the one two thirds of the way.

    Args:
        graph: the network.
        content: layers to take instead.
        style: layers to take instead.

    Raises:
        Refused: the network has no convolutions.
        BadName: for a layer that gives no image, with the nearest one that does.

    Example:
        >>> from convsmith.zoo import network
        >>> found = choose_layers(network("vgg16"))
        >>> found.style[0], len(found.style)
        ('activation', 5)
    """
    known = feature_layers(graph)
    if not known:
        raise Refused(f"network '{graph.name}'", "has no convolutions", "a convolutional network")
    for layer in (*(content or ()), *(style or ())):
        if layer not in known:
            raise BadName(f"layer of network '{graph.name}'", layer, known)
    sizes: dict[tuple[Any, ...], list[str]] = {}
    for name in known:
        sizes.setdefault(graph.shapes[name][:2], []).append(name)
    scales = list(sizes.values())
    if len(scales) > 1:
        chosen_style = [names[0] for names in scales][:SCALES]
        chosen_content = scales[min(len(scales), SCALES) - 2][-1]
        why = (
            f"style from the first convolution of each of {len(chosen_style)} sizes, content from the last "
            "of the last but one"
        )
    else:
        step = max(1, -(-len(known) // SCALES))
        chosen_style, chosen_content = known[::step], known[(2 * len(known)) // 3]
        why = "evenly through the network, which has one size; content from two thirds of the way"
    if content or style:
        why = "as given" if content and style else f"{'content' if content else 'style'} as given; {why}"
    return Layers(tuple(content or (chosen_content,)), tuple(style or chosen_style), why)


def features_of(graph: Graph, layers: Layers, size: tuple[int, int]) -> Graph:
    """The part of a network that leads to the layers, for pictures of another size.

    Raises:
        BadInput: the picture is too small for it, or a layer on the way is bound to the old size.
    """
    from ..graph.read import resized

    wanted, waiting = set(), [*layers.content, *layers.style]
    ends = tuple(dict.fromkeys(waiting))
    while waiting:
        name = waiting.pop()
        if name not in wanted:
            wanted.add(name)
            waiting += graph[name].inputs
    owners = {graph[name].owner for name in wanted}
    nodes = [node for node in graph.nodes if node.name in wanted or node.name in owners]
    channels = graph.input_shape[-1]
    return resized(Graph(graph.name, nodes, ends, graph.inputs), (*size, int(channels or 3)))


def memory(graph: Graph) -> int:
    """Bytes that a step of the transfer takes with this part of a network, about."""
    total = 0
    for node in graph.nodes:
        count = 1
        for side in graph.shapes[node.name]:
            count *= int(side or 1)
        total += 4 * count
    return round(KEPT * total)
