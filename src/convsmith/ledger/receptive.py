"""Receptive fields: which pixels of the image each number of a layer's output depends on.

Source: A. Araujo, W. Norris, J. Sim, "Computing Receptive Fields of Convolutional Neural Networks",
Distill 2019: the recurrences for size, stride and start, and the union over branches. Two conventions are
ours to state. A gate (squeeze-and-excite: a product with something that has looked at the whole image) is
followed along its local path only, and marked `gated`, because by the letter every output behind the first
gate sees the whole image. Where no local path is left (global pooling, Dense), the field is `whole`.
Where the input's size is not known, `start` is that of sizes which all strides divide.
"""

from __future__ import annotations

from math import ceil, floor
from typing import Any, NamedTuple

from ..graph import Graph, Node
from ..kinds import Kind, Reach, Shape


class Field(NamedTuple):
    """The receptive field of one output position, in pixels of the image, rows and columns.

    Args:
        size: rows and columns seen; may exceed the image (the rest is padding).
        stride: pixels between the fields of neighbouring outputs.
        start: the first row and column seen by the first output; negative inside the padding.
        whole: every output sees the whole image; the three figures above are then the last local ones.
        gated: a gate before it has looked at the whole image; the figures follow the local path.
    """

    size: tuple[int, int] = (1, 1)
    stride: tuple[float, float] = (1, 1)
    start: tuple[int, int] = (0, 0)
    whole: bool = False
    gated: bool = False

    def to_json(self) -> dict[str, Any]:
        """The field as a JSON-able dictionary."""
        return {
            "size": list(self.size), "stride": list(self.stride), "start": list(self.start),
            "whole": self.whole, "gated": self.gated,
        }  # fmt: skip

    def __str__(self) -> str:
        if self.whole:
            return "whole"
        rows, columns = self.size
        return (str(rows) if rows == columns else f"{rows}×{columns}") + ("*" if self.gated else "")


_LOCAL = Reach()
_GROWING = {"UpSampling2D": "size", "Conv2DTranspose": "strides"}


def fields(graph: Graph) -> dict[str, Field]:
    """The receptive field of every layer's output, by layer name; time linear in the number of layers.

    Example:
        >>> from convsmith.graph import notation as keras
        >>> x = inputs = keras.Input((32, 32, 1))
        >>> x = keras.layers.Conv2D(6, 5, name="conv")(x)
        >>> x = keras.layers.MaxPooling2D(2, name="pool")(x)
        >>> fields(keras.Model(inputs, x))["pool"]
        Field(size=(6, 6), stride=(2, 2), start=(0, 0), whole=False, gated=False)
    """
    found: dict[str, Field] = {}
    for node in graph.nodes:
        found[node.name] = _field(graph, node, [found[source] for source in node.inputs])
    return found


def _field(graph: Graph, node: Node, sources: list[Field]) -> Field:
    if not sources:
        return Field()
    field = sources[0] if len(sources) == 1 else _join(sources, gate=_multiplies(node))
    if type(node.kind).reach is not Kind.reach:  # most layers look at their own place only
        reach = node.kind.reach(*(supposed(shape) for shape in graph.input_shapes(node)))
        field = field if reach == _LOCAL else _through(field, reach)
    grown = _GROWING.get(node.kind_name)
    return field if grown is None else _between(field, getattr(node.kind, grown))


def supposed(shape: Shape) -> Shape:
    """The shape with a common multiple of usual strides for unknown sizes: what "same" pads depends on it."""
    return shape if None not in shape else tuple(224 if item is None else item for item in shape)


def _multiplies(node: Node) -> bool:
    return node.kind_name == "Multiply" or getattr(node.kind, "function", "") == "numpy.Multiply"


def _between(field: Field, factors: tuple[int, int]) -> Field:
    """The field where the image grows: outputs lie closer together, down to parts of a pixel."""
    down, across = (a // b if a % b == 0 else a / b for a, b in zip(field.stride, factors, strict=True))
    return field._replace(stride=(down, across))


def _through(field: Field, reach: Reach) -> Field:
    """The field behind one window."""
    if field.whole or reach.whole:
        return field._replace(whole=True)
    (rows, columns), (down, across), (top, left) = field.size, field.stride, field.start
    return Field(
        (ceil(rows + (reach.kernel[0] - 1) * down), ceil(columns + (reach.kernel[1] - 1) * across)),
        (down * reach.stride[0], across * reach.stride[1]),
        (floor(top - reach.start[0] * down), floor(left - reach.start[1] * across)),
        gated=field.gated,
    )


def _join(sources: list[Field], gate: bool) -> Field:
    """The union of the branches' fields."""
    local = [field for field in sources if not field.whole]
    gated = any(field.gated for field in sources)
    if not local or (len(local) < len(sources) and not gate):
        return (local or sources)[0]._replace(whole=True, gated=gated)
    start = (min(field.start[0] for field in local), min(field.start[1] for field in local))
    return Field(
        (
            max(field.start[0] + field.size[0] for field in local) - start[0],
            max(field.start[1] + field.size[1] for field in local) - start[1],
        ),
        (max(field.stride[0] for field in local), max(field.stride[1] for field in local)),
        start,
        gated=gated or len(local) < len(sources),
    )
