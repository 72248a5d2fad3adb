"""The door to the zoo: networks by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..graph import Graph
from ..registry import Registry

NETWORKS: Registry[Callable[..., Graph]] = Registry("network", package="convsmith.zoo")


def network(name: str, input_shape: Sequence[int] | None = None, classes: int | None = None) -> Graph:
    """The network of that name as a Graph.

    Args:
        name: e.g. ``"lenet5"``; `NETWORKS` lists them.
        input_shape: rows, columns, channels; the network's own without it.
        classes: how many classes; the network's own without it.

    Raises:
        BadName: for an unknown name, with the nearest one.

    Example:
        >>> network("lenet5").params
        61706
    """
    settings: dict[str, Any] = {}
    if input_shape is not None:
        settings["input_shape"] = tuple(input_shape)
    if classes is not None:
        settings["classes"] = classes
    return NETWORKS[name](**settings)
