"""The layer that names the classes: found, given other classes; and what lies before it frozen."""

from __future__ import annotations

from dataclasses import replace

from ..errors import BadInput, BadName
from ..kinds import Kind
from ..kinds.activation import Activation
from ..kinds.conv2d import Conv2D
from ..kinds.dense import Dense
from ..units import counted
from .graph import Graph, Node


def head(graph: Graph) -> Node:
    """The last layer with weights, from which the output comes without a branch.

    Raises:
        BadInput: where branches without weights of their own meet in the output, or nothing has weights.

    Example:
        >>> from convsmith.zoo import network
        >>> head(network("lenet5")).name
        'softmax'
    """
    node = graph[graph.outputs[0]]
    while not node.kind.weights(*graph.input_shapes(node)):
        if len(node.inputs) != 1:
            raise BadInput(
                f"network '{graph.name}'", f"has no single last layer with weights before '{node.name}'",
                "a dense layer that names the classes",
            )  # fmt: skip
        node = graph[node.inputs[0]]
    return graph[node.owner]


def with_classes(graph: Graph, classes: int) -> Graph:
    """The network with a head for so many classes; the same network where it has that many.

    A new head names one class of several: a final sigmoid becomes a softmax. One sigmoid unit is the same
    function as the softmax of two: p = 1 / (1 + exp(-(b - a))).

    Args:
        graph: the network; it stays as it is.
        classes: how many.

    Raises:
        BadInput: where the head is no dense layer or convolution, or something behind it does not fit.

    Example:
        >>> from convsmith.zoo import network
        >>> with_classes(network("lenet5"), 3).output_shape
        (3,)
    """
    if graph.output_shape == (classes,):
        return graph
    last = head(graph)
    kind: Kind
    if isinstance(last.kind, Dense):
        kind = replace(last.kind, units=classes)
    elif isinstance(last.kind, Conv2D):
        kind = replace(last.kind, filters=classes)
    else:
        raise BadInput(
            f"network '{graph.name}'", f"ends in a layer of kind {last.kind_name}", "a dense layer to replace"
        )
    kinds: dict[str, Kind] = {last.name: kind}
    end = graph[graph.outputs[0]]
    if getattr(end.kind, "activation", None) == "sigmoid":
        ending = kinds.get(end.owner, end.kind)
        if isinstance(ending, Activation | Dense | Conv2D):
            kinds[end.owner] = replace(ending, activation="softmax")
    nodes = [replace(node, kind=kinds.get(node.owner, node.kind)) for node in graph.nodes]
    found = Graph(graph.name, nodes, graph.outputs, graph.inputs)
    if found.output_shape != (classes,):
        raise BadInput(
            f"network '{graph.name}'", f"gives {found.output_shape} with another head", f"({classes},)"
        )
    return found


def other_head(before: Graph, after: Graph) -> str:
    """What a network's new head is, in words; empty where it kept its own.

    Args:
        before: the network as it was given.
        after: as `with_classes` made it.

    Example:
        >>> from convsmith.zoo import network
        >>> other_head(network("lenet5"), with_classes(network("lenet5"), 3))
        'its head of 10 units became one of 3'
    """
    was, now = before.output_shape, after.output_shape
    if was == now:
        return ""
    ends = [getattr(graph[graph.outputs[0]].kind, "activation", None) for graph in (before, after)]
    if ends == ["sigmoid", "softmax"]:
        said = "its one sigmoid unit" if was == (1,) else f"its head of {was[-1]} sigmoid units"
        return f"{said} became {now[-1]} units with a softmax: a probability for each class"
    return f"its head of {counted(was[-1] or 0, 'unit')} became one of {now[-1]}"


def frozen(graph: Graph, until: str) -> Graph:
    """The network with layers that a training leaves as they are; their batch norms stay in inference mode.

    Args:
        graph: the network; it stays as it is.
        until: the last frozen layer, with all that lead to it; ``"body"`` for all but the head.

    Raises:
        BadName: for a layer that the network does not have.
        BadInput: where nothing would be left to train.

    Example:
        >>> from convsmith.zoo import network
        >>> frozen(network("lenet5"), "body").trainable_params
        850
    """
    if until == "body":
        kept = {head(graph).name}
        still = {node.name for node in graph.nodes} - kept
    else:
        if until not in graph:
            raise BadName(f"--freeze: layer of network '{graph.name}'", until, ["body", *graph.shapes])
        still, waiting = set(), [until]
        while waiting:
            name = waiting.pop()
            if name not in still:
                still.add(name)
                waiting += graph[name].inputs
    nodes = [replace(node, trainable=node.trainable and node.owner not in still) for node in graph.nodes]
    found = Graph(graph.name, nodes, graph.outputs, graph.inputs)
    if not found.trainable_params:
        raise BadInput("--freeze", f"'{until}' leaves nothing to train", "an earlier layer", "--freeze body")
    return found
