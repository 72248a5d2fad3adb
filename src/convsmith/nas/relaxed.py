"""A space of cells as one network that holds every operation at once: what DARTS trains.

The network is made by the space's own function: where it would choose an operation it gets a mixture of all
of them (`zoo._cells.Mixture`), whose outputs meet in an `Add`. A question is asked in every cell: each such
`Add` has operations with weights of its own, and all of one question are weighed alike.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations, product
from typing import Any

from convsmith.errors import BadInput
from convsmith.graph import Graph
from convsmith.graph import notation as keras
from convsmith.zoo._cells import Cell, Mixture

from .choose import Answers, Choose, Space
from .space.options import Options, checked_options, is_number, is_ordered, thawed

NONE = "none"
"""The operation that brings nothing: it is weighed, and in cells of pairs never chosen."""
_POOLS = ("avg", "max")  # whose outputs are normalised while they are weighed, in cells of pairs


class NoCells(BadInput):
    """The space has no operations that could be weighed."""


Sides = Callable[[str, int, tuple[str, int], tuple[str, int]], Answers]
Weights = Mapping[str, Sequence[float]]
"""Group -> the weight of each of its options, together 1."""


@dataclass(frozen=True)
class Group:
    """Operations that are weighed against each other.

    Args:
        name: of the edge.
        options: all of them.
        nothing: the one that brings nothing, which the network does not hold; None without one.
        normed: those whose output is normalised before it is weighed.
    """

    name: str
    options: tuple[str, ...]
    nothing: str | None
    normed: frozenset[str] = frozenset()

    @property
    def built(self) -> tuple[str, ...]:
        """The options that the network holds, in the order in which their outputs meet."""
        return tuple(option for option in self.options if option != self.nothing)


@dataclass(frozen=True)
class OneOf:
    """A question that one group answers: the option with the largest weight."""

    question: str
    group: Group

    def ranked(self, weights: Weights) -> list[tuple[float, Answers]]:
        """Every answer with ln of its weight, the largest first."""
        found = [
            (_log(weight), {self.question: option})
            for option, weight in zip(self.group.options, weights[self.group.name], strict=True)
        ]
        return sorted(found, key=lambda one: -one[0])


@dataclass(frozen=True)
class TwoInputs:
    """A node that keeps two of its inputs, as in DARTS: those whose best operation, "none" aside, weighs
    most.

    Args:
        cell: name of the cell.
        node: its place.
        groups: one for each earlier state.
        answers: the space's answers for two operations on two states.
    """

    cell: str
    node: int
    groups: tuple[Group, ...]
    answers: Sides

    def ranked(self, weights: Weights) -> list[tuple[float, Answers]]:
        """Every pair of operations on two states with ln of their weights' product, the largest first."""
        inputs = [
            sorted(
                (
                    (_log(weight), option)
                    for option, weight in zip(group.options, weights[group.name], strict=True)
                    if option != group.nothing
                ),
                key=lambda one: -one[0],
            )
            for group in self.groups
        ]
        found = []
        for first, second in combinations(range(len(inputs)), 2):
            for (a, left), (b, right) in product(inputs[first], inputs[second]):
                found.append((a + b, self.answers(self.cell, self.node, (left, first), (right, second))))
        return sorted(found, key=lambda one: -one[0])


class Relaxing:
    """Answers a space function so that it builds the network with every operation at once.

    Args:
        wanted: answers to the questions that are not weighed; what is not among the options becomes the
            nearest one, and what is not said the first.
    """

    def __init__(self, wanted: Answers) -> None:
        self._wanted = wanted
        self.fixed: Answers = {}
        self.groups: dict[str, Group] = {}
        self.places: list[OneOf | TwoInputs] = []
        self._met: dict[str, int] = {}

    def __call__(self, name: str, options: Iterable[Any]) -> Any:
        found = checked_options("relaxed", name, options)
        answer = _nearest(self._wanted.get(name), found)
        self.fixed[name] = thawed(answer)
        return answer

    def one(self, question: str, options: Sequence[str], nothing: str | None) -> Mixture:
        """The mixture of a question's options."""
        group = self._group(Group(question, tuple(options), nothing))
        self.places.append(OneOf(question, group))
        return self._mixture(group)

    def cell(self, name: str, operations: Sequence[str], nodes: int, answers: Sides, more: Answers) -> Cell:
        """A cell whose every node takes all earlier states through mixtures; all nodes are joined.

        Args:
            name: "normal" or "reduction".
            operations: their names.
            nodes: how many.
            answers: the space's answers for a node of two operations.
            more: further answers that belong to such a cell.
        """
        blocks = []
        for node in range(nodes):
            groups = tuple(
                self._group(
                    Group(
                        f"{name}_{node}_{state}", (NONE, *operations), NONE,
                        frozenset(one for one in operations if one.startswith(_POOLS)),
                    )
                )
                for state in range(2 + node)
            )  # fmt: skip
            self.places.append(TwoInputs(name, node, groups, answers))
            parts = [(self._mixture(group), state) for state, group in enumerate(groups)]
            blocks.append(tuple(one for part in parts for one in part))
        self.fixed.update(more)
        return Cell(tuple(blocks), tuple(range(2, 2 + nodes)))

    def _group(self, group: Group) -> Group:
        return self.groups.setdefault(group.name, group)

    def _mixture(self, group: Group) -> Mixture:
        def mixed(outputs: Sequence[Any]) -> Any:
            number = self._met[group.name] = self._met.get(group.name, 0) + 1
            return keras.layers.Add(name=f"{group.name}@{number}")(list(outputs))

        return Mixture(group.built, mixed)


