"""Latency: real runs, and runs whose clocks are planted."""

from __future__ import annotations

import numpy as np
import pytest

from convsmith.errors import BadInput
from convsmith.formats import latency
from convsmith.formats.latency import latency_ms, stand_in
from convsmith.graph import notation as keras
from convsmith.zoo import network


def planted(monkeypatch, walls_ms, owns_ms):
    pair = (np.array(walls_ms) / 1e3, np.array(owns_ms) / 1e3)
    monkeypatch.setattr(latency, "_time", lambda run, runs, seconds: pair)


def test_it_is_measured_and_the_spread_is_in_order():
    found = latency_ms(network("lenet5"), runs=30)
    assert 0 < found.p10_ms <= found.median_ms <= found.p90_ms
    assert (found.runs, found.threads, found.batch) == (30, 1, 1)
    assert found.provider == "CPUExecutionProvider"
    assert found.to_json()["median_ms"] == found.median_ms
    assert "30 runs, 1 thread" in str(found)


def test_a_network_with_a_hundred_times_the_work_takes_longer():
    def wide(filters):
        layers = [keras.layers.Conv2D(filters, 3, padding="same") for _ in range(3)]
        return keras.Sequential([keras.Input((32, 32, 3)), *layers])

    assert latency_ms(wide(64), runs=20).median_ms > 3 * latency_ms(wide(6), runs=20).median_ms


def test_disturbed_runs_are_set_aside(monkeypatch):
    planted(monkeypatch, [1.0] * 30 + [9.0] * 40, [1.0] * 70)
    found = latency_ms(network("lenet5"))
    assert (found.median_ms, found.disturbed, found.runs) == (pytest.approx(1.0), 40, 70)


def test_where_every_run_is_disturbed_the_processor_s_time_counts(monkeypatch):
    planted(monkeypatch, [5.0] * 50, [2.0] * 50)
    found = latency_ms(network("lenet5"))
    assert (found.median_ms, found.disturbed) == (pytest.approx(2.0), 50)


def test_with_more_threads_it_is_the_plain_median(monkeypatch):
    planted(monkeypatch, [1.0, 2.0, 9.0], [1.0, 1.0, 1.0])
    assert latency_ms(network("lenet5"), threads=2).median_ms == pytest.approx(2.0)


def test_stand_in_weights_neither_overflow_nor_vanish():
    from convsmith.engine.lower import lower

    graph = network("course_cnn")
    import torch

    x_NCHW = torch.rand(2, 1, 28, 28) * 255
    module, weights = lower(graph, stand_in(graph)), stand_in(graph)
    assert set(weights) == set(graph.weights)
    with torch.inference_mode():
        out = module.logits(x_NCHW)
    assert 1e-3 < float(out.abs().mean()) < 1e6


def test_errors():
    with pytest.raises(BadInput, match="threads: got 0"):
        latency_ms(network("lenet5"), threads=0)
    x = inputs = keras.Input((None, None, 1))
    with pytest.raises(BadInput, match="input of unknown size"):
        latency_ms(keras.Model(inputs, keras.layers.ReLU()(x)))
