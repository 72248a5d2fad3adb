"""Networks as programs: run, they give the outputs of the engine with as many parameters; ruff is content."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from convsmith.engine.lower import lower
from convsmith.errors import BadInput, BadName
from convsmith.formats.program import to_program
from convsmith.graph import Graph
from convsmith.graph import notation as keras
from convsmith.nas.choose import Space
from convsmith.nas.spaces import SPACES
from convsmith.testing.random_networks import random_weights

MOST_LINES = 120


def member(space: str, seed: int, shape: tuple[int, int, int] = (32, 32, 3)) -> Graph:
    made = Space(SPACES[space], shape, 5)
    return made.graph(made.sample(np.random.default_rng(seed)))


def written(folder: Path, graph: Graph, framework: str) -> tuple[str, dict[str, Any], dict[str, np.ndarray]]:
    """A program in a folder with its weights: its text, what it defines, and the network's own weights."""
    weights = random_weights(graph, np.random.default_rng(0))
    source, content = to_program(graph, weights, folder / "net.py", framework=framework)
    (folder / "net.py").write_text(source)
    (folder / "net.safetensors").write_bytes(content)
    defined: dict[str, Any] = {"__name__": "net"}
    exec(compile(source, "net.py", "exec"), defined)
    return source, defined, weights


def ruff(folder: Path) -> str:
    options = ["--isolated", "--select", "E,F,I,B,UP,SIM", "--line-length", "100", "net.py"]
    program = Path(sys.executable).with_name("ruff")
    done = subprocess.run([program, "check", *options], cwd=folder, capture_output=True, text=True)
    return "" if done.returncode == 0 else done.stdout


def padded() -> Graph:
    """Pads on one side, crops, growth by concatenation in a loop, and pools of other sorts."""
    x = inputs = keras.Input((32, 32, 3))
    x = keras.layers.Rescaling((0.1, 0.2, 0.3), offset=(-1.0, 0.5, 0.0))(x)
    x = keras.layers.ZeroPadding2D(((0, 1), (0, 1)))(x)
    x = keras.layers.Conv2D(4, 3, strides=2, activation="relu")(x)
    for _ in range(3):
        x = keras.layers.Concatenate()([x, keras.layers.Conv2D(2, 3, padding="same", activation="silu")(x)])
    x = keras.layers.Cropping2D(((1, 0), (0, 2)))(x)
    x = keras.layers.AveragePooling2D(2)(keras.layers.MaxPooling2D(3, strides=2, padding="same")(x))
    for _ in range(2):
        gate = keras.layers.GlobalAveragePooling2D(keepdims=True)(x)
        x = keras.layers.Multiply()([x, keras.layers.Dense(10, activation="sigmoid")(gate)])
    x = keras.layers.Dense(6, activation="gelu")(keras.layers.Flatten()(x))
    return keras.Model(inputs, keras.layers.Dense(5)(keras.layers.BatchNormalization()(x)), name="padded")


NETWORKS: dict[str, Graph] = {
    "padded": padded(),
    **{f"{space} {seed}": member(space, seed) for space in ("stages", "mobile") for seed in (1, 2, 5)},
}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_torch_program_is_the_network(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = NETWORKS[name]
    source, defined, weights = written(tmp_path, graph, "torch")
    monkeypatch.chdir(tmp_path)
    net = defined["load"]()
    x = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 255
    with torch.no_grad():
        torch.testing.assert_close(net(x), lower(graph, weights)(x), rtol=1e-4, atol=1e-5)
    assert sum(item.numel() for item in net.parameters()) == graph.trainable_params
    assert source.count("\n") < MOST_LINES
    assert ruff(tmp_path) == ""


@pytest.mark.parametrize("name", ["padded", "stages 1", "mobile 2"])
def test_a_keras_program_is_the_network(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = NETWORKS[name]
    source, defined, weights = written(tmp_path, graph, "keras")
    monkeypatch.chdir(tmp_path)
    net = defined["load"]()
    x = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 255
    with torch.no_grad():
        found = torch.as_tensor(np.asarray(net(x.permute(0, 2, 3, 1)).detach()))
        torch.testing.assert_close(found, lower(graph, weights)(x), rtol=1e-4, atol=1e-5)
    assert net.count_params() == graph.params
    assert source.count("\n") < MOST_LINES
    assert ruff(tmp_path) == ""


def tangled() -> Graph:
    """Branches that take from each other, as in NASNet's cells, and pads that only one side has."""
    x = inputs = keras.Input((9, 7, 3))
    one = keras.layers.Conv2D(4, 3, strides=2, padding="same", activation="relu")(x)
    two = keras.layers.SeparableConv2D(4, 3, padding="same")(one)
    three = keras.layers.MaxPooling2D(2, strides=1, padding="same")(one)
    four = keras.layers.Add()([two, three])
    five = keras.layers.Concatenate()([four, two, keras.layers.DepthwiseConv2D(3, padding="same")(three)])
    x = keras.layers.Dense(6, activation="gelu")(keras.layers.Flatten()(five))
    return keras.Model(inputs, keras.layers.Dense(2)(keras.layers.BatchNormalization()(x)), name="2 cells")


def test_branches_that_take_from_each_other_are_statements(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = tangled()
    source, defined, weights = written(tmp_path, graph, "torch")
    monkeypatch.chdir(tmp_path)
    x = torch.rand(2, 3, 9, 7)
    with torch.no_grad():
        torch.testing.assert_close(defined["load"]()(x), lower(graph, weights)(x), rtol=1e-4, atol=1e-5)
    assert "class Net2Cells(nn.Module):" in source
    assert ruff(tmp_path) == ""
    with pytest.raises(BadInput, match=r"takes from several branches at once.*try: --framework torch"):
        to_program(graph, weights, "net.py", framework="keras")


def test_texts_of_a_network_stay_texts(tmp_path: Path) -> None:
    """Names and settings come from files: none of them becomes code."""
    x = inputs = keras.Input((8, 8, 3))
    evil = 'glorot_uniform"), print("here"), ("'
    x = keras.layers.Conv2D(2, 3, kernel_initializer=evil, name='a"""b')(x)
    graph = keras.Model(inputs, x, name='x"""\nimport os\n\\')
    for framework in ("torch", "keras"):
        weights = random_weights(graph, np.random.default_rng(0))
        source, _ = to_program(graph, weights, "net.py", framework=framework, classes=['"""', "b\nc"])
        calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
        assert not any(isinstance(call.func, ast.Name) and call.func.id == "print" for call in calls)
        assert "import os" not in source.splitlines()


def test_what_no_program_says_is_refused() -> None:
    x = inputs = keras.Input((8, 8, 3))
    graph = keras.Model(inputs, keras.layers.Conv2DTranspose(2, 3, name="up")(x))
    weights = random_weights(graph, np.random.default_rng(0))
    with pytest.raises(BadInput, match=r"layer up \(Conv2DTranspose\): has no form in a program"):
        to_program(graph, weights, "net.py")
    with pytest.raises(BadName, match="--framework: no 'jax'"):
        to_program(graph, weights, "net.py", framework="jax")
    with pytest.raises(BadInput, match="is no name of a module"):
        to_program(graph, weights, "my-net.py")
