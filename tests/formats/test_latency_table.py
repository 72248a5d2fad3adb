"""Latency from a table: blocks of a network, what is measured, what is estimated, what is refused."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from convsmith.errors import BadInput
from convsmith.formats.latency_blocks import blocks
from convsmith.formats.latency_table import LatencyTable, block_us, read_table
from convsmith.graph import notation as keras
from convsmith.jobs.latency_table import latency_table
from convsmith.nas.spaces import space


def network(width=8, kernel=3, twice=True):
    x = inputs = keras.Input((16, 16, 3))
    for _ in range(2 if twice else 1):
        x = keras.layers.Conv2D(width, kernel, padding="same", use_bias=False)(x)
        x = keras.layers.BatchNormalization()(x)
        x = keras.layers.Activation("relu")(x)
    x = keras.layers.Dropout(0.2)(keras.layers.GlobalAveragePooling2D()(x))
    return keras.Model(inputs, keras.layers.Dense(4, activation="softmax")(x))


def test_blocks_hold_every_layer_that_takes_time_once():
    graph = network()
    found = list(blocks(graph))
    assert [block.nodes[0].kind_name for block in found] == [
        "Conv2D", "Conv2D", "GlobalAveragePooling2D", "Dense"
    ]  # fmt: skip
    assert [node.kind_name for node in found[0].nodes] == ["Conv2D", "BatchNormalization", "Activation"]
    held = {node.name for block in found for node in block.nodes}
    assert {node.kind_name for node in graph.nodes if node.name not in held} == {"InputLayer"}
    assert sum(block.graph().macs for block in found) == graph.macs
    names = {name for block in found for name in block.graph().weights}
    assert sum(math.prod(graph.weights[name].shape) for name in names) == graph.params


def test_a_block_is_the_same_whatever_it_is_called_and_another_with_another_shape():
    first, second = (next(iter(blocks(network(twice=twice)))).key for twice in (True, False))
    assert first == second
    assert next(iter(blocks(network(width=16)))).key != first
    assert next(iter(blocks(network(kernel=5)))).key != first


def test_more_work_takes_more_microseconds():
    small, large = (block_us(list(blocks(network(width)))[1].graph()) for width in (8, 128))
    assert 0 < small < large


def planted(us):
    """A table whose every row follows a law, from networks of some widths."""
    table = LatencyTable("planted", (16, 16, 3), 4, "a machine", overhead_ms=0.01, factor=2.0, step_ms=0.001)
    for width in (4, 8, 16, 32, 64, 128):
        for block in blocks(network(width)):
            row = {"kind": block.kind, "traits": list(block.traits), "us": us(block)}
            table.rows[block.key] = row
    return table


def test_a_network_takes_overhead_and_factor_times_its_blocks():
    table = planted(lambda block: 10.0)
    assert table.latency_ms(network(8)) == pytest.approx(0.01 + 2 * 0.04 + 4 * 0.001)


def test_blocks_between_rows_are_estimated_by_the_planted_law():
    """Time proportional to multiply-adds: a width that no row has is estimated within a tenth."""
    table = planted(lambda block: 1e-3 * (block.nodes[0].kind.macs(*block.shapes) or 500))
    for width in (24, 48, 96):
        block = list(blocks(network(width)))[1]
        truth = 1e-3 * block.nodes[0].kind.macs(*block.shapes)
        only = keras.Model(*_one(width))
        assert table.parts(only)[0] * 1e3 == pytest.approx(truth, rel=0.1)


def test_layers_whose_channels_no_fast_layout_takes_are_estimated_by_their_like():
    """Ten times slower where channels are not a multiple of four, as depthwise layers are in ONNX Runtime."""

    def deep(channels, window):
        inputs = keras.Input((16, 16, channels))
        return keras.Model(inputs, keras.layers.DepthwiseConv2D(window, padding="same")(inputs))

    def us(graph):
        return 1e-3 * graph.macs * (1 if graph.input_shape[-1] % 4 == 0 else 10)

    table = LatencyTable("planted", (16, 16, 3), 4, "a machine")
    known = [deep(channels, window) for channels in range(4, 72, 2) if channels != 52 for window in (3, 5)]
    for graph in known:
        (block,) = blocks(graph)
        table.rows[block.key] = {"kind": block.kind, "traits": list(block.traits), "us": us(graph)}
    for channels in (33, 52, 75):
        for window in (3, 5, 7):  # of 7 there is no row
            graph = deep(channels, window)
            assert table.parts(graph)[0] * 1e3 == pytest.approx(us(graph), rel=0.3)


def _one(width):
    inputs = keras.Input((16, 16, width))
    x = keras.layers.Conv2D(width, 3, padding="same", use_bias=False)(inputs)
    return inputs, keras.layers.Activation("relu")(keras.layers.BatchNormalization()(x))


def test_a_layer_without_a_row_is_one_clear_line():
    inputs = keras.Input((8, 8, 3))
    pooled = keras.Model(inputs, keras.layers.MaxPooling2D(2)(inputs))
    with pytest.raises(BadInput, match=r"--latency-table: has no row for MaxPooling2D 2x2"):
        planted(lambda block: 10.0).latency_ms(pooled)


def test_the_table_of_another_space_is_refused():
    table = planted(lambda block: 1.0)
    table.check("planted", (16, 16, 3), 4)
    for other in (("stages", (16, 16, 3), 4), ("planted", (16, 16, 1), 4), ("planted", (16, 16, 3), 5)):
        with pytest.raises(BadInput, match="--latency-table: is of space planted, input 16x16x3, 4 classes"):
            table.check(*other)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty"), ('{"format": 1', "is not JSON"), ("[" * 200 + "]" * 200, "is nested too deeply"),
        (b"\xff\xfe{}", "is not UTF-8"), ("9" * 5000, "cannot be read: Exceeds the limit"),
        ("[]", "is not one"), ("{}", "is not one"), ('{"format": 2}', "is not one"),
        ('{"format": 1, "space": 3}', "is not one"),
    ],
)  # fmt: skip
def test_files_that_are_no_tables(tmp_path, text, says):
    path = tmp_path / "table.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(BadInput, match=rf"latency table .*table.json: {says}.* convsmith latency-table"):
        read_table(path)
    with pytest.raises(BadInput, match="cannot be read"):
        read_table(tmp_path / "none.json")


def test_measured_resumed_and_used(tmp_path):
    path = tmp_path / "table.json"
    ask = {"input_shape": (8, 8, 1), "classes": 3, "output": str(path), "quiet": True}
    first = latency_table("chain", networks=4, minutes=0.5, **ask)
    again = latency_table("chain", networks=8, minutes=0.5, **ask)
    assert first.rows == first.new > 10
    assert again.rows == first.rows + again.new
    assert again.new > 0
    assert again.error is not None
    assert "on whole networks it errs by" in again.render("text")
    assert json.loads(again.render("json"))["rows"] == again.rows
    table = read_table(path)
    images = space("chain", (8, 8, 1), 3)
    graphs = [images.graph(images.sample(np.random.default_rng(seed))) for seed in range(6)]
    assert all(0 < table.latency_ms(graph) < 100 for graph in graphs)
    with pytest.raises(BadInput, match="is a table of space chain"):
        latency_table("mobile", networks=4, **ask)


@pytest.mark.parametrize(
    "wrong", [{"input_shape": (8, 8)}, {"classes": 0}, {"networks": 0}, {"minutes": 0.0}, {"batch": 0}]
)
def test_settings_that_mean_nothing(tmp_path, wrong):
    ask = {"input_shape": (8, 8, 1), "output": str(tmp_path / "table.json")}
    with pytest.raises(BadInput, match="--"):
        latency_table("chain", **(ask | wrong))
