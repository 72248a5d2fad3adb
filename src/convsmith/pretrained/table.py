"""The table of published weights as a person reads it: what each costs, how good, whose, and whether here."""

from __future__ import annotations

from typing import Any

from ..zoo import network
from .cuts import block_ends, upto
from .opening import how_to_get, on_this_machine
from .package import BLOCKS
from .sources import SOURCES, Published


def table() -> dict[str, dict[str, Any]]:
    """Every published source by name.

    Returns:
        Name -> network, params (with the classifier), trunk_params (without it), macs (at the published
        size), top1 (per cent), side (pixels), published (who says so), licence, commercial, origin, bytes (of
        the file), bytes_exact (whether that is known, and not 4 for each parameter of the trunk), checked
        (whether a checksum of the file is known beforehand), here (whether its file is on this machine), get
        (how it comes here).

    Example:
        >>> row = table()["efficientnet_lite0"]
        >>> row["params"], row["trunk_params"], row["top1"], row["side"]
        (4694024, 3413024, 75.1, 224)
    """
    found = {}
    for name, row in SOURCES.items():
        params, trunk_params, macs = _counted(row)
        found[name] = {
            "network": row.network, "params": params, "trunk_params": trunk_params, "macs": macs,
            "top1": row.top1, "side": row.side, "published": row.published, "licence": row.licence,
            "commercial": row.commercial, "origin": row.origin, "bytes": row.bytes or 4 * (trunk_params or 0),
            "bytes_exact": row.bytes is not None, "checked": row.checked,
            "here": on_this_machine(row) is not None, "get": how_to_get(name, row),
        }  # fmt: skip
    return found


def _counted(row: Published) -> tuple[int | None, int | None, int | None]:
    """Parameters with and without the classifier, and multiply-adds at the published size."""
    if row.counts is not None:
        return row.counts
    graph = network(row.network, (row.side, row.side, 3))
    trunk = upto(graph, block_ends(graph, BLOCKS)[-1].node, graph.name)
    return graph.params, trunk.params, graph.macs
