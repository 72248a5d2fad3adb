"""A .safetensors file that holds a network whole: its weights, and its Graph in the header or beside it.

Safetensors is data alone: a header of names, shapes and texts, then numbers. Nothing in it is executed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..engine.weights import check, open_metadata, open_weights, save
from ..errors import BadInput
from ..graph import Graph
from ..strict_json import parse

if TYPE_CHECKING:
    import numpy as np

BESIDE = "graph.json"
"""The file in the same folder that may hold the Graph, as in a run."""
LARGEST_GRAPH = 50_000_000
"""Bytes of a Graph as JSON; the largest of the zoo has two millions."""


@dataclass(frozen=True)
class WeightsFile:
    """What such a file holds.

    Args:
        graph: the network.
        weights: full name -> array in Keras's layout.
        classes: names of those that it tells apart; empty where the file does not say.
    """

    graph: Graph
    weights: dict[str, np.ndarray]
    classes: tuple[str, ...] = ()


def write_weights_file(
    path: str | Path,
    graph: Graph,
    weights: Mapping[str, np.ndarray],
    *,
    classes: Sequence[str] = (),
    licence: str = "",
    origin: str = "",
    more: Mapping[str, str] | None = None,
) -> int:
    """Write a network as one .safetensors file, whole.

    Args:
        path: the file.
        graph: the network.
        weights: full name -> array; exactly the network's.
        classes: names of those that it tells apart.
        licence: of the weights.
        origin: where they come from.
        more: further texts for the header.

    Returns:
        Bytes written.

    Raises:
        BadInput: weights of another network.
        CannotWrite: full disk or no permission.

    Example:
        >>> import tempfile
        >>> from convsmith.engine.weights import initial
        >>> from convsmith.zoo import network
        >>> graph, path = network("lenet5"), tempfile.mkdtemp() + "/lenet5.safetensors"
        >>> write_weights_file(path, graph, initial(graph, 0), classes="abcdefghij") > 200_000
        True
        >>> found = read_weights_file(path)
        >>> found.graph.params, found.classes[:2]
        (61706, ('a', 'b'))
    """
    check(graph, weights)
    about = {"graph": json.dumps(graph.to_json()), "licence": licence, "origin": origin}
    about |= {"classes": json.dumps(list(classes)) if classes else ""}
    about |= more or {}
    save(path, weights, {name: text for name, text in about.items() if text})
    return Path(path).stat().st_size


def read_weights_file(path: str | Path) -> WeightsFile:
    """The network of a .safetensors file.

    The Graph, as `Graph.to_json` gives it, is the header's text "graph", or lies beside ``net.safetensors``
    as ``net.json`` or ``graph.json``.

    Args:
        path: the file.

    Raises:
        BadInput: no such file, a damaged one, one without a Graph, or weights of another network.
    """
    about = open_metadata(path)
    graph = _graph(about["graph"].encode(), str(path)) if "graph" in about else _beside(Path(path))
    names = parse(about.get("classes") or "[]", str(path), "the classes' names")
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise BadInput(str(path), "has classes that are no names", "a list of them")
    return WeightsFile(graph, open_weights(path, graph), tuple(names))


def _beside(path: Path) -> Graph:
    for file in (path.with_suffix(".json"), path.with_name(BESIDE)):
        if file.is_file():
            if file.stat().st_size > LARGEST_GRAPH:
                raise BadInput(str(file), f"has {file.stat().st_size:,} bytes", "a Graph of a few thousand")
            return _graph(file.read_bytes(), str(file))
    expected = f"{path.with_suffix('.json').name} or {BESIDE} in its folder, or a Graph in its header"
    hint = f"convsmith export RUN {path.name}"
    raise BadInput(str(path), "has no Graph beside it", expected, hint)


def _graph(text: bytes, where: str) -> Graph:
    found = parse(text, where, "a Graph as convsmith writes it")
    if not isinstance(found, dict):
        raise BadInput(where, "is no object", "a Graph as convsmith writes it")
    return Graph.from_json(found)
