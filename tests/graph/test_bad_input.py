"""What is not a network is refused in one line that says where and why, in bounded time and memory."""

from __future__ import annotations

import copy
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from convsmith.errors import BadInput
from convsmith.graph import Graph, Node, read
from convsmith.graph import notation as keras
from convsmith.graph.keras.writer import to_keras_json
from convsmith.kinds.add import Add
from convsmith.kinds.input_layer import InputLayer
from convsmith.kinds.re_lu import ReLU
from convsmith.zoo import network

LENET = to_keras_json(network("lenet5"))


def changed(**changes: Any) -> dict[str, Any]:
    """LeNet-5's configuration with settings of conv2 changed."""
    found = copy.deepcopy(LENET)
    found["config"]["layers"][3]["config"].update(changes)
    return found


def packed(path: Path, text: bytes | str, name: str = "config.json") -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, text)
    return path


def refused(network: Any, *parts: str) -> None:
    with pytest.raises(BadInput) as caught:
        read(network)
    text = str(caught.value)
    assert "\n" not in text
    for part in parts:
        assert part in text


def test_zips_that_are_no_keras_files(tmp_path: Path) -> None:
    good = packed(tmp_path / "good.keras", json.dumps(LENET))
    assert read(good).params == 61_706
    data = good.read_bytes()
    for cut in (10, 100, len(data) // 2, len(data) - 30):
        (tmp_path / "cut.keras").write_bytes(data[:cut])
        refused(tmp_path / "cut.keras", "cut.keras")
    spoilt = bytearray(data)
    spoilt[200:260] = bytes(60)
    (tmp_path / "spoilt.keras").write_bytes(spoilt)
    refused(tmp_path / "spoilt.keras", "damaged zip")
    refused(packed(tmp_path / "foreign.keras", "hello", "letter.txt"), "zip without config.json")
    refused(packed(tmp_path / "words.keras", "hello"), "is not JSON")
    refused(packed(tmp_path / "list.keras", "[1, 2]"), "holds a list")


def test_a_zip_bomb_is_not_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "bomb.keras"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("config.json", "w") as file,
    ):
        for _ in range(200):
            file.write(b" " * 2**20)
    assert path.stat().st_size < 2**20
    refused(path, "more than 67,108,864 bytes")


def test_files_that_are_not_there_or_something_else(tmp_path: Path) -> None:
    refused(tmp_path / "none.keras", "none.keras", "cannot be read")
    refused(tmp_path, "is a folder")
    (tmp_path / "old.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    refused(tmp_path / "old.h5", "damaged HDF5")
    (tmp_path / "empty.json").write_bytes(b"")
    refused(tmp_path / "empty.json", "is empty")
    refused(42, "got a int")
    refused({}, "not the configuration of a Keras model")
    refused({"class_name": "Functional", "config": None}, "not the configuration")


def test_deep_json_does_not_end_the_process() -> None:
    refused('{"a":' * 100_000, "JSON")
    block: Any = {"class_name": "Dense", "config": {"name": "d", "units": 1}}
    for depth in range(200):
        block = {"class_name": "Sequential", "config": {"name": f"s{depth}", "layers": [block]}}
    block["config"]["layers"].insert(
        0, {"class_name": "InputLayer", "config": {"name": "i", "batch_shape": [None, 3]}}
    )
    refused(block, "nested too deeply")


def test_nested_models_cannot_multiply_without_end() -> None:
    """Twelve levels of a model that calls the one below ten times would be 10^12 layers."""
    ten = [{"class_name": "ReLU", "config": {"name": f"r{number}"}} for number in range(10)]
    for depth in range(12):
        inner = {"class_name": "Sequential", "config": {"name": f"s{depth}", "layers": ten}}
        ten = [dict(inner, config={**inner["config"], "name": f"t{number}"}) for number in range(10)]
    start = {"class_name": "InputLayer", "config": {"name": "i", "batch_shape": [None, 3]}}
    refused(
        {"class_name": "Sequential", "config": {"name": "s", "layers": [start, *ten]}},
        "more than 100,000 layers",
    )


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({"kernel_size": [15, 15]}, ("layer conv2 (Conv2D)", "kernel 15 on a 14-pixel input")),
        ({"filters": -3}, ("layer conv2 (Conv2D), filters", "positive")),
        ({"filters": "many"}, ("layer conv2 (Conv2D), filters", "'many'", "int")),
        ({"filters": 1.5}, ("filters", "1.5")),
        ({"filters": True}, ("filters", "True")),
        ({"filters": 2**40}, ("filters",)),
        ({"kernel_size": [3, 3, 3]}, ("kernel_size",)),
        ({"kernel_size": []}, ("kernel_size",)),
        ({"kernel_size": [0, 3]}, ("kernel_size",)),
        ({"strides": 0}, ("strides",)),
        ({"padding": "some"}, ("padding", "valid")),
        ({"groups": 5}, ("layer conv2", "5 groups")),
        ({"groups": 0}, ("layer conv2",)),
        ({"groups": -1}, ("layer conv2",)),
        ({"data_format": "channels_first"}, ("layer conv2", "channels_last")),
    ],
)
def test_settings_that_cannot_be_are_named_by_layer(changes: dict[str, Any], parts: tuple[str, ...]) -> None:
    refused(changed(**changes), *parts)


