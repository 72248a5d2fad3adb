"""How much work a training step is, from the Graph alone."""

from __future__ import annotations

from ..graph import Graph
from ..kinds import size

TRAFFIC = 48
"""Multiply-adds in the time in which a number goes through a layer, in and out, forward and backward.

Measured on networks of every space here: docs/decisions/0049-what-a-training-costs.md.
"""


def effort(graph: Graph) -> int:
    """Work of a training step for one image, in multiply-adds of the forward pass.

    Multiply-adds, and for each number that a layer takes or gives as much as takes the same time: depthwise
    convolutions, normalisations and activations wait for memory, and often take most of a step.

    Args:
        graph: the network; what is not known of it (layers that nobody counts) is left out.

    Returns:
        `TRAFFIC` times the numbers that go into and out of all layers, plus the multiply-adds.

    Source: the roofline model (Williams, Waterman, Patterson 2009); its two times are added here.

    Example:
        >>> from convsmith.graph import notation as keras
        >>> x = inputs = keras.Input((8, 8, 1))
        >>> graph = keras.Model(inputs, keras.layers.Conv2D(2, 3)(x))
        >>> graph.macs, effort(graph)  # 64 numbers in and 72 out
        (648, 7176)
    """
    return sum(
        node.kind.macs(*graph.input_shapes(node)) or 0 for node in graph.nodes if node.inputs
    ) + TRAFFIC * moved(graph)


def moved(graph: Graph) -> int:
    """Numbers that go into and out of all layers, for one image.

    Example:
        >>> from convsmith.graph import notation as keras
        >>> x = inputs = keras.Input((8, 8, 1))
        >>> moved(keras.Model(inputs, keras.layers.Conv2D(2, 3)(x)))  # 64 in and 72 out
        136
    """
    return sum(
        size(shape) or 0
        for node in graph.nodes
        if node.inputs
        for shape in (*graph.input_shapes(node), graph.shapes[node.name])
    )
