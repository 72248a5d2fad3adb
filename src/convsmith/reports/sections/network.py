"""The network: its layers with shapes, parameters and multiply-adds, each with its formula, and a drawing."""

from __future__ import annotations

import base64
from typing import Any

from ...errors import BadInput
from ...graph import Graph
from ...graph.head import other_head
from ...graph.picture.draw import draw
from ...ledger import Ledger, Row, size
from .. import words
from ..facts import Facts, Picture

TITLE = "The network"


def build(facts: Facts) -> dict[str, Any] | None:
    """The ledger of the network, layer by layer."""
    graph = facts.graph
    if graph is None:
        return None
    ledger: Ledger = size(graph)  # type: ignore[arg-type]
    most = max([1, *(row.macs or 0 for row in ledger.rows)])
    return {
        "name": graph.name,
        "rows": [_row(row, most) for row in ledger.rows],
        "totals": ledger.totals,
        "notes": ledger.notes[1:],
        "changed": _changed(facts, graph),
        "drawing": _drawing(graph),
        "as_text": draw(graph).text,
    }


def _changed(facts: Facts, graph: Graph) -> str:
    """What was changed of a network that was given as a file or in Python."""
    given = facts.recipe.get("network")
    if not isinstance(given, dict):
        return ""
    try:
        return other_head(Graph.from_json(given), graph)
    except BadInput:  # of another version: the network that was trained is shown all the same
        return ""


def _drawing(graph: Graph) -> Picture:
    """The drawing as an image of its own, so that its style and the page's leave each other alone."""
    return Picture(f"data:image/svg+xml;base64,{base64.b64encode(draw(graph).svg.encode()).decode()}")


def _row(row: Row, most: int) -> dict[str, Any]:
    formula, field = row.formula, row.receptive_field
    return {
        "name": row.name,
        "kind": row.label,
        "after": words.listed(list(row.node.inputs)),
        "shape": _shape(row.output_shape),
        "field": "all" if field.whole else _shape(field.size),
        "params": row.params,
        "params_formula": formula.params.rpartition(" = ")[0] or formula.params,
        "macs": row.macs,
        "macs_formula": formula.macs.rpartition(" = ")[0] or formula.macs,
        "share": (row.macs or 0) / most,
    }


def _shape(shape: tuple[int | None, ...]) -> str:
    return "×".join("?" if item is None else str(item) for item in shape)