@pytest.mark.parametrize("padding", [float("nan"), -1, 1.5, "1", [[1, 2, 3], [1]], [], {}])
def test_pads_that_cannot_be(padding: Any) -> None:
    found = copy.deepcopy(LENET)
    found["config"]["layers"][2]["class_name"] = "ZeroPadding2D"
    found["config"]["layers"][2]["config"] = {"name": "pool1", "padding": padding}
    refused(found, "layer pool1 (ZeroPadding2D)")


@pytest.mark.parametrize("size", [-1, 0, 2**45, 1.5, "8", True])
def test_input_sizes_that_cannot_be(size: Any) -> None:
    found = copy.deepcopy(LENET)
    found["config"]["layers"][0]["config"]["batch_shape"] = [None, size, 32, 1]
    refused(found, "input")


def test_cycles_and_missing_inputs_are_named() -> None:
    def wired(*sources: tuple[str, list[str]]) -> dict[str, Any]:
        layers = [
            {"class_name": "InputLayer", "name": "i", "config": {"name": "i", "batch_shape": [None, 3]}}
        ]
        for name, taken in sources:
            tensors = [
                {
                    "class_name": "__keras_tensor__",
                    "config": {"shape": [None, 3], "keras_history": [one, 0, 0]},
                }
                for one in taken
            ]
            node = [{"args": [tensors], "kwargs": {}}]
            layers.append(
                {"class_name": "Add", "name": name, "config": {"name": name}, "inbound_nodes": node}
            )
        ends = {"input_layers": ["i", 0, 0], "output_layers": ["end", 0, 0]}
        return {"class_name": "Functional", "config": {"name": "m", "layers": layers, **ends}}

    refused(wired(("a", ["i", "b"]), ("b", ["i", "a"]), ("end", ["a", "b"])), "cycle")
    refused(wired(("end", ["i", "end"])), "layer end", "cycle")
    refused(wired(("end", ["i", "ghost"])), "layer end", "takes 'ghost'")
    refused(wired(("other", ["i", "i"])), "layer end", "no output")
    refused(wired(("end", ["i", "i"]), ("end", ["i", "i"])), "two layers of one name")


def test_a_graph_is_checked_too() -> None:
    start = Node("i", InputLayer((3,)))
    with pytest.raises(BadInput, match="cycle"):
        Graph("g", [start, Node("a", Add(), ("i", "b")), Node("b", ReLU(), ("a",))])
    with pytest.raises(BadInput, match="takes 'x'"):
        Graph("g", [start, Node("a", ReLU(), ("x",))])
    with pytest.raises(BadInput, match="appears twice"):
        Graph("g", [start, Node("i", ReLU(), ("i",))])
    with pytest.raises(BadInput, match="no 'x'"):
        Graph("g", [start], ["x"])


def test_a_file_cannot_make_error_messages_endless() -> None:
    found = changed(padding="x" * 10_000_000)
    with pytest.raises(BadInput) as caught:
        read(found)
    assert len(str(caught.value)) < 1000


def test_ten_thousand_layers_are_read() -> None:
    """The cost is linear: a quadratic step anywhere would take minutes here."""
    x = inputs = keras.Input((8, 8, 4))
    for _ in range(2_500):
        y = keras.layers.Conv2D(4, 3, padding="same")(x)
        y = keras.layers.BatchNormalization()(y)
        x = keras.layers.Add()([x, keras.layers.ReLU()(y)])
    graph = keras.Model(inputs, x)
    assert len(graph) == 10_001
    again = read(json.loads(json.dumps(to_keras_json(graph))))
    assert again.params == graph.params == 2_500 * (4 * 9 * 4 + 4 + 16)
    assert again.macs == graph.macs
    assert again.fingerprint == graph.fingerprint
