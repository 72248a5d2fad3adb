"""The margin of a latency table, on machines whose latencies are known: a planted law with planted noise."""

from __future__ import annotations

import json
import math
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convsmith.errors import BadInput
from convsmith.formats import latency, latency_table
from convsmith.formats.calibration import Law, fit_law, margin, shortfalls
from convsmith.formats.latency_blocks import blocks
from convsmith.formats.latency_table import LatencyTable, read_table
from convsmith.jobs.latency_table import latency_table as measure
from convsmith.nas.spaces import space


def networks(rng, count):
    return np.column_stack([rng.uniform(0.1, 3.0, count), rng.integers(5, 40, count)])


def test_a_planted_law_is_found_and_needs_no_margin():
    parts = networks(np.random.default_rng(0), 30)
    law = Law(0.05, 1.4, 0.002)
    took = np.array([law(*row) for row in parts])
    found = fit_law(parts, took)
    assert (found.overhead_ms, found.factor, found.step_ms) == pytest.approx((0.05, 1.4, 0.002))
    assert margin(shortfalls(parts, took)) == (pytest.approx(1.0), 0.95)


def test_new_networks_of_a_noisy_machine_stay_under_the_margin():
    """Over many tables, 95% of the next networks do; without the margin half of them would not."""
    kept, without = [], []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        parts = networks(rng, 70)
        took = np.array([Law(0.05, 1.4, 0.002)(*row) for row in parts]) * np.exp(rng.normal(0, 0.2, 70))
        law = fit_law(parts[:40], took[:40])
        factor, coverage = margin(shortfalls(parts[:40], took[:40]))
        assert coverage == 0.95
        new = np.array([law(*row) for row in parts[40:]])
        kept.append(np.mean(took[40:] <= factor * new))
        without.append(np.mean(took[40:] <= new))
    assert 0.93 <= np.mean(kept) <= 0.97
    assert 0.4 <= np.mean(without) <= 0.65


@given(st.lists(st.floats(0.1, 10), min_size=1, max_size=80), st.floats(0.5, 0.99))
def test_a_margin_covers_its_share_of_what_was_measured(found, wanted):
    factor, coverage = margin(np.array(found), wanted)
    under = sum(one <= factor for one in found)
    assert under >= min(len(found), math.ceil((len(found) + 1) * coverage - 1e-9))
    assert factor >= 1
    assert coverage <= wanted or coverage == len(found) / (len(found) + 1)
    assert factor == 1 or factor in found


@pytest.fixture
def machine(monkeypatch):
    """A machine where every block takes a microsecond for 1,000 multiply-adds, and networks differ by 15%."""

    def us(graph, **_):
        return 2.0 + (graph.macs or 0) / 1e3

    def network_ms(graph, **_):
        whole = sum(us(block.graph()) for block in blocks(graph)) / 1e3
        noise = np.random.default_rng(zlib.crc32(graph.fingerprint.encode())).normal(0, 0.15)
        ms = (0.02 + 1.3 * whole) * math.exp(noise)
        return latency.Latency(ms, ms, ms, 20, 0, 1, 1, "planted")

    monkeypatch.setattr(latency_table, "block_us", us)
    monkeypatch.setattr(latency, "latency_ms", network_ms)
    return network_ms


def test_a_limit_by_the_table_is_kept_on_the_machine_of_the_table(machine, tmp_path):
    path = tmp_path / "table.json"
    told = measure("chain", input_shape=(8, 8, 1), output=str(path), networks=150, minutes=5, quiet=True)
    assert 1.1 < told.margin < 1.6
    assert told.coverage == 0.95
    assert f"a limit counts {told.margin:.3g} times what it says, which 95% of them keep" in told.render(
        "text"
    )
    table, images = read_table(path), space("chain", (8, 8, 1), 10)
    rng = np.random.default_rng(77)
    drawn = [images.graph(images.sample(rng)) for _ in range(150)]
    true = {graph.fingerprint: machine(graph).median_ms for graph in drawn}
    limit = float(np.median(list(true.values())))
    chosen = [graph for graph in drawn if table.at_most_ms(graph) <= limit]
    over = [graph for graph in chosen if true[graph.fingerprint] > limit]
    soft = [graph for graph in drawn if table.latency_ms(graph) <= limit < true[graph.fingerprint]]
    assert len(chosen) > 30
    assert len(over) <= 0.05 * len(chosen)
    assert len(over) < len(soft)
    one = chosen[0]
    assert table.told(one) == (
        f"predicted {table.latency_ms(one):.3g} ms, at most {told.margin * table.latency_ms(one):.3g} ms "
        "in 95% of measured networks"
    )


