"""forge with a budget in int8: the run ends with the file, within the budget, beside the engine."""

from __future__ import annotations

import json

import pytest

import convsmith as cs
from convsmith.errors import BadInput


def test_forge_ends_with_an_int8_file_within_the_budget(tmp_path):
    done = cs.forge(
        "digits", max_bytes=12_000, max_memory=16_000, precision="int8", trials=2, epochs=1, threads=1,
        runs=str(tmp_path), quiet=True,
    )  # fmt: skip
    (row,) = json.loads((done.path / "exports.json").read_text())["files"]
    content = (done.path / "model.tflite").read_bytes()
    assert content[4:8] == b"TFL3"
    assert len(content) == row["bytes"] <= 12_000
    assert sum(row["arena"].values()) <= 16_000
    assert abs(row["accuracy"] - done.test_accuracy) < 0.05
    assert "in int8" in done.render("text")
    assert "model.tflite" in (done.path / "report.html").read_text()
    trials = [json.loads(line) for line in (done.path / "trials.jsonl").read_text().splitlines()]
    assert all(trial["bytes"] <= 12_000 for trial in trials if trial["status"] == "done")
    metrics = json.loads((done.path / "metrics.json").read_text())
    assert metrics["budget"]["bytes"]["value"] >= len(content)
    assert metrics["weight_bytes"] == 4 * metrics["params"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"memory_model": "fused", "max_memory": 10_000}, "--memory-model: given with --precision int8"),
        ({"max_latency_ms": 2.0}, "--max-latency-ms: given with --precision int8"),
    ],
)
def test_options_that_mean_nothing_in_int8(options, said, tmp_path):
    with pytest.raises(BadInput, match=said):
        cs.forge("digits", precision="int8", runs=str(tmp_path), quiet=True, **options)
    with pytest.raises(BadInput, match="no 'int9'; did you mean 'int8'"):
        cs.forge("digits", precision="int9", max_params=1000, runs=str(tmp_path), quiet=True)
    assert list(tmp_path.iterdir()) == []
