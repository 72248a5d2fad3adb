"""A network as its readers see it: layers that belong together in one box, boxes in blocks, blocks folded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...kinds import Reach
from ..graph import Graph, Node

LONGEST = 12
"""Blocks that a repeated pattern may consist of."""
_LOCAL = Reach()
_APART = frozenset(("InputLayer", "Flatten", "Reshape"))


@dataclass(frozen=True)
class Box:
    """Layers that are drawn as one: a convolution with its padding, normalisation and activation.

    Args:
        nodes: the layers in order.
        sources: indices of the boxes that it takes, in order, each once.
    """

    nodes: tuple[Node, ...]
    sources: tuple[int, ...]

    @property
    def main(self) -> Node:
        """The layer that gives the box its name."""
        weighty = [node for node in self.nodes if node.kind_name != "ZeroPadding2D"]
        return weighty[0] if weighty else self.nodes[0]


@dataclass(frozen=True)
class Block:
    """Boxes between two places where one tensor is all that goes on.

    Args:
        boxes: indices of its boxes.
        entry: index of the box before it; -1 at the start.
    """

    boxes: tuple[int, ...]
    entry: int


@dataclass(frozen=True)
class Fold:
    """Blocks that come `times` times in a row; the first copy stands for all.

    Args:
        blocks: the first copy's blocks.
        times: how often they come.
        last: index of the last copy's last box.
    """

    blocks: tuple[Block, ...]
    times: int
    last: int


def boxes(graph: Graph) -> list[Box]:
    """The network's boxes in topological order."""
    groups: list[list[Node]] = []
    place: dict[str, int] = {}
    for node in graph.nodes:
        source = node.inputs[0] if len(node.inputs) == 1 else ""
        alone = source and len(graph.consumers(source)) == 1 and source not in graph.outputs
        if alone and (_follows(graph, node) or _is_padding(groups[place[source]])):
            place[node.name] = place[source]
            groups[place[source]].append(node)
        else:
            place[node.name] = len(groups)
            groups.append([node])
    made = []
    for index, group in enumerate(groups):
        sources = [place[source] for node in group for source in node.inputs]
        made.append(Box(tuple(group), tuple(dict.fromkeys(item for item in sources if item != index))))
    return _ordered(made)


def _follows(graph: Graph, node: Node) -> bool:
    """Whether the layer only changes the numbers of its input one by one."""
    shapes = graph.input_shapes(node)
    return (
        node.kind_name not in _APART
        and shapes[0] == graph.shapes[node.name]
        and node.kind.macs(*shapes) == 0
        and (node.kind.train_only or None in shapes[0] or node.kind.reach(*shapes) == _LOCAL)
        and not (None in shapes[0] and hasattr(node.kind, "pool_size"))
    )


def _is_padding(group: list[Node]) -> bool:
    return all(node.kind_name == "ZeroPadding2D" for node in group)


def _ordered(made: list[Box]) -> list[Box]:
    """The boxes in an order in which each comes after those that it takes, and branches stay together."""
    order: list[int] = []
    state = [0] * len(made)
    taken = {source for box in made for source in box.sources}
    for start in (*(index for index in range(len(made)) if index not in taken), *range(len(made))):
        stack = [start]
        while stack:
            index = stack[-1]
            if state[index] == 0:
                state[index] = 1
                stack.extend(source for source in reversed(made[index].sources) if state[source] == 0)
            else:
                stack.pop()
                if state[index] == 1:
                    state[index] = 2
                    order.append(index)
    now = {old: new for new, old in enumerate(order)}
    return [Box(made[old].nodes, tuple(now[source] for source in made[old].sources)) for old in order]


def blocks(made: list[Box]) -> list[Block]:
    """The boxes cut wherever a single tensor is all that the rest of the network needs."""
    last = list(range(len(made)))
    for index, box in enumerate(made):
        for source in box.sources:
            last[source] = max(last[source], index)
    found: list[Block] = []
    start, entry, ends = 0, -1, 0
    for index in range(len(made)):
        ends = max(ends, *(last[item] for item in range(start, index))) if index > start else ends
        if ends <= index and (index + 1 == len(made) or last[index] > index):
            found.append(Block(tuple(range(start, index + 1)), entry))
            start, entry, ends = index + 1, index, last[index]
    if start < len(made):
        found.append(Block(tuple(range(start, len(made))), entry))
    return found


def folds(graph: Graph, made: list[Box], cut: list[Block]) -> list[Fold]:
    """Blocks that repeat one after the other, folded; the rest as they are.

    Blocks are the same when their structure, settings and image sizes are; their channels may grow.
    """
    signs = [_sign(graph, made, block) for block in cut]
    found: list[Fold] = []
    at = 0
    while at < len(cut):
        best = (1, 1)
        for period in range(1, min(LONGEST, (len(cut) - at) // 2) + 1):
            times = 1
            while signs[at + times * period : at + (times + 1) * period] == signs[at : at + period]:
                times += 1
            if times > 1 and times * period > best[0] * best[1]:
                best = (period, times)
        period, times = best
        end = at + period * times
        found.append(Fold(tuple(cut[at : at + period]), times, cut[end - 1].boxes[-1]))
        at = end
    return found


def _sign(graph: Graph, made: list[Box], block: Block) -> Any:
    """What must be equal for two blocks to be the same."""
    first = block.boxes[0]
    sign = []
    for index in block.boxes:
        box = made[index]
        layers = tuple(described(node) for node in box.nodes)
        sources = tuple(source - first if source >= first else -1 for source in box.sources)
        sign.append((layers, sources, graph.shapes[box.nodes[-1].name][:2]))
    return sign


def described(node: Node) -> tuple[str, tuple[tuple[str, str], ...]]:
    """The kind and those of its settings that a reader would call different: no initializers, no seeds."""
    kept = [
        (name, str(value))
        for name, value in node.kind.settings().items()
        if not name.endswith(("_initializer", "_regularizer", "_constraint")) and name not in ("seed", "rate")
    ]
    return node.kind_name, tuple(kept)
