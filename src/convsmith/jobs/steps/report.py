"""Step 7: the figures together, the model card, and the page that shows it all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..running.job import AnyJob
from .full import Final
from .pretrained.probe import FILE as ARMS

RESULT = (
    "test_accuracy", "interval", "tta", "params", "macs", "weight_bytes", "latency_ms",
    "budget_kept",
)  # fmt: skip


def report(
    job: AnyJob, finals: Mapping[str, Final], metrics: Mapping[str, Any], exported: Mapping[str, Any]
) -> dict[str, Any]:
    """Write metrics.json, result.json (what ``--json`` prints), README.md and report.html."""
    from ...reports import card
    from ...reports import report as write_page

    graph = finals["winner"].graph
    costs = job.budget.figures(graph) | {"latency_ms": exported.get("table_ms", exported["latency_ms"])}
    budget = {
        name: {"limit": limit, "value": costs[name], "kept": costs[name] <= limit}
        for name, limit in job.budget.limits.items()
    }
    kept = {"budget": budget, "budget_kept": all(item["kept"] for item in budget.values())} if budget else {}
    seconds = round(job.clock.seconds, 1)
    metrics = {
        **metrics,
        "params": graph.params,
        "macs": graph.macs,
        "weight_bytes": None if graph.params is None else 4 * graph.params,
        "memory_bytes": costs["memory"],
        "latency_ms": exported["latency_ms"],
        **kept,
        "seconds": seconds,
    }
    job.run.write_json("metrics.json", metrics)
    baselines = metrics["baselines"]
    said = {name: metrics[name] for name in RESULT if name in metrics}
    said["baselines"] = {
        name: baselines[name]["test_accuracy"] if name in baselines else None
        for name in ("random", "largest", *(("fits",) if "fits" in baselines else ()))
    }
    if job.run.has(ARMS) and job.run.read_json(ARMS)["arm"] == "pretrained":
        said["no_search"] = job.run.read_json(ARMS)["why"]
    said |= _weakness(job, metrics) | _int8(job)
    job.run.write_json("result.json", {"run": str(job.run.path), **said, "seconds": seconds})
    card(job.run.path)
    page = write_page(job.run.path)
    job.display.say(f"report: {page}")
    return metrics


def _int8(job: AnyJob) -> dict[str, Any]:
    """What is said of the int8 file, where there is one."""
    from ..device_export import FILE

    if not job.run.has(FILE):
        return {}
    row = job.run.read_json(FILE)["files"][0]
    memory = sum(row["arena"].values())
    return {"int8": {"bytes": row["bytes"], "memory": memory, "test_accuracy": row["accuracy"]}}


def _weakness(job: AnyJob, metrics: dict[str, Any]) -> dict[str, str]:
    """What the command says first where the network is not better than the commonest class; else nothing."""
    from ...reports import verdict

    counts = [(row["class"], row["n"]) for row in metrics["per_class"]]
    weak = verdict.not_better(metrics["test_accuracy"], metrics["interval"], counts)
    if not weak:
        return {}
    return {"weak": weak, "next": verdict.next_command(job.run.kind, job.recipe, job.run.path)}
