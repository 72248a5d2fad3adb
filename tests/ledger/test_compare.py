"""Comparisons, differences and what-ifs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from convsmith.errors import BadInput
from convsmith.graph import Graph
from convsmith.graph import notation as keras
from convsmith.ledger import changed, compare, diff, size
from convsmith.ledger.chart import Point, chart


def stack(*widths: int, name: str = "stack") -> Graph:
    x = inputs = keras.Input((16, 16, 3))
    for width in widths:
        x = keras.layers.Conv2D(width, 3, padding="same")(x)
        x = keras.layers.BatchNormalization()(x)
    return keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(x), name=name)


def test_compare_gives_each_networks_own_figures() -> None:
    found = compare("lenet5", "course_cnn", stack(4))
    assert [entry.totals.params for entry in found.entries] == [61706, 1_199_882, 4 * 28 + 16]
    assert [entry.layers for entry in found.entries] == [5, 4, 2]
    assert [entry.graph.input_shape for entry in found.entries] == [(32, 32, 1), (28, 28, 1), (16, 16, 3)]
    assert "1,199,882" in found.text
    assert json.loads(found.render("json"))["networks"][0]["macs"] == 416520


def test_published_accuracy_comes_from_the_zoo() -> None:
    found = compare("resnet50", "resnet20", "lenet5")  # only the first was published on ImageNet
    assert [entry.top1 for entry in found.entries] == [76.13, None, None]
    assert ">resnet50  76.1%</text>" in found.svg


def test_compare_at_one_size() -> None:
    found = compare("lenet5", "course_cnn", input_shape=(28, 28, 1), classes=7)
    assert [entry.graph.output_shape for entry in found.entries] == [(7,), (7,)]


def test_the_chart_in_its_forms(tmp_path: Path) -> None:
    from PIL import Image

    found = compare("lenet5", "course_cnn")
    assert ">course_cnn</text>" in found.svg
    compare("lenet5", "course_cnn", output=tmp_path / "chart.png")
    with Image.open(tmp_path / "chart.png") as image:
        assert image.size == (1720, 1120)
        assert len(image.getcolors(100_000) or []) > 10
    compare("lenet5", output=tmp_path / "table.html")
    assert "<svg" in (tmp_path / "table.html").read_text()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["chart.png", "table.html"]


def test_accuracy_is_in_the_labels_and_labels_do_not_overlap() -> None:
    points = [Point(f"network{i}", 10**9 + i, 10**7 + i, 70.0 + i) for i in range(8)]
    marks = [mark for mark in chart(points).marks if mark.text.startswith("network")]
    assert {mark.text for mark in marks} == {f"network{i}  {70 + i}.0%" for i in range(8)}
    places = {(mark.anchor, mark.y) for mark in marks}
    assert len(places) == 8


def test_files_of_an_ending_without_a_form_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"ends in \.gif; expected .*\.svg"):
        compare("lenet5", output=tmp_path / "chart.gif")
    with pytest.raises(BadInput, match="cannot be written"):
        compare("lenet5", output=tmp_path / "no" / "chart.svg")


def test_a_network_does_not_differ_from_itself() -> None:
    found = diff(stack(4, 8), stack(4, 8))
    assert found.equal
    assert "6 equal layers" in found.text


def test_an_inserted_layer_is_one_line_whatever_the_automatic_names_are() -> None:
    found = diff(stack(4, 8, 8), stack(4, 6, 8, 8))
    told = [(before and before.label, after and after.label) for before, after in found.pairs]
    assert (None, "Conv2D(6, 3, same)") in told
    added = [after for before, after in found.pairs if before is None and after is not None]
    removed = [before for before, after in found.pairs if after is None]
    assert len(added) == 2  # the convolution and its batch normalisation
    assert not removed
    moved = [
        after.label for before, after in found.pairs if before and after and before.params != after.params
    ]
    assert moved == ["Conv2D(8, 3, same)"]  # the same settings on another input
    assert found.to_json()["params"] == [found.before.params, found.after.params]


def test_changed_settings_are_shown_with_what_they_cost() -> None:
    graph = stack(4, 8)
    text = diff(graph, changed(graph, "conv2d_1.use_bias=false")).text
    line = next(line for line in text.splitlines() if line.startswith("~"))
    assert "use_bias True → False" in line
    assert "-8" in line


def test_removed_layers_have_negative_changes() -> None:
    found = diff(stack(4, 8), stack(4))
    assert found.after.params is not None
    assert found.before.params is not None
    assert f"{found.after.params - found.before.params:,}" in found.text
    assert diff(stack(4, 8), stack(4), every=True).text.count("=  ") > found.text.count("=  ")


def test_what_if() -> None:
    graph = size("lenet5").graph
    right = {"conv2.filters=32": 112_122, "fc*.units=10": 7_092, "conv1.kernel_size=3x3": None}
    assert changed(graph, "conv2.filters=32").params == right["conv2.filters=32"]
    narrow = changed(graph, "fc*.units=10")
    assert (narrow.shapes["fc3"], narrow.shapes["fc4"]) == ((10,), (10,))
    assert narrow.params == 156 + 2416 + 4010 + 110 + 110
    assert changed(graph, "conv1.kernel_size=3x3, conv1.padding=same").shapes["conv1"] == (32, 32, 6)
    assert changed(graph, "conv1.strides=2; conv2.padding=same").shapes["conv1"] == (14, 14, 6)
    assert graph.params == 61706


def test_what_if_in_the_ledger_says_what_it_changes() -> None:
    found = size("lenet5", what_if="conv2.filters=32")
    assert "what if: parameters 61,706 → 112,122 (+50,416, +81.7%)" in found.text
    assert found.to_json()["before"] == {"params": 61706, "macs": 416520}


def test_what_if_keeps_shared_layers_shared() -> None:
    layer = keras.layers.Dense(5, name="shared")
    a, b = keras.Input((3,)), keras.Input((3,))
    graph = keras.Model([a, b], keras.layers.Add()([layer(a), layer(b)]))
    assert changed(graph, "shared.units=7").params == 28


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ("conv2.filters", "layer.setting=value"),
        ("conf2.filters=3", "did you mean 'conv2'"),
        ("conv2.filter=3", "did you mean 'filters'"),
        ("conv2.kernel_size=99", "kernel 99 on a 14-pixel input"),
        ("conv2.kernel_size=three", "kernel_size"),
        ("conv2.filters=many", "conv2.filters"),
        ("conv2.filters=-3", "conv2"),
        ("conv2.padding=sane", "conv2"),
        ("conv2.strides=0", "strides"),
        ("", "layer.setting=value"),
    ],
)
def test_bad_what_ifs(changes: str, message: str) -> None:
    with pytest.raises(BadInput) as error:
        changed(size("lenet5").graph, changes)
    assert message in str(error.value)
