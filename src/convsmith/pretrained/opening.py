"""One door to all published weights that a network may start from."""

from __future__ import annotations

from pathlib import Path

from .source import Source
from .sources import SOURCES, Published


def open_source(name: str) -> Source:
    """Weights to start from, with their network.

    Args:
        name: a name of the table (`convsmith list pretrained`), or NAME=PATH with a file of its weights.

    Returns:
        The source: trunk, weights, cuts, licence, origin.

    Raises:
        BadName: for a name that is not in the table.
        BadInput: for weights that are not on this machine and cannot be fetched, or a file that is damaged or
            another one's.

    Example:
        >>> open_source("efficientnet_lite0").cuts[6].name                                 # doctest: +SKIP
        'block6'
    """
    known, _, path = name.partition("=")
    row = SOURCES[known]
    if row.kind == "package":
        from .package import open_package

        return open_package(known, row, path or None)
    from .applications import open_application

    return open_application(known, row, path or None)


def on_this_machine(row: Published) -> Path | None:
    """The file of a source's weights, where this machine has it. Neither torch nor Keras is imported."""
    if row.kind == "package":
        from .package import package_file

        return package_file(row)
    from .applications import keras_file

    return keras_file(row)


def how_to_get(name: str, row: Published) -> str:
    """What brings a source's weights to this machine."""
    if row.kind == "package":
        from .package import install

        return install(name, row)
    return f"Keras fetches it at first use, or --pretrained {name}={row.file} with the file's path"
