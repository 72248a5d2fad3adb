"""One door to all weights that a network may start from."""

from __future__ import annotations

from .package import open_package
from .source import Source
from .sources import SOURCES


def open_source(name: str) -> Source:
    """Weights to start from, with their network.

    Args:
        name: a name of the table (`convsmith list pretrained`), or NAME=PATH with a file of its weights.

    Returns:
        The source: trunk, weights, cuts, licence, origin.

    Raises:
        BadName: for a name that is not in the table.
        BadInput: for weights that are not on this machine, or a file that is damaged or another one.

    Example:
        >>> open_source("efficientnet_lite0").cuts[6].name                                 # doctest: +SKIP
        'block6'
    """
    known, _, path = name.partition("=")
    return open_package(known, SOURCES[known], path or None)
