"""`draw`: the picture of a network, by name or file."""

from __future__ import annotations

from pathlib import Path

from ..graph.picture.draw import Drawing
from ..graph.picture.draw import draw as drawn
from ..units import Size
from .files import check_ending, save
from .source import Network, graph_of
from .what_if import changed


def draw(
    network: Network,
    *,
    input_shape: Size | None = None,
    classes: int | None = None,
    what_if: str | None = None,
    fold: bool = True,
    output: Path | None = None,
) -> Drawing:
    """Draw a network: boxes with shapes, skip arrows, repeated blocks folded.

    Args:
        network: a name in the zoo, a .keras, .h5, .json or .onnx file, or (in Python) a Keras model or Graph.
        input_shape: rows, columns and channels, where the network leaves them open; any for the zoo.
        classes: how many classes, for a name in the zoo.
        what_if: changes to draw instead, e.g. "conv2.filters=32".
        fold: draw blocks that repeat once, with how often they come.
        output: also write it to this .svg, .txt or .json file.

    Returns:
        The drawing: print it, or take ``.svg .text .to_json()``.

    Example:
        >>> draw("lenet5").svg.startswith("<svg")
        True
    """
    if output is not None:
        check_ending(output, Drawing)
    graph = graph_of(network, input_shape=input_shape, classes=classes)
    drawing = drawn(changed(graph, what_if) if what_if else graph, fold=fold)
    if output is not None:
        save(drawing, output)
    return drawing
