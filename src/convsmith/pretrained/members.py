"""A pretrained network fitted to a budget: cut at a block, at another resolution, with fewer inner channels.

The layers keep the source's names, so which weights a member takes follows from its Graph alone (`inherit`).
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from ..graph import Graph, Node
from ..kinds.dense import Dense
from ..kinds.global_average_pooling2d import GlobalAveragePooling2D
from ..kinds.resizing import Resizing
from .groups import Group, inner

if TYPE_CHECKING:
    from .source import Source

HEAD = "classes"
"""Name of the layer that names the classes; the source has none of that name."""
NEW_LAYERS = ("resized", "pooled", "hidden", HEAD, "colours")
"""Names of the layers that a member has and its source has not."""
MULTIPLE = 4
"""Inner channels stay in multiples of this, and so many at least."""


def member(
    source: Source,
    end: str,
    input_shape: tuple[int, int, int],
    classes: int,
    *,
    sides: tuple[int, int] | None = None,
    keep: Mapping[str, float] | None = None,
    hidden: int = 0,
) -> Graph:
    """The source up to the end of a block, with a head for these classes.

    Args:
        source: the pretrained network.
        end: the cut, by name.
        input_shape: rows, columns and channels of the images that the network takes; grey ones (one channel)
            give what three equal channels would give.
        classes: how many.
        sides: rows and columns that the source works at, if others than the images': they are resized inside.
        keep: share of inner channels that stay, by the name of the group's first layer; all where absent.
        hidden: units of a hidden layer before the classes; 0 for none.

    Raises:
        BadName: for an end that the source does not have.
        BadInput: for a size that the source cannot take.

    Example:
        >>> from convsmith.pretrained import open_source
        >>> source = open_source("efficientnet_lite0")                                     # doctest: +SKIP
        >>> member(source, "block6", (96, 96, 3), 10).params                               # doctest: +SKIP
        92426
    """
    rows, columns = sides or input_shape[:2]
    trunk = _trunk(source, (rows, columns, input_shape[2]), source.cut(end).name)
    widths = {
        group.first: kept(group, keep[group.first])
        for group in inner(trunk)
        if keep is not None and keep.get(group.first, 1.0) < 1.0
    }
    (start,) = trunk.inputs
    resizes = (rows, columns) != tuple(input_shape[:2])
    nodes = []
    for node in trunk.nodes:
        if node.name in widths:
            node = replace(node, kind=replace(node.kind, filters=widths[node.name]))  # type: ignore[call-arg]
        if resizes and node.name == start:
            nodes.append(replace(node, kind=replace(node.kind, shape_=tuple(input_shape))))  # type: ignore[call-arg]
            nodes.append(Node("resized", Resizing(rows, columns), (start,)))
        elif resizes:
            nodes.append(
                replace(node, inputs=tuple("resized" if name == start else name for name in node.inputs))
            )
        else:
            nodes.append(node)
    last = "pooled"
    nodes.append(Node(last, GlobalAveragePooling2D(), trunk.outputs))
    if hidden:
        nodes.append(Node("hidden", Dense(hidden, activation="relu"), (last,)))
        last = "hidden"
    nodes.append(Node(HEAD, Dense(classes, activation="softmax"), (last,)))
    return Graph(trunk.name, nodes, (HEAD,), (start,))


@functools.lru_cache(maxsize=512)
def _trunk(source: Source, shape: tuple[int, int, int], end: str) -> Graph:
    return source.trunk(shape, end)


def kept(group: Group, share: float) -> int:
    """How many channels that share of a group is."""
    return min(group.channels, max(MULTIPLE, MULTIPLE * round(share * group.channels / MULTIPLE)))


def same_size(graph: Graph) -> dict[int, list[str]]:
    """The groups of inner channels by the stage that they are in: a stage ends where the rows halve.

    Returns:
        Number of the stage, from 0 -> names of the groups' first layers.
    """
    stages: dict[int, list[str]] = {}
    numbers: dict[int, int] = {}
    for group in inner(graph):
        stages.setdefault(numbers.setdefault(group.rows, len(numbers)), []).append(group.first)
    return stages
