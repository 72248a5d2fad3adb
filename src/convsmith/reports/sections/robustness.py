"""Accuracy on spoiled images: by kind of harm and severity, with a picture of each."""

from __future__ import annotations

from typing import Any

from .. import words
from ..facts import Facts
from ..lines import TONES, Line, against

TITLE = "Spoiled images"
FOLDER = "explain/robustness"
GROUPS = {
    "noise": "noise",
    "blur": "blur",
    "light": "light",
    "place": "shift, turn",
    "storage": "storage",
}


def build(facts: Facts) -> dict[str, Any] | None:
    """The mean figures, a plot by group and a row for each corruption; None where it was not measured."""
    found = facts.found(f"{FOLDER}/robustness.json")
    rows = found.get("corruptions") or []
    if not rows:
        return None
    clean = float(found["clean"]["accuracy"])
    worst = min(rows, key=lambda row: row["mean"])
    return {
        "n": found["n"],
        "clean": clean,
        "interval": found["clean"]["interval"],
        "mean": float(found["mean_accuracy"]),
        "error": float(found["mean_error"]),
        "relative": float(found["relative_error"]),
        "kept": found.get("kept"),
        "constants": found.get("constants"),
        "worst": _name(worst["name"]),
        "worst_mean": worst["mean"],
        "shown": found.get("shown") or {},
        "rows": [_row(facts, row, clean) for row in rows],
        "plot": _plot(rows, clean),
    }


def _row(facts: Facts, row: dict[str, Any], clean: float) -> dict[str, Any]:
    return {
        "name": _name(row["name"]),
        "unit": row["unit"],
        "picture": facts.picture(f"{FOLDER}/{row.get('file')}"),
        "mean": row["mean"],
        "cells": [
            {
                "accuracy": one["accuracy"],
                "title": f"{one['constant']:g}: {row['unit']}; 95% interval {words.span(one['interval'])}",
                "depth": f"{0.75 * max(0.0, 1 - one['accuracy'] / clean) if clean else 0:.2f}",
            }
            for one in row["severities"]
        ],
    }


def _plot(rows: list[dict[str, Any]], clean: float) -> Any:
    """The mean of each group at each severity, from clean images on."""
    lines: list[Line] = []
    for tone, (group, called) in zip(TONES, GROUPS.items(), strict=True):
        inside = [row for row in rows if row["group"] == group]
        if inside:
            pairs = [(0.0, clean)]
            for place in range(5):
                pairs.append(
                    (place + 1.0, sum(row["severities"][place]["accuracy"] for row in inside) / len(inside))
                )
            lines.append((called, tone, pairs))
    if not lines:
        return None
    said = "; ".join(f"{name} ends at {pairs[-1][1]:.1%}" for name, _, pairs in lines)
    ticks = [(0.0, "clean"), *((float(k), str(k)) for k in range(1, 6))]
    return against(lines, ticks, x_title="severity", label=f"Mean accuracy by kind of harm: {said}")


def _name(name: str) -> str:
    return name.replace("_", " ")
