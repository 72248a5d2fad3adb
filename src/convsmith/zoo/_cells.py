"""Networks of cells: how a searched cell of operations and inputs becomes layers.

A cell takes the outputs of the two cells before it. Each of its blocks adds two operations, each on one of
the states so far: state 0 is the cell before the last, state 1 the last, then the blocks' own sums. Its
output joins some states. A reduction cell halves the image in the operations that read states 0 and 1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from ..graph import notation as keras
from ..graph.places import place
from ._parts import conv, conv_bn, norm

Block = tuple[Any, ...]
"""An operation and the state that it reads; another, and so on: two in a finished cell."""


class Mixture(NamedTuple):
    """Several operations at once on the same state, while a cell is searched.

    Args:
        names: of the operations.
        mixed: makes one tensor of their outputs, in this order.
    """

    names: tuple[str, ...]
    mixed: Callable[[Sequence[Any]], Any]

    def of(self, build: Callable[[str], Any]) -> Any:
        """The mixture of what `build` makes of each operation."""
        return self.mixed([build(name) for name in self.names])


class Wire(NamedTuple):
    """A tensor on its way: its channels, and how often the image has been halved."""

    x: Any
    channels: int
    level: int


@dataclass(frozen=True)
class Cell:
    """A searched cell.

    Args:
        blocks: in order.
        joined: the states that make the output.
    """

    blocks: tuple[Block, ...]
    joined: tuple[int, ...]


@dataclass(frozen=True)
class Style:
    """What authors do differently around the same cells.

    Args:
        epsilon: of batch norm.
        momentum: of batch norm, Keras's sense.
        always: True where state 0 gets its 1x1 convolution also when the channels fit.
        twice: True where state 1 gets a 1x1 convolution when its channels differ, and then always another.
        halve: how a skip halves the image: a strided "conv", or "both" (two, of even and odd pixels).
        active: True where the ReLU comes before halving by "both" inside a cell.
    """

    epsilon: float = 1e-3
    momentum: float = 0.99
    always: bool = False
    twice: bool = False
    halve: str = "conv"
    active: bool = True

    def norm(self, x: Any) -> Any:
        """Batch norm."""
        return norm(x, self.epsilon, self.momentum)

    def project(self, wire: Wire, filters: int, stride: int = 1) -> Wire:
        """ReLU, 1x1 convolution, batch norm."""
        x = keras.layers.Activation("relu")(wire.x)
        x = keras.layers.Conv2D(filters, 1, strides=stride, use_bias=False)(x)
        return Wire(self.norm(x), filters, wire.level + (stride > 1))

    def both(self, wire: Wire, filters: int, active: bool) -> Wire:
        """Halve the image: one 1x1 convolution of the even pixels, one of the odd; no pixel is lost."""
        x = keras.layers.Activation("relu")(wire.x) if active else wire.x
        odd = keras.layers.Cropping2D(((1, 0), (1, 0)))(keras.layers.ZeroPadding2D(((0, 1), (0, 1)))(x))
        halves = [
            keras.layers.Conv2D(width, 1, use_bias=False)(keras.layers.MaxPooling2D(1, strides=2)(part))
            for part, width in ((x, filters // 2), (odd, filters - filters // 2))
        ]
        return Wire(self.norm(keras.layers.Concatenate()(halves)), filters, wire.level + 1)

    def cell(self, cell: Cell, before: Wire | None, last: Wire, filters: int, *, reduce: bool) -> Wire:
        """One cell.

        Args:
            cell: the searched cell.
            before: the output of the cell before the last; None in the first cell.
            last: the output of the last cell.
            filters: channels of each operation.
            reduce: whether it halves the image.
        """
        with place("first"):
            first = self._first(before, last, filters)
        with place("second"):
            states = [first, self._second(last, filters)]
        for number, block in enumerate(cell.blocks):
            parts = []
            for side, (name, state) in enumerate(zip(block[::2], block[1::2], strict=True)):
                with place(f"block_{number}_{side}", f"from_{state}"):
                    stride = 2 if reduce and state < 2 else 1
                    parts.append(self.operation(name, states[state], filters, stride))
            states.append(Wire(keras.layers.Add()([part.x for part in parts]), filters, parts[0].level))
        level = last.level + reduce
        joined = []
        for state in cell.joined:
            with place(f"joined_{state}"):
                wire = states[state]
                joined.append(wire if wire.level == level else self.both(wire, filters, False))
        x = keras.layers.Concatenate()([wire.x for wire in joined])
        return Wire(x, sum(wire.channels for wire in joined), level)

    def _first(self, before: Wire | None, last: Wire, filters: int) -> Wire:
        if before is None:
            return last
        if before.level != last.level:
            return self.both(before, filters, True)
        return self.project(before, filters) if self.always or before.channels != filters else before

    def _second(self, last: Wire, filters: int) -> Wire:
        if self.twice and last.channels != filters:
            last = self.project(last, filters)
        return self.project(last, filters)

    def operation(self, name: str | Mixture, wire: Wire, filters: int, stride: int) -> Wire:
        """One operation: "sep_5x5", "dil_3x3", "conv_1x1", "avg_3x3", "max_3x3", "skip" or "1x7_7x1"."""
        if isinstance(name, Mixture):
            x = name.of(lambda one: self.operation(one, wire, filters, stride).x)
            return Wire(x, filters, wire.level + (stride > 1))
        with place(name):
            return self._operation(name, wire, filters, stride)

    def _operation(self, name: str, wire: Wire, filters: int, stride: int) -> Wire:
        kind, _, kernel = name.partition("_")
        level = wire.level + (stride > 1)
        if kind == "sep":
            return Wire(self._separable(wire.x, filters, int(kernel[0]), stride), filters, level)
        if kind == "dil":
            return Wire(self._dilated(wire, filters, int(kernel[0]), stride), filters, level)
        if kind in ("avg", "max"):
            pool = keras.layers.AveragePooling2D if kind == "avg" else keras.layers.MaxPooling2D
            x = pool(int(kernel[0]), strides=stride, padding="same")(wire.x)
            if wire.channels != filters:
                x = self.norm(keras.layers.Conv2D(filters, 1, use_bias=False)(x))
            return Wire(x, filters, level)
        if kind in ("1x3", "1x7"):
            return Wire(self._cross(wire.x, filters, int(kind[2]), stride), filters, level)
        if kind == "conv":
            x = keras.layers.Activation("relu")(wire.x)
            x = keras.layers.Conv2D(filters, int(kernel[0]), strides=stride, padding="same", use_bias=False)(
                x
            )
            return Wire(self.norm(x), filters, level)
        if stride > 1 and self.halve == "both":
            return self.both(wire, filters, self.active)
        return self.project(wire, filters, stride) if stride > 1 or wire.channels != filters else wire

    def _separable(self, x: Any, filters: int, kernel: int, stride: int) -> Any:
        """Twice: ReLU, separable convolution, batch norm."""
        for step in (stride, 1):
            x = keras.layers.Activation("relu")(x)
            x = keras.layers.SeparableConv2D(filters, kernel, strides=step, padding="same", use_bias=False)(x)
            x = self.norm(x)
        return x

    def _dilated(self, wire: Wire, filters: int, kernel: int, stride: int) -> Any:
        """ReLU, depthwise convolution of every second pixel, 1x1 convolution, batch norm."""
        x = keras.layers.Activation("relu")(wire.x)
        x = keras.layers.ZeroPadding2D(kernel - 1)(x)
        x = keras.layers.DepthwiseConv2D(kernel, strides=stride, dilation_rate=2, use_bias=False)(x)
        return self.norm(keras.layers.Conv2D(filters, 1, use_bias=False)(x))

    def _cross(self, x: Any, filters: int, length: int, stride: int) -> Any:
        """1x1 to a quarter of the channels, 1xlength, lengthx1, 1x1 back."""
        quarter = max(1, filters // 4)
        for width, kernel, strides in (
            (quarter, (1, 1), (1, 1)),
            (quarter, (1, length), (1, stride)),
            (quarter, (length, 1), (stride, 1)),
            (filters, (1, 1), (1, 1)),
        ):
            x = keras.layers.Activation("relu")(x)
            conv = keras.layers.Conv2D(width, kernel, strides=strides, padding="same", use_bias=False)
            x = self.norm(conv(x))
        return x


def first(x: Any, filters: int, halvings: int = 0) -> Wire:
    """What small images pass before the cells: one convolution; strided ones before it for larger images."""
    for _ in range(halvings):
        x = conv_bn(x, filters, 3, 2)
    return Wire(norm(conv(x, 3 * filters, 3, use_bias=False)), 3 * filters, 0)


def stages(cells: int, reductions: Sequence[int]) -> list[tuple[bool, int]]:
    """(reduces, by how much wider than at first) of each cell, where reductions double the width.

    Example:
        >>> stages(4, [1, 3])
        [(False, 1), (True, 2), (False, 2), (True, 4)]
    """
    found, wide = [], 1
    for cell in range(cells):
        wide *= 2 if cell in reductions else 1
        found.append((cell in reductions, wide))
    return found
