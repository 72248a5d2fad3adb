"""Other days: labelled sets that the network was judged on since, beside its own test."""

from __future__ import annotations

from typing import Any

from ..facts import Facts

TITLE = "On other days"
FOLDER = "evaluations"
MOST, CLASSES = 12, 8
"""Evaluations, and classes of each, that are shown."""


def build(facts: Facts) -> dict[str, Any] | None:
    """A row for each evaluation, the newest first, and what each has to say; None where there is none."""
    names = [path.name for path in (facts.path / FOLDER).glob("*.json")]
    found = [one for name in sorted(names) if (one := facts.found(f"{FOLDER}/{name}"))]
    if not found:
        return None
    found.sort(key=lambda one: str(one["created"]), reverse=True)
    return {"rows": [_row(one) for one in found[:MOST]], "left_out": len(found) - MOST}


def _row(found: dict[str, Any]) -> dict[str, Any]:
    answers, against = found["answers"], found["against"] or {}
    classes = sorted((row for row in found["per_class"] if row["n"]), key=lambda row: row["recall"])
    return {
        "name": str(found["name"]),
        "source": str(found["source"]).rstrip("/").rsplit("/", 1)[-1],
        "created": str(found["created"])[:10],
        "images": found["images"],
        "accuracy": found["accuracy"],
        "interval": found["interval"],
        "difference": against.get("difference"),
        "p": against.get("p"),
        "test": str(against.get("test", "")),
        "sure": bool(against.get("more_than_chance")),
        "ece": answers["ece"],
        "calibrated": answers["calibrated_ece"],
        "rejected": answers.get("rejected"),
        "answered": answers.get("answered_accuracy"),
        "classes": [
            {name: row[name] for name in ("class", "n", "correct", "recall", "interval", "precision")}
            for row in classes[:CLASSES]
        ],
        "confused": [
            {"count": row["count"], "true": str(row["true"]), "predicted": str(row["predicted"])}
            for row in found["confused"][:CLASSES]
        ],
        "moved": [row for row in found["moved"] if row["more_than_chance"]][:CLASSES],
        "drift": [{"name": name, **row} for name, row in (found["drift"] or {}).items()],
        "shares": [
            row
            for row in found["shares"] or ()
            if not row["interval"][0] <= row["then"] <= row["interval"][1]
        ][:CLASSES],
        "notes": [str(note) for note in found["notes"]],
    }
