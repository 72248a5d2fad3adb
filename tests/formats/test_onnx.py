"""The exported model: ONNX Runtime, the engine and Keras say the same of random networks."""

from __future__ import annotations

import json
import random

import numpy as np
import onnx
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from convsmith.engine.lower import lower
from convsmith.errors import BadInput
from convsmith.formats.check import check_onnx, open_session
from convsmith.formats.onnx import export_onnx, to_onnx
from convsmith.graph import Graph
from convsmith.graph import notation as recorded
from convsmith.kinds.window import pads
from convsmith.testing.random_networks import random_network, random_weights
from convsmith.zoo import network


def run(model, x_NHWC):
    session = open_session(model, threads=1)
    return session.run(None, {session.get_inputs()[0].name: np.asarray(x_NHWC, np.float32)})[0]


def close(a, b):
    np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-5 * max(1.0, float(np.abs(b).max())))


def made(seed, ends=("softmax", "linear", "sigmoid")):
    graph = random_network(random.Random(seed).choice, ends=ends)
    rng = np.random.default_rng(seed)
    weights = random_weights(graph, rng)
    return graph, weights, rng.uniform(0, 3, (3, *graph.input_shape)).astype(np.float32)


@given(seed=st.integers(0, 10**6))
@settings(max_examples=60, deadline=None)
def test_a_random_network_in_onnx_runtime_is_the_engine_s(seed):
    graph, weights, x_NHWC = made(seed)
    model = to_onnx(graph, weights)
    onnx.checker.check_model(model, full_check=True)
    with torch.inference_mode():
        ours = lower(graph, weights)(torch.from_numpy(x_NHWC).permute(0, 3, 1, 2)).numpy()
    close(run(model, x_NHWC), ours)
    close(run(model, x_NHWC[:1]), ours[:1])


def to_keras(graph: Graph, weights):
    """The network built by Keras itself, layer by layer, by Keras's names."""
    keras = pytest.importorskip("keras")
    layers, tensors = {}, {}
    for node in graph.nodes:
        if node.kind_name == "InputLayer":
            tensors[node.name] = keras.Input(graph.shapes[node.name])
            continue
        if node.owner == node.name:
            layers[node.name] = getattr(keras.layers, node.kind_name).from_config(node.kind.config())
        sources = [tensors[source] for source in node.inputs]
        tensors[node.name] = layers[node.owner](sources[0] if len(sources) == 1 else sources)
    model = keras.Model(tensors[graph.inputs[0]], tensors[graph.outputs[0]])
    for name, layer in layers.items():
        layer.set_weights([weights[f"{name}/{weight.name}"] for weight in layer.weights])
    return model


def averages_over_an_uneven_edge(graph):
    """Keras on torch repeats the last row there instead of leaving it out, as its other backends do."""
    for node in graph.nodes:
        if node.kind_name == "AveragePooling2D":
            rows, columns, _ = graph.input_shapes(node)[0]
            sides = pads(rows, columns, node.kind.pool_size, node.kind.strides, node.kind.padding)
            if sides[0] != sides[1] or sides[2] != sides[3]:
                return True
    return False


@pytest.mark.parametrize("seed", range(25))
def test_a_random_network_in_onnx_runtime_is_keras_s(seed):
    while averages_over_an_uneven_edge(made(seed)[0]):
        seed += 1000
    graph, weights, x_NHWC = made(seed)
    theirs = np.asarray(to_keras(graph, weights)(x_NHWC, training=False).detach())
    close(run(to_onnx(graph, weights), x_NHWC), theirs)


@pytest.mark.parametrize("name", ["MobileNetV3Small", "EfficientNetB0", "DenseNet121"])
def test_keras_applications_in_onnx_runtime_are_the_engine_s(name):
    keras = pytest.importorskip("keras")
    from convsmith.graph.read import read

    settings = {"weights": None, "input_shape": (48, 48, 3), "classes": 7, "classifier_activation": None}
    graph = read(getattr(keras.applications, name)(**settings))
    weights = random_weights(graph, np.random.default_rng(0))
    x_NHWC = np.random.default_rng(1).integers(0, 256, (3, 48, 48, 3)).astype(np.float32)
    model = to_onnx(graph, weights)
    with torch.inference_mode():
        ours = lower(graph, weights)(torch.from_numpy(x_NHWC).permute(0, 3, 1, 2)).numpy()
    assert ours.std(0).max() > 0
    np.testing.assert_allclose(run(model, x_NHWC), ours, atol=1e-4 * float(np.abs(ours).max()))


def test_the_random_networks_use_every_kind_that_has_an_onnx_form():
    from convsmith.kinds import KINDS, Kind

    seen = {node.kind_name for seed in range(300) for node in made(seed)[0].nodes}
    written = {name for name, kind in KINDS.items() if kind.onnx is not Kind.onnx}
    assert written & BUILT_IN <= seen | {"Softmax"}, sorted(written & BUILT_IN - seen)


BUILT_IN = {
    "Activation", "Add", "AveragePooling2D", "BatchNormalization", "Concatenate", "Conv2D", "Dense",
    "DepthwiseConv2D", "Dropout", "Flatten", "GlobalAveragePooling2D", "GlobalMaxPooling2D", "MaxPooling2D",
    "Multiply", "ReLU", "Rescaling", "Reshape", "SeparableConv2D", "Softmax", "ZeroPadding2D",
}  # fmt: skip


