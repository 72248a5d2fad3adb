"""Options of latency and memory: contradictions are said before anything is read; a table is the limit."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from convsmith.errors import BadInput
from convsmith.formats.latency_table import read_table
from convsmith.jobs.forge import forge
from convsmith.jobs.latency_table import latency_table


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"latency_batch": 4}, "--latency-batch: given without a limit on latency"),
        ({"latency_table": "t.json"}, "--latency-table: given without a limit on latency"),
        ({"max_latency_ms": 2, "latency_batch": 4, "latency_table": "t.json"}, "both were given"),
        ({"max_latency_ms": 2, "latency_table": "none.json"}, "latency table none.json: cannot be read"),
        ({"max_latency_ms": 2, "latency_batch": 0}, "--latency-batch: got 0"),
        ({"memory_model": "fused"}, "--memory-model: given without a limit on memory"),
        ({"max_memory": 10_000, "memory_model": "fusd"}, "did you mean 'fused'"),
        ({"space": "none.py:mine"}, "there is no file none.py"),
        ({"max_params": 0}, "--max-params: got 0"),
    ],
)
def test_contradictions(options, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadInput, match=said):
        forge("digits", **({"max_params": 5_000, "trials": 2, "quiet": True} | options))
    assert list(tmp_path.iterdir()) == []  # no run was begun


def test_a_search_keeps_a_limit_of_a_table(tmp_path):
    """The table, not this machine, decides: planted times of 50 microseconds a block allow few blocks."""
    path = tmp_path / "slow.json"
    latency_table(
        "chain", input_shape=(8, 8, 1), classes=10, output=str(path), networks=6, minutes=0.2, quiet=True
    )
    table = read_table(path)
    for row in table.rows.values():
        row["us"] = 50.0
    table.overhead_ms, table.factor, table.step_ms = 0.0, 1.0, 0.0
    table.margin, table.coverage = 1.1, 0.95
    table.write(path)
    run = forge(
        "digits", space="chain", max_latency_ms=0.6, latency_table=str(path), trials=2, epochs=2,
        runs=str(tmp_path / "runs"), quiet=True,
    )  # fmt: skip
    lines = (run.path / "trials.jsonl").read_text().splitlines()
    times = [json.loads(line)["latency_ms"] for line in lines if json.loads(line)["status"] == "ok"]
    assert times
    assert max(times) <= 0.6
    assert all(time == pytest.approx(1.1 * 0.05 * round(time / 0.055)) for time in times)  # with the margin
    metrics = json.loads((run.path / "metrics.json").read_text())
    assert metrics["budget"]["latency_ms"]["value"] <= 0.6
    assert metrics["budget_kept"]
    exported = json.loads((run.path / "export.json").read_text())
    assert exported["table_told"].endswith("ms in 95% of measured networks")
    assert exported["table_told"] in (run.path / "report.html").read_text()
    with pytest.raises(BadInput, match="--latency-table: is of space chain"):
        forge(
            "digits", space="stages", max_latency_ms=0.45, latency_table=str(path), trials=2, quiet=True,
            runs=str(tmp_path / "more"),
        )  # fmt: skip


def test_threads_are_timed_on_a_network_that_keeps_the_limit(monkeypatch: Any) -> None:
    """Nothing over the budget is trained, not even to see how fast this machine is."""
    import numpy as np

    from convsmith.jobs.steps import search as step
    from convsmith.ledger.budget import Budget
    from convsmith.ledger.effort import effort
    from convsmith.nas.spaces import space

    timed: list[Any] = []

    def note(run: Any, asked: Any, graph: Any, x: Any, y: Any) -> int:
        timed.append(graph)
        return 1

    monkeypatch.setattr(step, "set_threads", note)
    job = SimpleNamespace(
        options=SimpleNamespace(threads=None, plan=None, seed=0), budget=Budget(latency_ms=1.0), run=None,
        part=lambda name: (np.zeros((4, 32, 32, 3)), np.zeros(4)),
        display=SimpleNamespace(say=lambda line: None),
    )  # fmt: skip
    images = space("stages", (32, 32, 3), 10)
    middle = effort(images.graph(images.complete({})))

    def milliseconds(graph: Any) -> float:
        return 2.0 * effort(graph) / middle  # the middle of the space is over the limit

    step._set_threads(job, images, milliseconds)
    assert [milliseconds(graph) <= 1.0 for graph in timed] == [True]
