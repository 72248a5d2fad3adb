"""The test: how often each class is recognised, and which classes are taken for which."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from ..facts import Facts
from ..svg import strip, tag

TITLE = "The test"
MOST_CELLS = 24  # classes up to which a confusion matrix is a table with a number in each cell
MIXED = 12


def build(facts: Facts) -> dict[str, Any] | None:
    """Per-class figures, the confusion matrix, the pairs most often confused."""
    per_class = facts.metrics.get("per_class") or []
    confusion = facts.metrics.get("confusion") or []
    if not per_class and not confusion:
        return None
    names = facts.classes
    if len(names) != len(confusion):
        named = [str(row.get("class")) for row in per_class]
        names = named if len(named) == len(confusion) else [str(k) for k in range(len(confusion))]
    ends = [row["interval"][0] for row in per_class if row.get("interval")]
    start = int(min(ends, default=0.0) * 10) / 10
    rows = [_class_row(row, start) for row in per_class]
    rows.sort(key=lambda row: (row["recall"] is None, row["recall"] if row["recall"] is not None else 0))
    small = len(confusion) <= MOST_CELLS
    return {
        "rows": rows,
        "start": round(start * 100),
        "cells": _cells(confusion, names) if confusion and small else [],
        "names": names,
        "turned": any(len(name) > 4 for name in names),
        "big": len(names) > (6 if any(len(name) > 4 for name in names) else 12),
        "map": _map(confusion, names) if confusion and not small else None,
        "mixed": _mixed(confusion, names),
        "n_test": facts.metrics.get("n_test"),
        "views": facts.metrics.get("tta"),
        "balanced": facts.metrics.get("balanced_accuracy"),
        "errors": sum(n for i, row in enumerate(confusion) for j, n in enumerate(row) if i != j),
    }


def _class_row(row: dict[str, Any], start: float) -> dict[str, Any]:
    interval, recall = row.get("interval"), row.get("recall")
    drawn = strip(recall, interval[0], interval[1], start=start) if interval and recall is not None else None
    return {
        "name": str(row.get("class")),
        "n": row.get("n"),
        "correct": row.get("correct"),
        "recall": recall,
        "precision": row.get("precision"),
        "interval": interval,
        "strip": drawn,
    }


def _depth(count: int, total: int, *, right: bool) -> float:
    """How dark a cell is; one wrong image stays visible beside hundreds of right ones."""
    if not count or not total:
        return 0.0
    share = count / total
    return round(0.1 + 0.5 * share if right else 0.12 + 0.7 * share**0.5, 3)


def _cells(confusion: list[list[int]], names: list[str]) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "total": sum(row),
            "cells": [
                {"count": n, "right": i == j, "depth": _depth(n, sum(row), right=i == j)}
                for j, n in enumerate(row)
            ],
        }
        for i, (name, row) in enumerate(zip(names, confusion, strict=True))
    ]


def _map(confusion: list[list[int]], names: list[str]) -> Markup:
    """The matrix of many classes as a picture: rows are true classes, columns predicted ones."""
    many = len(confusion)
    side, left = max(7.0, 660 / many), 0.0
    size = side * many
    longest = max(len(name) for name in names)
    named = side >= 8
    if named:
        left = min(150.0, 6 + longest * min(side * 0.5, 6))
    parts = [
        tag("title", f"Confusion matrix of {many} classes"),
        tag("rect", x=left, y=0, width=size, height=size, class_="ground"),
    ]
    for i, row in enumerate(confusion):
        if named:
            y = (i + 0.5) * side + side * 0.25
            clipped = names[i] if len(names[i]) <= 24 else f"{names[i][:23]}…"
            parts.append(
                tag("text", clipped, x=left - 4, y=y, text_anchor="end", font_size=min(side * 0.85, 11))
            )
        for j, n in enumerate(row):
            if n:
                kind = "right" if i == j else "wrong"
                said = f"{n} of {sum(row)} {names[i]} taken for {names[j]}"
                parts.append(
                    tag(
                        "rect",
                        tag("title", said),
                        x=left + j * side,
                        y=i * side,
                        width=side - 0.6,
                        height=side - 0.6,
                        class_=kind,
                        fill_opacity=min(1.0, _depth(n, sum(row), right=i == j) + 0.25),
                    )
                )
    label = f"Confusion matrix of {many} classes: true classes down, predicted classes across"
    return tag(
        "svg",
        *parts,
        viewBox=f"0 0 {left + size:.0f} {size:.0f}",
        role="img",
        aria_label=label,
        class_="map",
    )


def _mixed(confusion: list[list[int]], names: list[str]) -> list[dict[str, Any]]:
    """The pairs most often confused, most frequent first."""
    pairs = [
        (n, sum(row), names[i], names[j])
        for i, row in enumerate(confusion)
        for j, n in enumerate(row)
        if i != j and n
    ]
    pairs.sort(key=lambda pair: (-pair[0], -pair[0] / pair[1]))
    return [{"count": n, "of": of, "true": true, "predicted": said} for n, of, true, said in pairs[:MIXED]]
