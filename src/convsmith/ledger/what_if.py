"""`--what-if "conv2.filters=32"`: the same network with other settings."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase

from ..errors import BadInput, BadName
from ..graph import Graph
from ..graph.edit import edit


def changed(graph: Graph, changes: str) -> Graph:
    """The network with settings changed; shapes, weights and figures follow.

    Args:
        graph: the network.
        changes: ``layer.setting=value``, several with commas between; ``*`` stands for any letters of a
            layer's name (layers without that setting are passed over), ``3x3`` for a pair of numbers.

    Raises:
        BadInput: for a layer or setting that is not there, with the nearest one, or shapes that do not fit.

    Example:
        >>> from convsmith.ledger.source import graph_of
        >>> changed(graph_of("lenet5"), "conv2.filters=32, fc*.units=60").shapes["fc4"]
        (60,)
    """
    found: list[str] = []
    for change in (part.strip() for part in re.split(r"[,;](?![^(\[]*[)\]])", changes)):
        layer, _, rest = change.partition("=")[0].rpartition(".")
        if not layer or "=" not in change:
            raise BadInput(
                "--what-if", f"got {change!r}", "layer.setting=value", '"conv2.filters=32, fc*.units=64"'
            )
        if "*" not in layer or layer in graph:
            found.append(change)
            continue
        names = [node.name for node in graph.nodes if fnmatchcase(node.name, layer)]
        if not names:
            raise BadName(f"layer of network '{graph.name}'", layer, (node.name for node in graph.nodes))
        able = [name for name in names if hasattr(graph[name].kind, rest.strip())]
        found += [change.replace(layer, name, 1) for name in able or names]
    return edit(graph, *found)
