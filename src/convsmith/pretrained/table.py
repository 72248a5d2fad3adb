"""The table of published weights as a person reads it: what each costs, how good, whose, and whether here."""

from __future__ import annotations

from typing import Any

from ..zoo import network
from .cuts import block_ends, upto
from .package import BLOCKS, install, package_file
from .sources import SOURCES


def table() -> dict[str, dict[str, Any]]:
    """Every published source by name.

    Returns:
        Name -> network, params (with the classifier), trunk_params (without it), macs (at the published
        size), top1 (per cent), side (pixels), licence, commercial, origin, bytes, here (whether its file is
        on this machine), get (how it comes here).

    Example:
        >>> row = table()["efficientnet_lite0"]
        >>> row["params"], row["trunk_params"], row["top1"], row["side"]
        (4694024, 3413024, 75.1, 224)
    """
    found = {}
    for name, row in SOURCES.items():
        graph = network(row.network, (row.side, row.side, 3))
        trunk = upto(graph, block_ends(graph, BLOCKS)[-1].node, graph.name)
        found[name] = {
            "network": row.network, "params": graph.params, "trunk_params": trunk.params,
            "macs": graph.macs, "top1": row.top1, "side": row.side, "licence": row.licence,
            "commercial": row.commercial, "origin": row.origin, "bytes": row.bytes,
            "here": package_file(row) is not None, "get": install(name, row),
        }  # fmt: skip
    return found
