"""The blocks of a network whose times a latency table holds: a layer and what ONNX Runtime folds into it.

A block is a layer with the batch norm and the activation that only it feeds.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..graph import Graph, Node
from ..kinds import Shape, size
from ..kinds.input_layer import InputLayer

_FOLDED = frozenset(("BatchNormalization", "Activation", "ReLU", "Dropout", "SpatialDropout2D", "Rescaling"))
_FREE = frozenset(("InputLayer", "Flatten", "Reshape", "Dropout", "SpatialDropout2D"))
# ONNX Runtime's fast layout wants channels by fours, better by eights; a depthwise layer that cannot have it
# takes some seven times as long.
_ALIGNED = {8: "aligned", 4: "fours"}
_IGNORED = ("initializer", "regularizer", "constraint", "seed")


def alignment(kind: str) -> str:
    """The word of a block's kind that says how its channels are aligned.

    Example:
        >>> alignment("Conv2D 3x3 relu fours"), alignment("Conv2D 3x3 relu")
        ('fours', '')
    """
    last = kind.rpartition(" ")[2]
    return last if last in _ALIGNED.values() else ""


@dataclass(frozen=True)
class TimedBlock:
    """A layer and what is folded into it.

    Args:
        nodes: in order; the first is the layer.
        shapes: of the first one's inputs.
        out: the last one's shape.
    """

    nodes: tuple[Node, ...]
    shapes: tuple[Shape, ...]
    out: Shape

    @property
    def key(self) -> str:
        """What it is, whatever its layers are called: kinds, settings that cost time, shapes."""
        what = [[node.kind_name, _settings(node)] for node in self.nodes]
        return json.dumps([what, [list(shape) for shape in self.shapes]], sort_keys=True)

    @property
    def kind(self) -> str:
        """Its layer with window, stride and activation, and the layout: blocks of one kind are neighbours."""
        window = getattr(self.nodes[0].kind, "kernel_size", None) or getattr(
            self.nodes[0].kind, "pool_size", None
        )
        strides = getattr(self.nodes[0].kind, "strides", None) or (1, 1)
        words = [self.nodes[0].kind_name, *(f"{length[0]}x{length[1]}" for length in (window,) if length)]
        words += [f"stride {strides[0]}"] if strides[0] > 1 else []
        words += [getattr(node.kind, "activation", None) or "linear" for node in self.nodes]
        channels = [shape[-1] or 0 for shape in (*self.shapes, self.out)]
        words += [next((word for by, word in _ALIGNED.items() if not any(one % by for one in channels)), "")]
        return " ".join(word for word in words if word and word != "linear")

    @property
    def traits(self) -> tuple[float, float, float]:
        """ln of multiply-adds, of numbers read and of numbers written, each plus one."""
        macs = self.nodes[0].kind.macs(*self.shapes) or 0
        read = sum(size(shape) or 0 for shape in self.shapes)
        return math.log1p(macs), math.log1p(read), math.log1p(size(self.out) or 0)

    def graph(self) -> Graph:
        """The block as a network of its own."""
        inputs = [Node(f"input_{place}", InputLayer(shape)) for place, shape in enumerate(self.shapes)]
        nodes, before = list(inputs), tuple(node.name for node in inputs)
        for node in self.nodes:
            nodes.append(Node(node.name, node.kind, before))
            before = (node.name,)
        return Graph("block", nodes)


def blocks(graph: Graph) -> Iterator[TimedBlock]:
    """The blocks of a network; what takes no time is in none.

    Args:
        graph: a network with known sizes.
    """
    folded: set[str] = set()
    for node in graph.nodes:
        if node.name in folded or node.kind_name in _FREE:
            continue
        chain = [node]
        takers = graph.consumers(node.name)
        while len(takers) == 1 and takers[0].kind_name in _FOLDED and chain[-1].name not in graph.outputs:
            chain.append(takers[0])
            folded.add(takers[0].name)
            takers = graph.consumers(takers[0].name)
        yield TimedBlock(tuple(chain), graph.input_shapes(node), graph.shapes[chain[-1].name])


def _settings(node: Node) -> dict[str, Any]:
    return {
        name: value
        for name, value in node.kind.settings().items()
        if not name.endswith(_IGNORED) and name not in ("rate", "momentum", "epsilon")
    }