def weighed(choose: Choose, question: str, options: Sequence[str], *, nothing: str | None = None) -> Any:
    """Choose an operation, so that a relaxed network may hold all of them at once.

    Args:
        choose: answers.
        question: its name.
        options: names of operations.
        nothing: the option that brings nothing but zeros.

    Returns:
        The option chosen, or a `Mixture`, whose `of` the space calls with what makes an operation.
    """
    if isinstance(choose, Relaxing):
        return choose.one(question, options, nothing)
    return choose(question, options)


@dataclass(frozen=True)
class Relaxed:
    """A space of cells as one network.

    Args:
        graph: the network; ``mixes`` are its `Add` nodes where operations meet. With plain sums there it is
            no candidate of the space, and no budget holds for it.
        groups: by name.
        mixes: node -> group.
        places: what is decided at the end, each from its groups.
        fixed: the answers of questions that are not weighed.
        branches: batch norms that belong to a single operation, by node.
    """

    graph: Graph
    groups: dict[str, Group]
    mixes: dict[str, str]
    places: tuple[OneOf | TwoInputs, ...]
    fixed: Answers
    branches: frozenset[str] = field(repr=False)

    def derived(self, weights: Weights) -> Iterator[Answers]:
        """Cells, the one that the weights say first, then in order of the product of their weights.

        The first is the paper's: for each node the two strongest inputs, for an edge its strongest operation.
        """
        ranked = [place.ranked(weights) for place in self.places]
        start = (0,) * len(ranked)
        heap = [(-math.fsum(one[0][0] for one in ranked), start, 0)]
        while heap:
            _, at, moved = heapq.heappop(heap)
            answers = {
                name: value
                for one, place in zip(ranked, at, strict=True)
                for name, value in one[place][1].items()
            }
            yield answers
            for place in range(moved, len(ranked)):
                if at[place] + 1 < len(ranked[place]):
                    further = (*at[:place], at[place] + 1, *at[place + 1 :])
                    total = math.fsum(one[index][0] for one, index in zip(ranked, further, strict=True))
                    heapq.heappush(heap, (-total, further, place))


def relax(space: Space, wanted: Answers | None = None) -> Relaxed:
    """The network of a space that holds every operation of its cells at once.

    Args:
        space: whose function asks for operations through `weighed`, or for cells.
        wanted: answers to its other questions, such as {"cells": 8, "filters": 16}.

    Raises:
        NoCells: a space without such questions.

    Example:
        >>> from convsmith.nas.spaces import space
        >>> relaxed = relax(space("nasbench201", (8, 8, 3), 10))
        >>> len(relaxed.groups), len(relaxed.mixes), relaxed.groups["e01"].built
        (6, 90, ('skip_connect', 'nor_conv_1x1', 'nor_conv_3x3', 'avg_pool_3x3'))
    """
    relaxing = Relaxing(wanted or {})
    graph = space.function(relaxing, space.input_shape, space.classes)
    if not relaxing.groups:
        came = "has no cell whose operations could be weighed against each other"
        raise NoCells(f"space '{space.name}'", came, "a space of cells", "--algorithm auto for this space")
    mixes = {
        node.name: node.name.rpartition("@")[0]
        for node in graph.nodes
        if node.kind_name == "Add" and node.name.rpartition("@")[0] in relaxing.groups
    }
    return Relaxed(
        graph, relaxing.groups, mixes, tuple(relaxing.places), relaxing.fixed, _branches(graph, mixes)
    )


def _branches(graph: Graph, mixes: Mapping[str, str]) -> frozenset[str]:
    """The batch norms between what an edge starts from and where its operations meet."""
    place = {node.name: index for index, node in enumerate(graph.nodes)}
    found: set[str] = set()
    for name in mixes:
        tips = graph[name].inputs
        everyone, seen_by = (1 << len(tips)) - 1, dict[int, int]()
        for tip, source in enumerate(tips):
            seen_by[place[source]] = seen_by.get(place[source], 0) | 1 << tip
        # Backwards, the latest node first, until one is before all operations and nothing else is left.
        waiting = [-index for index in seen_by]
        heapq.heapify(waiting)
        while waiting:
            index = -heapq.heappop(waiting)
            if seen_by[index] == everyone and not waiting:
                break
            node = graph.nodes[index]
            if seen_by[index] != everyone:
                found.add(node.name)
            for source in node.inputs:
                if place[source] not in seen_by:
                    heapq.heappush(waiting, -place[source])
                seen_by[place[source]] = seen_by.get(place[source], 0) | seen_by[index]
    return frozenset(name for name in found if graph[name].kind_name == "BatchNormalization")


def _nearest(wanted: Any, options: Options) -> Any:
    if wanted in options:
        return wanted
    if is_ordered(options) and is_number(wanted):
        return min(options, key=lambda one: abs(one - wanted))
    return options[0]


def _log(weight: float) -> float:
    return math.log(weight) if weight > 0 else -1e9
