"""Layers that exporters write as several operators, put together again."""

from __future__ import annotations

from typing import Any

from ..graph import Graph


def recognised(graph: Graph, arrays: dict[str, Any]) -> Graph:
    """The network with the layers that it was made of."""
    return graph
