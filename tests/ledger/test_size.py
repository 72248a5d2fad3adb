"""The ledger's figures against the course, published tables, and numbers worked out by hand."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from convsmith import ledger
from convsmith.errors import BadInput
from convsmith.graph import Graph, Node
from convsmith.graph import notation as keras
from convsmith.kinds import KINDS
from convsmith.ledger import compare, diff, draw, size


def ten_filters() -> Graph:
    x = inputs = keras.Input((32, 32, 3), name="rgb")
    return keras.Model(inputs, keras.layers.Conv2D(10, 3, name="conv")(x), name="ten_filters")


def published(shared: Path, table: str) -> list[dict[str, str]]:
    with open(shared / "truth" / "lenet5_tables.csv", newline="") as file:
        return [row for row in csv.DictReader(file) if row["table"] == table]


def test_ten_filters_of_three_by_three_by_three_have_280_parameters() -> None:
    text = ledger.size(ten_filters()).text
    assert "(3×3×3 + 1)×10 = 280" in text
    assert "30×30×10" in text


def test_lenet5_on_rgb_is_the_published_table(shared: Path) -> None:
    rows = [row for row in ledger.size("lenet5", input_shape=(32, 32, 3)).rows if row.kind != "Flatten"]
    table = published(shared, "lenet5_rgb_correct")
    assert len(rows) == len(table)
    for row, right in zip(rows, table, strict=True):
        assert "x".join(map(str, row.output_shape)) == right["shape"]
        assert row.activation_size == int(right["activation_size"])
        assert row.params == int(right["params"])
        assert row.macs == int(right["macs"])


def test_totals_are_the_sums_and_the_graphs_own() -> None:
    found = ledger.size("lenet5")
    assert found.totals.params == found.graph.params == 61706
    assert found.totals.macs == found.graph.macs == 416520
    assert found.totals.weight_bytes == {"float32": 246824, "float16": 123412, "int8": 61706}


def test_statistics_and_frozen_layers_are_told_apart() -> None:
    x = inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3, use_bias=False, trainable=False, name="frozen")(x)
    x = keras.layers.BatchNormalization(name="bn")(x)
    totals = ledger.size(keras.Model(inputs, x)).totals
    assert (totals.params, totals.trainable_params, totals.statistics) == (108 + 16, 8, 8)


def test_a_shared_layer_has_its_parameters_once_and_its_macs_each_time() -> None:
    layer = keras.layers.Dense(5, name="shared")
    a, b = keras.Input((3,)), keras.Input((3,))
    found = ledger.size(keras.Model([a, b], keras.layers.Add()([layer(a), layer(b)])))
    dense = [row for row in found.rows if row.kind == "Dense"]
    assert [row.params for row in dense] == [20, 0]
    assert [row.macs for row in dense] == [15, 15]
    assert dense[1].formula.params == "weights of shared"
    assert found.totals.params == found.graph.params == 20


def test_unknown_sizes_are_unknown_and_never_zero() -> None:
    x = inputs = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(4, 3)(x)
    found = ledger.size(keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(x)))
    assert found.totals.params == 112
    assert found.totals.macs is None
    assert set(found.totals.peak_memory.values()) == {None}
    assert "MACs unknown" in found.text


def with_lambda() -> Graph:
    nodes = [
        Node("image", KINDS["InputLayer"]((8, 8, 3))),
        Node("conv", KINDS["Conv2D"](4, 3), ("image",)),
        Node("mystery", KINDS["Unknown"]("Lambda", output_shape=(6, 6, 4)), ("conv",)),
        Node("end", KINDS["Conv2D"](2, 1), ("mystery",)),
    ]
    return Graph("own", nodes)


def test_a_layer_that_nobody_taught_is_unknown_in_every_form() -> None:
    found = size(with_lambda())
    row = next(row for row in found.rows if row.name == "mystery")
    assert (row.params, row.trainable_params, row.macs, row.kind) == (None, None, None, "Lambda")
    assert (row.output_shape, row.activation_size) == ((6, 6, 4), 144)
    totals = found.totals
    assert (totals.params, totals.trainable_params, totals.macs, totals.unknown) == (
        None,
        None,
        None,
        ("mystery",),
    )
    assert totals.training_memory["total"] is None
    assert (totals.known_params, totals.known_macs) == (112 + 10, 36 * 4 * 27 + 36 * 8)
    assert "at least 122 parameters; at least 4.18k MACs" in found.text
    assert found.table.footer[4:6] == ("≥ 122", "≥ 4,176")
    assert "not known, so not in any total: mystery" in found.text
    assert found.to_json()["totals"]["params"] is None
    for form in ("csv", "markdown", "latex", "html"):
        assert "unknown" in found.render(form), form
    with pytest.raises(BadInput, match="layer mystery: its params are not known"):
        size(with_lambda(), max_params=10**9)
    assert "Lambda (unknown)" in draw(with_lambda()).text
    assert diff(with_lambda(), with_lambda()).equal
    assert "unknown" in compare(with_lambda(), "lenet5").text


def test_intensity_is_flop_per_byte_moved() -> None:
    row = ledger.size(ten_filters()).rows[1]
    macs = 30 * 30 * 10 * 27
    assert row.intensity == pytest.approx(2 * macs / (4 * (32 * 32 * 3 + 30 * 30 * 10 + 280)))


def test_the_course_view_fills_in_its_formula() -> None:
    text = ledger.size("lenet5", view="course").text
    assert "⌊(32 + 0 − 5)/1⌋ + 1 = 28" in text
    x = inputs = keras.Input((6, 6, 1))
    same = keras.layers.Conv2D(1, 3, strides=2, padding="same", name="odd")(x)
    row = next(
        line
        for line in ledger.size(keras.Model(inputs, same), view="course").text.splitlines()
        if "odd" in line
    )
    assert row.split()[:4] == ["odd", "3", "0/1", "2"]


def test_where_totals_concentrate() -> None:
    found = ledger.size("lenet5")
    assert ledger.concentration(found.rows, "params") == (("fc3", 48120 / 61706),)
    assert [name for name, _ in ledger.concentration(found.rows, "macs", 0.8)] == ["conv2", "conv1"]
    assert "half of the parameters: fc3 78%" in found.text


@pytest.mark.parametrize("view", ["default", "formulas", "full", "course"])
def test_csv_has_plain_numbers_in_every_view(view: str) -> None:
    rows = list(csv.DictReader(io.StringIO(ledger.size("lenet5", view=view).csv)))
    assert sum(int(row["params"]) for row in rows) == 61706
    assert sum(int(row["activation_size"]) for row in rows) == 9518


def test_json_keeps_its_promises() -> None:
    found = json.loads(ledger.size("lenet5").render("json"))
    row = found["rows"][1]
    assert {"name", "kind", "output_shape", "activation_size", "params", "macs", "receptive_field"} <= set(
        row
    )
    assert row["output_shape"] == [28, 28, 6]
    totals = found["totals"]
    assert totals["params"] == totals["trainable_params"] == 61706
    assert totals["weight_bytes"] == 246824
    assert totals["peak_memory"]["liveness"] == 4 * (4704 + 1176)
    assert totals["receptive_field"]["size"] == [16, 16]


def test_every_form_tells_the_same() -> None:
    found = ledger.size("lenet5")
    for form in ("text", "markdown", "latex", "html"):
        assert "48,120" in found.render(form), form
    assert r"conv1 & Conv2D(6, 5, relu) & 28$\times$28$\times$6" in found.latex
    assert "<script" not in found.html
    assert "http" not in found.html


def test_a_budget_ends_with_exit_code_one_and_says_by_how_much() -> None:
    found = ledger.size("lenet5", max_params=50_000, max_macs=10**6)
    assert found.exit_code == 1
    assert "OVER BUDGET: params: 61,706 is over the limit of 50,000 (1.23 times)" in found.text
    assert ledger.size("lenet5", max_params=61_706, max_bytes=246_824, max_memory=23_520).exit_code == 0
    assert {excess.what for excess in ledger.Budget(1, 1, 1, 1).over(found.graph)} == {
        "params", "macs", "bytes", "memory",
    }  # fmt: skip


def test_a_misspelt_network_gets_the_nearest_name() -> None:
    with pytest.raises(BadInput, match="did you mean 'lenet5'"):
        ledger.size("lenet")
