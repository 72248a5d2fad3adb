"""LiteRT files read as networks: what was written comes back, and damage is one line."""

from __future__ import annotations

import random
import struct
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

import convsmith
from convsmith.device.lower import to_program
from convsmith.device.quantize import quantized
from convsmith.device.ranges import measured_ranges
from convsmith.device.tflite import OPERATORS as WRITTEN
from convsmith.device.tflite import to_tflite
from convsmith.errors import BadInput
from convsmith.graph import notation as keras
from convsmith.graph import read
from convsmith.graph.tflite.numbers import NAMES
from convsmith.testing.random_networks import random_weights
from convsmith.zoo import network

layers = keras.layers


def file_of(graph, path: Path, *, int8: bool = False) -> Path:
    rng = np.random.default_rng(0)
    program = to_program(graph, random_weights(graph, rng))
    if int8:
        x = rng.integers(0, 256, (4, *graph.input_shape)).astype(np.uint8)
        program = quantized(program, measured_ranges(program, x))
    path.write_bytes(to_tflite(program, {"classes": ["a", "b"]}))
    return path


def products(graph) -> list[tuple[int, ...]]:
    """Shape and multiply-adds of every layer that multiplies, in order."""
    return [
        (*graph.shapes[node.name], node.kind.macs(*graph.input_shapes(node)))
        for node in graph.nodes
        if node.kind.macs(*graph.input_shapes(node))
    ]


@pytest.mark.parametrize("int8", [False, True], ids=["float", "int8"])
@pytest.mark.parametrize("name", ["lenet5", "resnet20", "mobilenet_v2", "squeezenet1_1"])
def test_a_network_comes_back_with_its_layers(name: str, int8: bool, tmp_path: Path) -> None:
    graph = network(name, input_shape=None if name == "lenet5" else (64, 64, 3), classes=10)
    back = read(file_of(graph, tmp_path / "net.tflite", int8=int8))
    assert products(back) == products(graph)
    assert back.macs == graph.macs
    assert back.input_shape == graph.input_shape
    assert back.output_shape == graph.output_shape


def test_parameters_are_those_of_the_folded_network(tmp_path: Path) -> None:
    """Batch norms are gone into the convolutions: their four numbers a channel are a bias each."""
    x = inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization()(x)
    x = layers.DepthwiseConv2D(3, strides=2, padding="same", activation="relu6")(x)
    x = layers.GlobalAveragePooling2D()(x)
    graph = keras.Model(inputs, layers.Dense(5, activation="softmax")(x))
    back = read(file_of(graph, tmp_path / "net.tflite"))
    assert back.params == (3 * 3 * 3 * 4 + 4) + (3 * 3 * 4 + 4) + (4 * 5 + 5)
    kinds = [node.kind_name for node in back.nodes]
    assert kinds[:3] == ["InputLayer", "Conv2D", "DepthwiseConv2D"]
    depthwise = back.nodes[2].kind
    assert (depthwise.strides, depthwise.padding, depthwise.activation) == ((2, 2), "same", "relu6")


def test_windows_axes_and_joins(tmp_path: Path) -> None:
    x = inputs = keras.Input((9, 12, 4))
    a = layers.Conv2D(6, (3, 2), strides=(2, 1), groups=2, dilation_rate=1)(x)
    b = layers.MaxPooling2D((3, 2), strides=(2, 1))(x)
    x = layers.Concatenate()([a, b])
    x = layers.Add()([x, layers.Activation("sigmoid")(x)])
    x = layers.ZeroPadding2D(((1, 0), (0, 2)))(x)
    x = layers.Resizing(7, 5)(x)
    x = layers.AveragePooling2D(2, padding="same")(x)
    x = layers.Flatten()(x)
    graph = keras.Model(inputs, layers.Dense(3)(x))
    back = read(file_of(graph, tmp_path / "net.tflite"))
    assert products(back) == products(graph)
    found = {node.kind_name: node.kind for node in back.nodes}
    assert (found["Conv2D"].groups, found["Conv2D"].strides) == (2, (2, 1))
    assert (found["MaxPooling2D"].pool_size, found["MaxPooling2D"].strides) == ((3, 2), (2, 1))
    assert found["ZeroPadding2D"].padding == ((1, 0), (0, 2))
    assert (found["Resizing"].height, found["Resizing"].width) == (7, 5)


def test_the_commands_take_the_file(tmp_path: Path) -> None:
    graph = network("lenet5")
    ledger = convsmith.size(str(file_of(graph, tmp_path / "net.tflite")))
    assert ledger.totals.macs == graph.macs
    assert "Conv2D" in str(ledger)


def test_numbers_are_those_of_the_schema() -> None:
    schema = pytest.importorskip("ai_edge_litert.schema_py_generated")
    theirs = {value: name for name, value in vars(schema.BuiltinOperator).items() if isinstance(value, int)}
    assert {number: theirs[number] for number in NAMES} == NAMES
    assert all(NAMES[number] == name for name, (number, _, _) in WRITTEN.items())


def test_damage_is_one_line(tmp_path: Path) -> None:
    whole = bytearray(file_of(network("lenet5"), tmp_path / "net.tflite").read_bytes())
    rng, path = random.Random(0), tmp_path / "damaged.tflite"
    refused = 0
    head = 3_000  # offsets stand at the end and at the beginning, weights between
    for _ in range(300):
        data = bytearray(whole)
        for _ in range(rng.randint(1, 8)):
            place = rng.choice([rng.randrange(head), len(data) - 1 - rng.randrange(head)])
            if place not in range(4, 8):
                data[place] = rng.randrange(256)
        path.write_bytes(data if rng.random() < 0.8 else data[: rng.randrange(8, len(data))])
        with suppress(BadInput):
            read(path)
            continue
        with pytest.raises(BadInput) as error:
            read(path)
        refused += 1
        assert str(error.value).startswith(str(path))
        assert "\n" not in str(error.value)
        assert len(str(error.value)) < 600
    assert refused > 50


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "has 0 bytes"),
        (b"\x00" * 100, "does not begin as a LiteRT file"),
        (struct.pack("<I", 2**31) + b"TFL3" + b"\x00" * 32, "damaged"),
        (struct.pack("<I", 8) + b"TFL3" + b"\xff" * 64, "damaged"),
    ],
)
def test_what_is_no_file_of_its_kind(data: bytes, says: str, tmp_path: Path) -> None:
    path = tmp_path / "net.tflite"
    path.write_bytes(data)
    with pytest.raises(BadInput, match=says):
        read(path)
