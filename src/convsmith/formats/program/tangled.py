"""A network whose branches take from each other, as statements: one line for each layer that is called."""

from __future__ import annotations

from collections.abc import Callable

from ...graph import Graph, Node
from .terms import Term, row


def statements(
    graph: Graph,
    layers: Callable[[Graph, Node], list[Term]],
    join: Callable[[Graph, Node, list[str]], str],
) -> tuple[list[Term], list[str]]:
    """The layers in order, and the lines of a function of ``x`` that calls them as ``f[0]``, ``f[1]``.

    Args:
        graph: a network of one input and one output.
        layers: what a node with one input is.
        join: how the values of a node with several come together.

    Layers that only one other takes stand in a row with it.
    """
    made: list[Term] = []
    lines: list[str] = []
    value = {graph.inputs[0]: "x"}
    pending: dict[str, tuple[str, list[Term]]] = {}
    count = 0

    def flushed(name: str) -> str:
        """The variable of a tensor; its layers are called now."""
        nonlocal count
        if name in pending:
            source, terms = pending.pop(name)
            if terms:
                made.append(row(terms))
                count += 1
                value[name] = f"x{count}"
                lines.append(f"x{count} = f[{len(made) - 1}]({source})")
            else:
                value[name] = source
        return value[name]

    for node in graph.nodes:
        if not node.inputs:
            continue
        if len(node.inputs) == 1:
            (source,) = node.inputs
            alone = source in pending and len(graph.consumers(source)) == 1 and source not in graph.outputs
            start, before = pending.pop(source) if alone else (flushed(source), [])
            pending[node.name] = (start, [*before, *layers(graph, node)])
            continue
        values = [flushed(source) for source in node.inputs]
        count += 1
        value[node.name] = f"x{count}"
        lines.append(f"x{count} = {join(graph, node, values)}")
    lines.append(f"return {flushed(graph.outputs[0])}")
    return made, lines
