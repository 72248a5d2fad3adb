"""What each unit does: the first filters, and contact sheets of the layers that were looked at closely."""

from __future__ import annotations

from typing import Any

from ..facts import Facts

TITLE = "What its units do"
FOLDER = "explain/units"


def build(facts: Facts) -> dict[str, Any] | None:
    """The sheets with images made by optimisation, or the first, middle and last; None where nobody asked."""
    found = facts.found(f"{FOLDER}/units.json")
    layers = found.get("layers") or []
    if not layers:
        return None
    close = [one for one in layers if one.get("made") or one.get("off")]
    if not close:
        close = list(
            {one["layer"]: one for one in (layers[0], layers[len(layers) // 2], layers[-1])}.values()
        )
    return {
        "images": found["images"],
        "made": found["made"],
        "filters": facts.picture(f"{FOLDER}/filters.png"),
        "rows": [_row(one) for one in layers],
        "sheets": [_sheet(facts, one) for one in close],
        "missed": any(one.get("off") for one in close),
        "notes": [str(note) for note in found.get("notes") or ()],
    }


def _sheet(facts: Facts, one: dict[str, Any]) -> tuple[str, str, Any]:
    file = f"{FOLDER}/{one['sheet']}"
    return one["layer"], file, facts.picture(file)


def _row(one: dict[str, Any]) -> dict[str, Any]:
    changes = [row["accuracy"] for row in one.get("off") or ()]
    return {
        "layer": one["layer"],
        "units": len(one["units"]),
        "dead": len(one["dead"]),
        "twins": len(one["twins"]),
        "worst": min(changes) if changes else None,
    }
