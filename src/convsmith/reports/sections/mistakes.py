"""Where the network is wrong: confidence, kinds of photographs, surest mistakes, doubtful labels, a map."""

from __future__ import annotations

from typing import Any

from .. import charts, words
from ..facts import Facts

TITLE = "Where it is wrong"
FOLDER = "explain/mistakes"
MOST = 12


def build(facts: Facts) -> dict[str, Any] | None:
    """The pictures and the figures that go with them; None where nobody asked."""
    found = facts.found(f"{FOLDER}/mistakes.json")
    if not found:
        return None
    by, by_attribute = found.get("temperature"), found.get("attributes") or {}
    return {
        "images": found["images"],
        "wrong": found["wrong"],
        "part": found["part"],
        "ece": found["calibration"]["ece"],
        "temperature": by,
        "tempered": found["tempered"]["ece"] if by else None,
        "reliability": charts.reliability(found["calibration"], found["tempered"] if by else None, by),
        "attributes": charts.attributes(by_attribute, found["accuracy"]) if by_attribute else None,
        "weakest": _weakest(by_attribute),
        "surest": facts.picture(f"{FOLDER}/surest.png"),
        "pairs": [_pair(facts, row) for row in found["confused"] if row.get("file")],
        "suspected": found["suspected"][:MOST],
        "suspects": len(found["suspected"]),
        "copies": found["copies"][:MOST],
        "copied": len(found["copies"]),
        "embedding": facts.picture(f"{FOLDER}/embedding.png"),
        "way": (found.get("embedding") or {}).get("way"),
        "notes": [str(note) for note in found.get("notes") or ()],
    }


def _pair(facts: Facts, row: dict[str, Any]) -> dict[str, Any]:
    return {
        "picture": facts.picture(f"{FOLDER}/{row['file']}"),
        "true": str(row["true"]),
        "predicted": str(row["predicted"]),
        "count": row["count"],
    }


def _weakest(by: dict[str, Any]) -> str:
    """The fourth of the images, by any attribute, that is least often right."""
    rows = [(row["accuracy"], name, row) for name, parts in by.items() for row in parts]
    if not rows:
        return ""
    accuracy, name, row = min(rows, key=lambda item: item[0])
    return (
        f"{name} from {row['low']:.3g} to {row['high']:.3g}: {words.percent(accuracy)} of {row['n']} images"
    )
