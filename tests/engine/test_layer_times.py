"""Times of layers: each layer that runs has one, with the bound that the roofline gives it."""

from __future__ import annotations

import pytest

from convsmith import ledger
from convsmith.engine.layer_times import Machine, _bound, layer_times
from convsmith.errors import BadInput
from convsmith.graph import Graph
from convsmith.graph import notation as keras


def network() -> Graph:
    x = inputs = keras.Input((16, 16, 3), name="image")
    x = keras.layers.Conv2D(8, 3, activation="relu", name="conv")(x)
    x = keras.layers.Dropout(0.5, name="drop")(x)
    x = keras.layers.Flatten(name="flat")(x)
    return keras.Model(inputs, keras.layers.Dense(4, name="dense")(x))


def test_every_layer_that_runs_is_timed() -> None:
    found = layer_times(network(), seconds=0.001)
    assert list(found) == ["conv", "flat", "dense"]
    assert all(entry["ms"] > 0 and entry["spread"] >= 0 and entry["bound_ms"] > 0 for entry in found.values())


def test_the_bound_is_the_longest_of_three() -> None:
    graph = network()
    conv = graph["conv"]
    macs, moved = 14 * 14 * 8 * 27, 4 * (16 * 16 * 3 + 14 * 14 * 8 + 8 * 28)
    assert _bound(graph, conv, 1, Machine(1e3, 1e12, 1e-9)) == ("compute", 2 * macs / 1e3)
    assert _bound(graph, conv, 1, Machine(1e15, 1e3, 1e-9)) == ("memory", moved / 1e3)
    assert _bound(graph, conv, 1, Machine(1e15, 1e15, 1e-3)) == ("calls", 1e-3)
    assert _bound(graph, conv, 5, Machine(1e3, 1e12, 1e-9))[1] == 5 * 2 * macs / 1e3


def test_the_ledger_shows_them() -> None:
    found = ledger.size(network(), measure=True)
    assert "at best" in found.text
    assert found.to_json()["rows"][1]["measured"]["bound"] in ("compute", "memory", "calls")


def test_unknown_sizes_are_refused() -> None:
    inputs = keras.Input((None, None, 3))
    with pytest.raises(BadInput, match="unknown size"):
        layer_times(keras.Model(inputs, keras.layers.Conv2D(2, 3)(inputs)))
