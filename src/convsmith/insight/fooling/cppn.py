"""The CPPN encoding: a small network paints the picture from the place of each pixel, in regular forms.

K. O. Stanley, "Compositional pattern producing networks", 2007; structure and rates as in the program of
A. Nguyen, J. Yosinski, J. Clune (2015): inputs x, y, radius and bias; functions sine, sigmoid, Gaussian and
linear; no hidden nodes at first; one output for grey pictures, hue, saturation and value for coloured ones.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from .mutation import polynomial

if TYPE_CHECKING:
    import numpy as np

INPUTS = ("x", "y", "radius", "bias")
FUNCTIONS = ("sine", "sigmoid", "gaussian", "linear")
LARGEST = 10.0
"""Weights lie between minus this and this."""
ADD_LINK, DELETE_LINK, MOVE_LINK, ADD_NODE, DELETE_NODE = 0.5, 0.3, 0.5, 0.5, 0.2
"""The original's chances of each change of structure."""
WEIGHT_RATE = FUNCTION_RATE = 0.1

Link = tuple[int, int]
T = TypeVar("T")


@dataclass(frozen=True)
class Painter:
    """One such network. Nodes are numbered: the inputs first, then the outputs, then hidden ones.

    Args:
        depth: node -> its place from 0 (inputs) to 1 (outputs); links lead from lower to higher.
        function: node -> one of `FUNCTIONS`, for all but the inputs.
        links: (from, to) -> weight, from 0 to 1 for `-LARGEST` to `LARGEST`.
    """

    depth: dict[int, float]
    function: dict[int, str]
    links: dict[Link, float]