def lenet():
    graph = network("lenet5")
    return graph, random_weights(graph, np.random.default_rng(0))


def test_one_transpose_at_the_front_and_none_before_a_dense_layer():
    model = to_onnx(*lenet())
    operators = [node.op_type for node in model.graph.node]
    assert operators == [
        "Transpose", "Conv", "Relu", "MaxPool", "Conv", "Relu", "MaxPool", "Flatten",
        "Gemm", "Relu", "Gemm", "Relu", "Gemm", "Softmax",
    ]  # fmt: skip


def test_a_flatten_that_others_see_keeps_keras_s_order():
    x = inputs = recorded.Input((2, 3, 4))
    graph = recorded.Model(inputs, recorded.layers.Flatten()(x))
    x_NHWC = np.arange(48, dtype=np.float32).reshape(2, 2, 3, 4)
    np.testing.assert_array_equal(run(to_onnx(graph, {}), x_NHWC), x_NHWC.reshape(2, 24))


def test_names_metadata_and_a_free_batch(tmp_path):
    graph, weights = lenet()
    about = export_onnx(graph, weights, tmp_path / "net.onnx", classes=["nul", "één"])
    session = open_session(tmp_path / "net.onnx", threads=1)
    (image,), (out,) = session.get_inputs(), session.get_outputs()
    assert (image.name, image.type, image.shape) == ("image", "tensor(float)", ["N", 32, 32, 1])
    assert (out.name, out.shape) == ("probabilities", ["N", 10])
    found = session.get_modelmeta().custom_metadata_map
    assert json.loads(found["classes"]) == ["nul", "één"]
    assert found["fingerprint"] == graph.fingerprint
    assert found["convsmith"]
    assert about["bytes"] == (tmp_path / "net.onnx").stat().st_size
    assert about["bytes"] < 4 * graph.params + 5_000
    np.testing.assert_allclose(run(tmp_path / "net.onnx", np.ones((5, 32, 32, 1))).sum(1), 1, rtol=1e-5)


def test_an_image_output_comes_back_channels_last():
    x = inputs = recorded.Input((6, 5, 3))
    x = recorded.layers.Dense(2, activation="softmax")(recorded.layers.Conv2D(4, 3, padding="same")(x))
    graph = recorded.Model(inputs, x)
    weights = random_weights(graph, np.random.default_rng(0))
    x_NHWC = np.random.default_rng(1).normal(size=(2, 6, 5, 3)).astype(np.float32)
    found = run(to_onnx(graph, weights), x_NHWC)
    assert found.shape == (2, 6, 5, 2)
    close(found, np.asarray(to_keras(graph, weights)(x_NHWC).detach()))


def test_two_inputs_and_two_outputs_keep_their_names():
    a, b = recorded.Input((4, 4, 1), name="left"), recorded.Input((4, 4, 1), name="right")
    total = recorded.layers.Add(name="total")([a, b])
    graph = recorded.Model([a, b], [total, recorded.layers.Flatten(name="row")(total)])
    session = open_session(to_onnx(graph, {}), threads=1)
    x = np.random.default_rng(0).normal(size=(2, 1, 4, 4, 1)).astype(np.float32)
    found = dict(
        zip(
            [item.name for item in session.get_outputs()],
            session.run(None, {"left": x[0], "right": x[1]}),
            strict=True,
        )
    )
    np.testing.assert_array_equal(found["total"], x[0] + x[1])
    np.testing.assert_array_equal(found["row"], (x[0] + x[1]).reshape(1, 16))


def test_the_uses_of_a_shared_layer_store_its_weights_once():
    layer = recorded.layers.Conv2D(2, 3, padding="same")
    x = inputs = recorded.Input((6, 6, 2))
    graph = recorded.Model(inputs, layer(layer(x)))
    model = to_onnx(graph, random_weights(graph, np.random.default_rng(0)))
    assert len(model.graph.initializer) == 2


def test_the_same_network_gives_the_same_bytes():
    first, second = (to_onnx(*lenet()).SerializeToString(deterministic=True) for _ in range(2))
    assert first == second


def test_check_counts_what_differs():
    graph, weights = lenet()
    x_NHWC = np.random.default_rng(0).integers(0, 256, (70, 32, 32, 1), dtype=np.uint8)
    model = to_onnx(graph, weights)
    found = check_onnx(model, graph, weights, x_NHWC)
    assert found.images == 70
    assert found.same_predictions
    assert found.largest_difference < 1e-3
    others = weights | {"softmax/kernel": -weights["softmax/kernel"]}
    wrong = check_onnx(model.SerializeToString(), graph, others, x_NHWC)
    assert wrong.disagreements > 0
    assert wrong.largest_difference > 0.1
    assert wrong.to_json()["same_predictions"] is False


def test_errors_say_what_is_missing(tmp_path):
    graph, weights = lenet()
    del weights["fc3/bias"]
    with pytest.raises(BadInput, match="no weights for fc3/bias"):
        to_onnx(graph, weights)
    (tmp_path / "no.onnx").write_bytes(b"not a model")
    with pytest.raises(BadInput, match=r"no\.onnx: ONNX Runtime says"):
        open_session(tmp_path / "no.onnx")
