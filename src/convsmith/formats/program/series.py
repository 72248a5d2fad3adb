"""A network as rows of layers and of places where it parts and comes together, one within the other."""

from __future__ import annotations

from collections.abc import Callable

from ...errors import BadInput
from ...graph import Graph, Node
from .terms import Arg, Term, row

Layers = Callable[[Graph, Node], list[Term]]
Merge = Callable[[Graph, Node], str]


class Tangled(Exception):
    """Branches that take from each other: no row of layers says that."""


def nested(graph: Graph, layers: Layers, merge: Merge) -> list[Term]:
    """The network from its input to its output, as terms in a row.

    Args:
        graph: a network of one input and one output.
        layers: what a node with one input is.
        merge: what joins the branches of a node with several.

    Raises:
        Tangled: where it is no such row.
        BadInput: where it has several inputs or outputs, or a layer twice.
    """
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        raise BadInput(
            f"network '{graph.name}'",
            f"has {len(graph.inputs)} inputs and {len(graph.outputs)} outputs",
            "one of each for a program",
            "an .onnx file",
        )
    return _Nesting(graph, layers, merge).whole()


class _Nesting:
    def __init__(self, graph: Graph, layers: Layers, merge: Merge) -> None:
        self.graph, self.layers, self.merge = graph, layers, merge
        self.written: set[str] = set()
        self.before: dict[str, str] = {}
        self.depth: dict[str, int] = {}
        for node in graph.nodes:
            if not node.inputs:
                self.depth[node.name] = 0
                continue
            common = node.inputs[0]
            for other in node.inputs[1:]:
                common = self._common(common, other)
            self.before[node.name] = common
            self.depth[node.name] = self.depth[common] + 1

    def _common(self, one: str, other: str) -> str:
        """The last tensor that both follow from, and nothing else leads to them."""
        while one != other:
            if self.depth[one] >= self.depth[other]:
                one = self.before[one]
            else:
                other = self.before[other]
        return one

    def whole(self) -> list[Term]:
        found = self._between(self.graph.inputs[0], self.graph.outputs[0])
        left = [node.name for node in self.graph.nodes if node.inputs and node.name not in self.written]
        if left:
            raise Tangled(left[0])
        return found

    def _between(self, start: str, end: str) -> list[Term]:
        """What leads from one tensor to another."""
        rows: list[list[Term]] = []
        while end != start:
            node = self.graph[end]
            if end in self.written:
                raise Tangled(end)
            self.written.add(end)
            if len(node.inputs) == 1:
                rows.append(self.layers(self.graph, node))
            else:
                split = self.before[end]
                branches = [row(self._between(split, source) or [Term("identity")]) for source in node.inputs]
                rows.append([Term(self.merge(self.graph, node), tuple(map(Arg, branches)), slot="branches")])
            end = self.before[end]
        return [term for each in reversed(rows) for term in each]
