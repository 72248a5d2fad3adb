"""What came out: accuracy, size, and whether the budget was kept."""

from __future__ import annotations

from typing import Any

from .. import verdict, words
from ..facts import Facts

TITLE = "What came out"
_METRIC = {"bytes": "weight_bytes", "memory": "memory_bytes"}


def title(facts: Facts) -> str:
    """The page's title."""
    return f"A network for {facts.source}" if facts.source else "A network"


def build(facts: Facts) -> dict[str, Any]:
    """The title, the accuracy, and a row for each budgeted quantity."""
    metrics = facts.metrics
    rows = [row for name in words.QUANTITIES if (row := _row(name, metrics, facts))]
    kept = metrics.get("budget_kept")
    if kept is None and any(row["limit"] for row in rows):
        kept = all(row["kept"] for row in rows if row["limit"])
    return {
        "title": title(facts),
        "accuracy": metrics.get("test_accuracy"),
        "interval": metrics.get("interval"),
        "n_test": metrics.get("n_test"),
        "chance": _chance(facts),
        "weak": _weak(facts),
        "next": verdict.next_command(str(facts.run.get("kind")), facts.recipe, facts.path),
        "rows": rows,
        "kept": kept,
        "broken": words.listed([row["label"] for row in rows if row["kept"] is False]),
        "finished": bool(facts.run.get("finished") or metrics.get("test_accuracy") is not None)
        or not facts.run,
        "kind": facts.run.get("kind"),
        "created": str(facts.run.get("created") or "")[:16].replace("T", " "),
        "seconds": metrics.get("seconds"),
        "folder": facts.path.resolve().name,
    }


def _row(name: str, metrics: dict[str, Any], facts: Facts) -> dict[str, Any] | None:
    budget = (metrics.get("budget") or {}).get(name) or {}
    value = budget.get("value", metrics.get(_METRIC.get(name, name)))
    if value is None and facts.graph is not None:
        value = {"params": facts.graph.params, "macs": facts.graph.macs}.get(name)
    if value is None:
        return None
    limit = budget.get("limit")
    exact = f"{value:,}" if isinstance(value, int) else None
    return {
        "name": name,
        "label": words.QUANTITIES[name],
        "value": words.quantity(name, value),
        "exact": exact,
        "limit": words.quantity(name, limit) if limit else None,
        "share": value / limit if limit else None,
        "kept": budget.get("kept", value <= limit) if limit else None,
    }


def _weak(facts: Facts) -> str:
    """What to say first where the network is not better than always naming the commonest class."""
    metrics = facts.metrics
    if metrics.get("test_accuracy") is None or not metrics.get("interval"):
        return ""
    counts = [(str(row.get("class")), row.get("n", 0)) for row in metrics.get("per_class") or ()]
    return verdict.not_better(metrics["test_accuracy"], metrics["interval"], counts)


def _chance(facts: Facts) -> float | None:
    """The accuracy of always naming the most frequent class."""
    counts = [row.get("n", 0) for row in facts.metrics.get("per_class") or ()]
    return max(counts) / sum(counts) if sum(counts) else None