@dataclass(frozen=True)
class Cppn:
    """Pictures as networks that paint them.

    Args:
        shape: rows, columns, channels (1 or 3).
    """

    shape: tuple[int, int, int]
    name: str = "cppn"

    @property
    def outputs(self) -> range:
        """The numbers of the output nodes."""
        return range(len(INPUTS), len(INPUTS) + self.shape[2])

    @cached_property
    def places(self) -> np.ndarray:
        """The inputs of every pixel, float32 (4, H*W): x and y from -1 to 1, the radius, and 1."""
        import numpy as np

        rows, columns, _ = self.shape
        y, x = np.meshgrid(np.linspace(-1, 1, rows), np.linspace(-1, 1, columns), indexing="ij")
        found = np.stack([x, y, np.hypot(x, y), np.ones_like(x)])
        return found.reshape(len(INPUTS), -1).astype(np.float32)

    def random(self, count: int, rng: np.random.Generator) -> list[Painter]:
        """Networks whose inputs all lead to all outputs, with random weights and functions."""
        return [self._first(rng) for _ in range(count)]

    def _first(self, rng: np.random.Generator) -> Painter:
        depth = dict.fromkeys(range(len(INPUTS)), 0.0) | dict.fromkeys(self.outputs, 1.0)
        function = {node: FUNCTIONS[rng.integers(len(FUNCTIONS))] for node in self.outputs}
        links = {(a, b): float(rng.random()) for b in self.outputs for a in range(len(INPUTS))}
        return Painter(depth, function, links)

    def children(
        self, parents: Sequence[Painter], generation: int, rng: np.random.Generator
    ) -> list[Painter]:
        """A mutated copy of each parent."""
        return [self._child(parent, rng) for parent in parents]

    def _child(self, parent: Painter, rng: np.random.Generator) -> Painter:
        import numpy as np

        child = Painter(dict(parent.depth), dict(parent.function), dict(parent.links))
        chances = rng.random(5)
        if chances[0] < ADD_NODE and child.links:
            self._add_node(child, rng)
        if chances[1] < DELETE_NODE:
            self._delete_node(child, rng)
        if chances[2] < ADD_LINK:
            self._add_link(child, rng)
        if chances[3] < DELETE_LINK and len(child.links) > 1:
            del child.links[_any(list(child.links), rng)]
        if chances[4] < MOVE_LINK and child.links:
            weight = child.links.pop(_any(list(child.links), rng))
            self._add_link(child, rng, weight)
        weights = np.array(list(child.links.values()))
        moved = polynomial(weights, rng, rate=WEIGHT_RATE)
        child.links.update(zip(child.links, moved.tolist(), strict=True))
        for node in child.function:
            if rng.random() < FUNCTION_RATE:
                child.function[node] = FUNCTIONS[rng.integers(len(FUNCTIONS))]
        return child

    def _add_node(self, child: Painter, rng: np.random.Generator) -> None:
        """A node in the middle of a link: the link before it weighs 1, the one behind it what it did."""
        a, b = _any(list(child.links), rng)
        between = (child.depth[a] + child.depth[b]) / 2
        if not child.depth[a] < between < child.depth[b]:
            return
        node = max(child.depth) + 1
        child.depth[node], child.function[node] = between, FUNCTIONS[rng.integers(len(FUNCTIONS))]
        child.links[node, b] = child.links.pop((a, b))
        child.links[a, node] = (1 + 1 / LARGEST) / 2

    def _delete_node(self, child: Painter, rng: np.random.Generator) -> None:
        hidden = [node for node in child.depth if node >= self.outputs.stop]
        if hidden:
            gone = _any(hidden, rng)
            del child.depth[gone], child.function[gone]
            for link in [link for link in child.links if gone in link]:
                del child.links[link]

    def _add_link(self, child: Painter, rng: np.random.Generator, weight: float | None = None) -> None:
        nodes = list(child.depth)
        for _ in range(20):
            link = (_any(nodes, rng), _any(nodes, rng))
            if child.depth[link[0]] < child.depth[link[1]] and link not in child.links:
                child.links[link] = float(rng.random()) if weight is None else weight
                return

    def images(self, genotypes: Sequence[Painter]) -> np.ndarray:
        """The pictures, uint8 (N, H, W, C)."""
        import numpy as np

        rows, columns, channels = self.shape
        painted = np.stack([self._paint(one) for one in genotypes])
        values = np.minimum(np.abs(painted), 1).reshape(len(genotypes), channels, rows, columns)
        values = np.moveaxis(values, 1, 3)
        return np.rint(255 * (values if channels == 1 else rgb(values))).astype(np.uint8)

    def _paint(self, painter: Painter) -> np.ndarray:
        """The outputs at every pixel, float32 (outputs, H*W)."""
        import numpy as np

        incoming: dict[int, list[int]] = {node: [] for node in painter.function}
        for a, b in painter.links:
            incoming[b].append(a)
        wanted, waiting = set(), list(self.outputs)
        while waiting:  # only what leads to an output is worked out
            node = waiting.pop()
            if node not in wanted and node >= len(INPUTS):
                wanted.add(node)
                waiting += incoming[node]
        values = {node: self.places[node] for node in range(len(INPUTS))}
        for node in sorted(wanted, key=painter.depth.__getitem__):
            total = np.zeros(self.places.shape[1], np.float32)
            for a in incoming[node]:
                total += np.float32((2 * painter.links[a, node] - 1) * LARGEST) * values[a]
            values[node] = answer(painter.function[node], total)
        return np.stack([values[node] for node in self.outputs])

    def pack(self, genotypes: Sequence[Painter]) -> np.ndarray:
        """The genotypes as one array of JSON's bytes, to be kept."""
        import numpy as np

        plain = [
            {
                "depth": list(one.depth.items()),
                "function": list(one.function.items()),
                "links": [[a, b, weight] for (a, b), weight in one.links.items()],
            }
            for one in genotypes
        ]
        return np.frombuffer(json.dumps(plain).encode(), dtype=np.uint8)

    def unpack(self, packed: np.ndarray) -> list[Painter]:
        """What `pack` made, as it was."""
        return [
            Painter(
                dict(map(tuple, one["depth"])),
                dict(map(tuple, one["function"])),
                {(a, b): weight for a, b, weight in one["links"]},
            )
            for one in json.loads(packed.tobytes())
        ]


def _any(things: Sequence[T], rng: np.random.Generator) -> T:
    return things[int(rng.integers(len(things)))]


def answer(function: str, total: np.ndarray) -> np.ndarray:
    """What a node makes of its sum, from -1 to 1 (Gaussian: 0 to 1).

    Example:
        >>> import numpy as np
        >>> [float(answer(name, np.float32([0]))[0]) for name in FUNCTIONS]
        [0.0, 0.0, 1.0, 0.0]
    """
    import numpy as np

    if function == "sine":
        return np.sin(total)
    if function == "sigmoid":
        return np.tanh(total / 2)  # 2 / (1 + e^-x) - 1
    if function == "gaussian":
        return np.exp(-total * total)
    return np.clip(total, -3, 3) / 3


def rgb(hsv: np.ndarray) -> np.ndarray:
    """Red, green and blue of hue, saturation and value; all from 0 to 1, on the last axis.

    Example:
        >>> import numpy as np
        >>> rgb(np.array([1 / 3, 1.0, 1.0])).tolist()
        [0.0, 1.0, 0.0]
    """
    import numpy as np

    hue, saturation, value = np.moveaxis(hsv, -1, 0)
    parts = []
    for turn in (5, 3, 1):
        k = (turn + hue * 6) % 6
        parts.append(value - value * saturation * np.clip(np.minimum(k, 4 - k), 0, 1))
    return np.stack(parts, -1)
