"""Networks in every form that they come in, against the live Keras models."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

from convsmith.errors import BadInput
from convsmith.formats.keras import to_keras
from convsmith.graph import Graph, read
from convsmith.graph.keras.weights import from_keras_weights, read_keras_weights
from convsmith.kinds.operation import Operation
from convsmith.kinds.unknown import Unknown


def small() -> Any:
    return keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Conv2D(4, 3, name="conv"),
            layers.Flatten(),
            layers.Dense(2, name="fc"),
        ],
        name="small",
    )


def shared_and_nested() -> Any:
    inner = keras.Sequential(
        [keras.Input((8, 8, 3)), layers.Conv2D(3, 1, name="one"), layers.BatchNormalization(name="norm")],
        name="block",
    )
    branch_in = keras.Input((8, 8, 3))
    branch = keras.Model(branch_in, [inner(branch_in), layers.ReLU(name="bent")(branch_in)], name="branch")
    twice = layers.Conv2D(3, 3, padding="same", name="twice")
    a, b = keras.Input((8, 8, 3), name="a"), keras.Input((8, 8, 3), name="b")
    first, second = branch(twice(twice(a)))
    third, _ = branch(b)
    out = layers.Add(name="sum")([first, second, third])
    return keras.Model([a, b], [layers.GlobalAveragePooling2D(name="left")(out), third], name="whole")


def operators() -> Any:
    x = keras.Input((8, 8, 4), name="x")
    z = keras.Input((8, 8, 4), name="z")
    y = 1 - (x + z) * 2.0 / (ops.abs(z) + 3) ** 2
    y = ops.concatenate([y, ops.relu(x)[:, :, :, 1:3]], axis=-1)
    y = ops.maximum(y, -y) * np.arange(6, dtype="float32")
    y = ops.clip(ops.mean(y, axis=(1, 2), keepdims=True), 0.1, 4) + y
    left, right = ops.split(y, 2, axis=-1)
    y = ops.sqrt(ops.square(left) + 1) + ops.softmax(right, axis=-1)
    y = ops.matmul(ops.reshape(y, (-1, 64, 3)), ops.transpose(ops.reshape(y, (-1, 64, 3)), (0, 2, 1)))
    y = ops.squeeze(ops.expand_dims(ops.max(y, axis=-1), 1), 1)
    return keras.Model([x, z], layers.Dense(3)(y), name="operators")


def agrees(model: Any, graph: Graph) -> None:
    """The same numbers out of the Graph in torch, out of the model, and out of the model that comes back."""
    import torch

    from convsmith.engine.lower import lower

    weights = from_keras_weights(model, graph)
    rng = np.random.default_rng(0)
    images = [rng.normal(0, 1, (2, *graph.shapes[name])).astype(np.float32) for name in graph.inputs]
    given = images if len(images) > 1 else images[0]
    first = lambda x: torch.from_numpy(x).permute(0, 3, 1, 2) if x.ndim == 4 else torch.from_numpy(x)  # noqa: E731
    with torch.no_grad():
        wanted = keras.tree.flatten(model(given, training=False))
        again = keras.tree.flatten(to_keras(graph, weights)(given, training=False))
        found = lower(graph, weights)(*map(first, images))
    for theirs, ours, back in zip(wanted, [found] if torch.is_tensor(found) else found, again, strict=True):
        ours = ours.permute(0, 2, 3, 1) if ours.dim() == 4 else ours
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(back, theirs, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("build", [small, shared_and_nested, operators])
def test_model_json_and_file_are_one_network(build: Any, tmp_path: Path) -> None:
    model = build()
    model.save(tmp_path / "net.keras")
    (tmp_path / "net.json").write_text(model.to_json())
    graph = read(model)
    forms = (
        model.to_json(),
        json.loads(model.to_json()),
        tmp_path / "net.keras",
        str(tmp_path / "net.json"),
        graph,
    )
    for form in (*forms, graph.to_json()):
        assert read(form) == graph
    assert graph.params == model.count_params()
    stored = read_keras_weights(tmp_path / "net.keras", graph)
    live = from_keras_weights(model, graph)
    assert set(stored) == set(live) == set(graph.weights)
    assert all((stored[name] == live[name]).all() for name in live)
    agrees(model, graph)


def test_shared_layers_count_once_and_work_each_time() -> None:
    graph = read(shared_and_nested())
    assert graph["twice_1"].owner == "twice"
    assert graph["branch_1/block/one"].owner == "branch/block/one"
    assert sum(name.endswith("kernel") for name in graph.weights) == 2
    per_image = 8 * 8 * 3 * (9 * 3)
    assert graph.macs == 2 * per_image + 2 * 8 * 8 * 3 * 3


def test_a_live_model_tells_which_layers_its_nested_models_share() -> None:
    inner = keras.Sequential([keras.Input((4,)), layers.Dense(4, name="one")], name="block")
    x = keras.Input((4,))
    outer = keras.Model(x, inner(x), name="outer")
    model = keras.Model(x, layers.Dense(2)(inner(outer(x))))
    graph = read(model)
    assert graph.params == model.count_params() == 4 * 5 + 2 * 5
    agrees(model, graph)


def test_operators_are_known_by_module_and_class() -> None:
    graph = read(operators())
    assert not graph.unknown
    functions = {node.kind.function for node in graph.nodes if isinstance(node.kind, Operation)}
    assert {"numpy.Add", "numpy.TrueDivide", "numpy.Split", "numpy.Matmul"} <= functions
    x = keras.Input((4,))
    layer = read(keras.Model(x, layers.Add(name="add")([x, x])))
    assert layer["add"].kind_name == "Add"


def test_an_operator_without_a_rule_keeps_its_recorded_shape() -> None:
    x = keras.Input((8, 8, 3))
    y = ops.cumsum(x, axis=1)
    graph = read(keras.Model(x, layers.Dense(2)(y)))
    assert graph.params == 3 * 2 + 2
    assert graph.macs is None
    assert graph.output_shape == (8, 8, 2)


def test_lambda_and_unknown_layers_are_listed_and_never_run(tmp_path: Path) -> None:
    @keras.saving.register_keras_serializable("test")
    class Mine(layers.Layer):
        def build(self, shape: Any) -> None:
            self.w = self.add_weight(shape=(shape[-1], 5))

        def call(self, x: Any) -> Any:
            return x @ self.w

    trap = tmp_path / "ran"
    x = keras.Input((8, 8, 3))
    where = str(trap)
    y = layers.Lambda(lambda t: (open(where, "w").close(), t * 2)[1], output_shape=(8, 8, 3), name="trap")(x)
    y = Mine(name="mine")(y)
    model = keras.Model(x, layers.Conv2D(2, 3, name="conv")(y))
    trap.unlink(missing_ok=True)
    graph = read(model)
    assert not trap.exists()
    assert graph.unknown == ("trap", "mine")
    assert graph.params is None
    assert graph.trainable_params is None
    assert graph.macs is None
    assert graph.known_params == 3 * 3 * 5 * 2 + 2
    assert graph.shapes["conv"] == (6, 6, 2)
    assert isinstance(graph["mine"].kind, Unknown)
    assert "known parameters" in repr(graph)
    with pytest.raises(BadInput, match="add-a-layer-kind"):
        graph["mine"].kind.module((8, 8, 3))
    with pytest.raises(BadInput, match="layer of class"):
        to_keras(graph)
    with pytest.raises(BadInput, match="layer conv"):
        read(model, input_shape=(9, 9, 3))  # nobody knows what an unknown layer makes of another size


def test_unbuilt_sequential_asks_for_its_input() -> None:
    model = keras.Sequential([layers.Conv2D(4, 3), layers.Flatten(), layers.Dense(2)], name="open")
    with pytest.raises(BadInput, match=r"network 'open'.*--input 32x32x3"):
        read(model)
    assert read(model, input_shape=(8, 8, 3)).params == (27 + 1) * 4 + (6 * 6 * 4 + 1) * 2


def test_input_layers_as_triple_list_and_dictionary() -> None:
    a, b = keras.Input((3,), name="a"), keras.Input((3,), name="b")
    out = layers.Subtract(name="minus")([a, b])
    made = [
        keras.Model([a, b], out), keras.Model({"p": a, "q": b}, out), keras.Model([a, b], {"r": out, "s": b}),
    ]  # fmt: skip
    assert [read(model).inputs for model in made] == [("a", "b")] * 3
    assert read(made[2]).outputs == ("minus", "b")
    assert json.loads(made[1].to_json())["config"]["input_layers"].keys() == {"p", "q"}
    with pytest.raises(BadInput, match="several inputs"):
        read(made[0], input_shape=(5,))
    assert read(made[0], input_shape={"a": (5,), "b": (5,)}).output_shape == (5,)
    with pytest.raises(BadInput, match="names 'c'"):
        read(read(made[0]), input_shape={"c": (5,)})


def test_mixed_precision_and_frozen_layers_are_kept() -> None:
    x = keras.Input((8, 8, 3))
    y = layers.Conv2D(4, 3, dtype="mixed_float16", name="half")(x)
    y = layers.BatchNormalization(trainable=False, name="still")(y)
    y = layers.Dense(2, name="fc")(y)
    model = keras.Model(x, y)
    graph = read(model)
    assert graph["half"].dtype == "mixed_float16"
    assert not graph["still"].trainable
    assert graph.trainable_params == 27 * 4 + 4 + 4 * 2 + 2
    again = to_keras(graph)
    assert [layer.get_config() for layer in again.layers] == [layer.get_config() for layer in model.layers]


def test_a_whole_frozen_model_is_frozen_inside() -> None:
    inner = shared_and_nested()
    inner.trainable = False
    a, b = keras.Input((8, 8, 3)), keras.Input((8, 8, 3))
    model = keras.Model([a, b], layers.Dense(2)(inner([a, b], training=False)[0]))
    graph = read(model)
    assert graph.trainable_params == 3 * 2 + 2
    assert all('"training":false' in node.rest for node in graph.nodes if "whole/" in node.name)


def test_tensors_hidden_in_named_arguments_are_found() -> None:
    x, y = keras.Input((4, 6), name="x"), keras.Input((4, 6), name="y")
    out = layers.MultiHeadAttention(2, 3, name="look")(x, value=y)
    graph = read(keras.Model([x, y], layers.Dense(2)(out)))
    assert graph["look"].inputs == ("x", "y")
    assert graph.shapes["look"] == (4, 6)
    assert graph.unknown == ()


def test_keras_2_configurations_are_read() -> None:
    dense = {"class_name": "Dense", "config": {"name": "d", "units": 2, "batch_input_shape": [None, 3]}}
    assert read({"class_name": "Sequential", "config": {"name": "s", "layers": [dense]}}).params == 8
    start = {
        "class_name": "InputLayer",
        "config": {"batch_input_shape": [None, 6, 6, 3], "dtype": "float32", "name": "i"},
    }
    first = {"class_name": "GlorotUniform", "config": {"seed": None}}
    settings = {"filters": 3, "kernel_size": [3, 3], "padding": "same", "kernel_initializer": first}
    conv = {"class_name": "Conv2D", "config": {"name": "c", **settings}}
    leaky = {"class_name": "LeakyReLU", "config": {"name": "l", "alpha": 0.1}}
    add = {"class_name": "Add", "config": {"name": "a"}}
    nodes = ([], [[["i", 0, 0, {}]]], [[["c", 0, 0, {}]]], [[["l", 0, 0, {}], ["i", 0, 0, {}]]])
    found = [
        {**entry, "name": entry["config"]["name"], "inbound_nodes": nodes[place]}
        for place, entry in enumerate((start, conv, leaky, add))
    ]
    config = {"name": "m", "layers": found, "input_layers": [["i", 0, 0]], "output_layers": [["a", 0, 0]]}
    graph = read({"class_name": "Functional", "config": config, "keras_version": "2.15.0"})
    assert graph["a"].inputs == ("l", "i")
    assert graph["l"].kind.negative_slope == 0.1  # type: ignore[attr-defined]
    assert graph["c"].kind.kernel_initializer == "glorot_uniform"  # type: ignore[attr-defined]


def test_keras_2_files_are_read(tmp_path: Path) -> None:
    for model in (small(), keras.applications.MobileNetV2(weights=None, input_shape=(64, 64, 3), alpha=0.35)):
        model.save(tmp_path / "net.h5")
        graph = read(tmp_path / "net.h5")
        assert graph.params == model.count_params()
        assert graph.fingerprint == read(model).fingerprint
    model.save_weights(tmp_path / "only.weights.h5")
    with pytest.raises(BadInput, match="without a network"):
        read(tmp_path / "only.weights.h5")


def test_names_and_order_do_not_change_the_fingerprint() -> None:
    one, other = read(shared_and_nested()), read(shared_and_nested())
    assert one.fingerprint == other.fingerprint
    found = json.loads(small().to_json())
    text = json.dumps(found).replace('"conv"', '"eyes"').replace('"fc"', '"mouth"')
    assert read(text).fingerprint == read(found).fingerprint
    found["config"]["layers"][1]["config"]["filters"] = 5
    assert read(found).fingerprint != read(text).fingerprint


def test_reading_imports_neither_keras_nor_torch_nor_numpy(tmp_path: Path) -> None:
    small().save(tmp_path / "net.keras")
    code = (
        "import sys; from convsmith.graph import read; g = read(sys.argv[1]); g.params; g.macs; "
        "assert not {'keras', 'torch', 'numpy', 'h5py', 'onnx'} & set(sys.modules), sorted(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "net.keras")], check=True)


def test_only_the_configuration_of_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "net.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", small().to_json())
        archive.writestr("model.weights.h5", b"not an h5 file")
    assert read(path).params == small().count_params()
    with pytest.raises(BadInput, match="no weights that can be read"):
        read_keras_weights(path, read(path))
