"""Damaged files of every form: the readers answer with a Graph or one clear line, never with a crash.

``CONVSMITH_FUZZ_CASES=100000 pytest tests/graph/test_fuzz.py`` looks longer.
"""

from __future__ import annotations

import copy
import json
import os
import random
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convsmith.errors import ConvsmithError
from convsmith.formats.keras import to_keras
from convsmith.formats.onnx import export_onnx
from convsmith.graph import Graph, read
from convsmith.graph import notation as keras
from convsmith.graph.keras.weights import read_keras_weights
from convsmith.graph.keras.writer import to_keras_json
from convsmith.testing.random_networks import random_network, random_weights

CASES = int(os.environ.get("CONVSMITH_FUZZ_CASES", "150"))
ODD: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2, 3, 7, 2**31, 2**63, -(2**40), 0.5, float("nan"), float("inf"), "",
    "same", "valid", "conv2d", "relu", "channels_first", [], [None], [1, 2], [0, 0, 0], [[1, 2], [3, 4]], {},
    {"class_name": "Add"}, "Conv2D", "InputLayer", "Functional", "Sequential", "keras.layers", "Reshape",
    {"class_name": "__keras_tensor__", "config": {"shape": [None, 3], "keras_history": ["conv2d", 0, 0]}},
    "keras.src.ops.numpy", "Mean", [None, 4, 4, 2], ["conv2d", 0, 0], ["conv2d", 1, 0], "x" * 5000,
    {"config": {"layers": []}},
)  # fmt: skip


def start(number: int) -> Graph:
    if number % 4:
        return random_network(random.Random(number).choice)
    x = inputs = keras.Input((8, 8, 4))
    x = keras.layers.Conv2DTranspose(3, 3, strides=2)(keras.layers.GroupNormalization(2)(x))
    x = keras.layers.PReLU(shared_axes=(1, 2))(keras.layers.Cropping2D(1)(x))
    x = keras.layers.LayerNormalization()(keras.layers.UpSampling2D(2)(x))
    x = keras.layers.Operation("numpy.Mean", '{"axis":[1,2],"keepdims":false}')(x)
    return keras.Model(inputs, keras.layers.Dense(2)(x))


def places(item: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    if isinstance(item, (dict, list)):
        for key, part in item.items() if isinstance(item, dict) else enumerate(item):
            found += places(part, (*path, key))
    return found


def damaged_json(found: Any, rng: random.Random) -> Any:
    found = copy.deepcopy(found)
    for _ in range(rng.choice((1, 1, 1, 2, 5))):
        *way, last = rng.choice(places(found))
        home = found
        for key in way:
            home = home[key]
        action = rng.random()
        if action < 0.25:
            del home[last]
        elif action < 0.45:
            other = found
            for key in rng.choice(places(found)):
                other = other[key]
            home[last] = copy.deepcopy(other)
        elif action < 0.5 and isinstance(home, list):
            home.insert(last, copy.deepcopy(home[last]))
        else:
            home[last] = copy.deepcopy(rng.choice(ODD))
        if not places(found):
            break
    return found


def damaged_bytes(data: bytes, rng: random.Random) -> bytes:
    found = bytearray(data)
    for _ in range(rng.choice((1, 2, 8, 40))):
        place = rng.randrange(max(1, len(found)))
        action = rng.random()
        if action < 0.5:
            found[place : place + 1] = bytes([rng.randrange(256)])
        elif action < 0.65:
            found[place : place + rng.choice((1, 4, 8))] = rng.choice(
                (b"\xff" * 8, b"\0" * 8, b"\xff\xff\xff\x7f")
            )
        elif action < 0.8:
            del found[place : place + rng.choice((1, 7, 200))]
        elif action < 0.95:
            other = rng.randrange(max(1, len(found)))
            found[place:place] = found[other : other + rng.choice((1, 9, 300))]
        else:
            del found[place:]
    return bytes(found)


def survives(call: Callable[[], Any]) -> None:
    try:
        call()
    except ConvsmithError as error:
        text = str(error)
    else:
        return
    assert "\n" not in text
    assert len(text) < 5000


def sized(graph: Graph) -> None:
    assert graph.params is None or graph.params >= 0
    assert graph.macs is None or graph.macs >= 0
    assert graph.fingerprint
    for node in graph.nodes:
        node.kind.formula(*graph.input_shapes(node))
        node.kind.reach(*graph.input_shapes(node))
    assert Graph.from_json(json.loads(json.dumps(graph.to_json()))).fingerprint == graph.fingerprint


@pytest.mark.parametrize("seed", range(4))
def test_damaged_keras_json(seed: int) -> None:
    rng, found = random.Random(seed), to_keras_json(start(seed))
    for _ in range(CASES):
        case = damaged_json(found, rng)
        survives(lambda case=case: sized(read(case)))  # type: ignore[misc]


@pytest.mark.parametrize("seed", range(2))
def test_damaged_graph_json(seed: int) -> None:
    rng, found = random.Random(seed), start(seed).to_json()
    for _ in range(CASES):
        case = damaged_json(found, rng)
        survives(lambda case=case: sized(read(case)))  # type: ignore[misc]


@pytest.mark.parametrize("seed", range(2))
def test_damaged_keras_files(seed: int, tmp_path: Path) -> None:
    rng, graph = random.Random(seed), start(seed)
    path = tmp_path / "net.keras"
    to_keras(graph).save(path)
    graph, data = read(path), path.read_bytes()
    for _ in range(CASES):
        path.write_bytes(damaged_bytes(data, rng))
        survives(lambda: sized(read(path)))
        survives(lambda: read_keras_weights(path, graph))


def test_damaged_weights(tmp_path: Path) -> None:
    """Whole zips with damaged arrays in them: HDF5 itself is what must hold."""
    rng, graph = random.Random(0), start(1)
    path = tmp_path / "net.keras"
    to_keras(graph).save(path)
    with zipfile.ZipFile(path) as archive:
        config, data = archive.read("config.json"), archive.read("model.weights.h5")
    for _ in range(CASES):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("config.json", config)
            archive.writestr("model.weights.h5", damaged_bytes(data, rng))
        survives(lambda: read_keras_weights(path, graph))


@pytest.mark.parametrize("seed", range(2))
def test_damaged_onnx_files(seed: int, tmp_path: Path) -> None:
    rng, graph = random.Random(seed), start(seed + 1)
    path = tmp_path / "net.onnx"
    export_onnx(graph, random_weights(graph, np.random.default_rng(0)), path)
    data = path.read_bytes()
    for _ in range(CASES):
        path.write_bytes(damaged_bytes(data, rng))
        survives(lambda: sized(read(path)))