def table_as_json(**changes):
    row = {"kind": "Dense", "traits": [1.0, 2.0, 3.0], "us": 4.0}
    whole = {
        "format": 1, "space": "chain", "input_shape": [8, 8, 1], "classes": 3, "machine": "m",
        "threads": 1, "batch": 1, "rows": {"a": row}, "overhead_ms": 0.1, "factor": 1.2, "step_ms": -0.001,
        "error": 0.1, "worst": 0.3,
    }  # fmt: skip
    return whole | changes


def test_a_table_of_before_is_read_and_has_no_margin(tmp_path):
    path = tmp_path / "old.json"
    path.write_text(json.dumps(table_as_json()))
    table = read_table(path)
    assert (table.margin, table.coverage) == (None, None)
    images = space("chain", (8, 8, 1), 3)
    table = LatencyTable("chain", (8, 8, 1), 3, "m", factor=2.0)
    graph = images.graph(images.sample(np.random.default_rng(0)))
    table.rows = {block.key: {"kind": block.kind, "traits": [0] * 3, "us": 3.0} for block in blocks(graph)}
    assert table.at_most_ms(graph) == table.latency_ms(graph)
    assert "at most" not in table.told(graph)


@pytest.mark.parametrize(
    "change",
    [
        {"margin": 0.5}, {"margin": 1e9}, {"margin": True}, {"margin": "2"}, {"margin": float("nan")},
        {"coverage": 0}, {"coverage": 2}, {"factor": -1}, {"factor": float("inf")}, {"step_ms": 1e9},
        {"overhead_ms": None}, {"classes": 2.5}, {"threads": 0}, {"batch": 10**9}, {"space": 3},
        {"machine": "m" * 2000}, {"input_shape": [8, 8]}, {"input_shape": [8, -8, 1]}, {"input_shape": 3},
        {"rows": [1]}, {"rows": {"a": {"kind": "Dense", "traits": [1, 2, 3], "us": -1}}},
        {"rows": {"a": {"kind": " ", "traits": [1, 2, 3], "us": 1}}},
        {"rows": {"a": {"kind": "Dense", "traits": [1, 2, 1e300], "us": 1}}},
        {"rows": {"a": {"kind": "Dense", "traits": [1, 2], "us": 1}}}, {"rows": {"a": {"us": 1}}},
        {"wrong": 1},
    ],
)  # fmt: skip
def test_fields_out_of_their_bounds_are_one_line(change, tmp_path):
    path = tmp_path / "table.json"
    path.write_text(json.dumps(table_as_json(**change)))
    with pytest.raises(BadInput, match=r"latency table .*: is not one \(") as found:
        read_table(path)
    assert "\n" not in str(found.value)


def test_errors_count_by_their_share_and_no_network_predicts_itself():
    """By hand: least squares of relative errors, and each network by the law of all the others."""
    rng = np.random.default_rng(3)
    parts = np.column_stack([rng.uniform(0.01, 50, 12), rng.integers(3, 40, 12)])
    took = (0.2 + 1.5 * parts[:, 0] + 0.01 * parts[:, 1]) * rng.uniform(0.8, 1.25, 12)

    def literal(rows):
        x = np.column_stack([np.ones(len(rows)), parts[rows]]) / took[rows, None]
        return np.linalg.solve(x.T @ x, x.sum(0))

    law = fit_law(parts, took)
    whole = literal(list(range(12)))
    assert (law.overhead_ms, law.factor, law.step_ms) == pytest.approx(tuple(whole), rel=1e-6)
    found = shortfalls(parts, took)
    for place in range(12):
        overhead, factor, step = literal([row for row in range(12) if row != place])
        said = max(overhead + factor * parts[place, 0] + step * parts[place, 1], 0.2 * parts[place, 0])
        assert found[place] == pytest.approx(took[place] / said, rel=1e-6)
