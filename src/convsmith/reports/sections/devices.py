"""Files for devices and pages: bytes, accuracy, memory and time of each that was exported."""

from __future__ import annotations

from typing import Any

from ...units import show_bytes
from .. import words
from ..facts import Facts

TITLE = "Files for devices and browsers"


def build(facts: Facts) -> dict[str, Any] | None:
    """A row for each file; None where none was exported."""
    rows = facts.found("exports.json").get("files") or []
    return {"rows": [_row(row) for row in rows]} if rows else None


def _row(row: dict[str, Any]) -> dict[str, Any]:
    arena, each = row.get("arena") or {}, row.get("milliseconds")
    compared = "accuracy" in row
    return {
        "file": row["file"],
        "precision": row["precision"],
        "bytes": show_bytes(row["bytes"]),
        "memory": show_bytes(sum(arena.values())) if arena else "–",
        "accuracy": words.percent(row["accuracy"]) if compared else "–",
        "interval": words.span(row["interval"]) if compared else "",
        "engine": words.percent(row["engine_accuracy"]) if compared else "–",
        "n": row.get("n_checked"),
        "by": row.get("checked_by"),
        "other": f"{row['disagreements']:,}" if compared else "–",
        "difference": f"{row['largest_difference']:.2g}" if compared else "–",
        "time": f"{each:.3g} ms" if each is not None else "–",
    }
