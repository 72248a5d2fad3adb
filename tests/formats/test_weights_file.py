"""Safetensors files that hold a network whole: what is written is read; whatever else is one line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from convsmith.engine.predict import predict
from convsmith.engine.weights import initial, open_metadata
from convsmith.errors import BadInput
from convsmith.formats.weights_file import read_weights_file, write_weights_file
from convsmith.zoo import network

GRAPH = network("lenet5", classes=3)
WEIGHTS = initial(GRAPH, 4)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    size = write_weights_file(
        path, GRAPH, WEIGHTS, classes=("a", "b", "ü"), licence="CC-BY-NC-4.0", origin="a museum"
    )
    assert size == path.stat().st_size
    found = read_weights_file(path)
    assert found.graph == GRAPH
    assert found.classes == ("a", "b", "ü")
    told = open_metadata(path)
    assert (told["licence"], told["origin"]) == ("CC-BY-NC-4.0", "a museum")
    x = np.random.default_rng(0).uniform(size=(2, 32, 32, 1)).astype(np.float32)
    assert np.array_equal(predict(found.graph, x, weights=found.weights), predict(GRAPH, x, weights=WEIGHTS))


def test_a_graph_beside_the_file(tmp_path: Path) -> None:
    save_file(WEIGHTS, tmp_path / "weights.safetensors")
    (tmp_path / "graph.json").write_text(json.dumps(GRAPH.to_json()))
    found = read_weights_file(tmp_path / "weights.safetensors")
    assert found.graph == GRAPH
    assert found.classes == ()


@pytest.mark.parametrize(
    ("header", "weights", "says"),
    [
        (None, WEIGHTS, "has no Graph beside it; expected net.json or graph.json in its folder"),
        ({"graph": "{"}, WEIGHTS, "net.safetensors"),
        ({"graph": "[1]"}, WEIGHTS, "is no object"),
        ({"graph": '{"format": 99}'}, WEIGHTS, "format 99"),
        ({"graph": json.dumps(GRAPH.to_json()), "classes": '{"a": 1}'}, WEIGHTS, "classes that are no names"),
        ({"graph": json.dumps(network("resnet20").to_json())}, WEIGHTS, "no '"),
        ({"graph": json.dumps(GRAPH.to_json())}, initial(network("lenet5", classes=4), 0), "has shape"),
    ],
)
def test_another_file_is_one_line(
    header: dict[str, str] | None, weights: dict[str, np.ndarray], says: str, tmp_path: Path
) -> None:
    path = tmp_path / "net.safetensors"
    save_file(weights, path, header)
    with pytest.raises(BadInput) as caught:
        read_weights_file(path)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_damage_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    write_weights_file(path, GRAPH, WEIGHTS)
    whole = path.read_bytes()
    for part in (b"", b"no weights", whole[:100], whole[:-5], b"\xff" * 16 + whole[16:]):
        path.write_bytes(part)
        with pytest.raises(BadInput, match=r"net\.safetensors: cannot be read"):
            read_weights_file(path)
    with pytest.raises(BadInput, match="cannot be read"):
        read_weights_file(tmp_path / "absent.safetensors")


def test_weights_of_another_network_are_not_written(tmp_path: Path) -> None:
    with pytest.raises(BadInput):
        write_weights_file(tmp_path / "net.safetensors", network("lenet5"), WEIGHTS)
    assert not list(tmp_path.iterdir())
    write_weights_file(tmp_path / "net.safetensors", GRAPH, WEIGHTS)
    assert set(open_metadata(tmp_path / "net.safetensors")) == {"graph"}
