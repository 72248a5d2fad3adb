"""From what a person calls a network to its Graph."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from .. import graph as graphs
from ..errors import BadInput, nearest_path
from ..graph import Graph
from ..own_code import is_in_file

if TYPE_CHECKING:
    from keras import Model

Network: TypeAlias = "str | os.PathLike[str] | Graph | Model"
"""What a person calls a network: a name in the zoo, a file, a Graph or a Keras model."""
_NAME = re.compile(r"[A-Za-z][\w.-]*")


def graph_of(network: Any, *, input_shape: Sequence[int] | None = None, classes: int | None = None) -> Graph:
    """The Graph of a network.

    Args:
        network: a Graph, a Keras model, a torch module, the path of a run folder, a file, JSON, a name in
            the zoo, or ``file.py:function`` as the zoo has them.
        input_shape: rows, columns, channels, where the network leaves them open; any for the zoo.
        classes: how many, for a name in the zoo.

    Example:
        >>> graph_of("lenet5", input_shape=(28, 28, 1)).params
        44426
    """
    if isinstance(network, str | os.PathLike) and (Path(network) / "run.json").is_file():
        network = _of_run(Path(network))
    if is_in_file(network):
        from .. import zoo

        return zoo.network(network, input_shape, classes)
    if isinstance(network, str) and _NAME.fullmatch(network) and not Path(network).exists():
        from .. import zoo

        if network.lower() in zoo.NETWORKS:
            return zoo.network(network.lower(), input_shape, classes)
        named = "." not in network or nearest_path(network) is None
        if named and Path(network).suffix not in (".keras", ".json", ".onnx", ".h5", ".tflite"):
            return zoo.network(network, input_shape, classes)
    if classes is not None:
        raise BadInput("--classes", "given for a network of its own classes", "a name in the zoo, or none")
    if isinstance(network, Graph) and input_shape is None:
        return network
    return graphs.read(network, input_shape=input_shape)  # type: ignore[attr-defined]


def _of_run(folder: Path) -> Graph:
    """The network of a run folder."""
    from ..runs import Run
    from ..runs.own_code import teach

    found = Run.open(folder).read_json("graph.json")
    teach(folder, found)
    return Graph.from_json(found)
