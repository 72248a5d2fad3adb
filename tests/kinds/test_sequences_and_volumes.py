"""Layers over sequences and volumes, attention, embeddings, recurrent layers: each against Keras."""

from __future__ import annotations

import os
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras
import numpy as np
import onnxruntime
import pytest
import torch

import convsmith as cs
from convsmith.engine.lower import lower
from convsmith.errors import BadInput
from convsmith.formats.onnx import to_onnx
from convsmith.graph import notation, read
from convsmith.kinds import KINDS
from convsmith.testing.kind_exam import examine_kind

layers = keras.layers
LINE, BLOCK = (9, 4), (5, 6, 4, 2)
CASES: list[tuple[str, dict[str, Any], tuple[Any, ...]]] = [
    ("Conv1D", {"filters": 6, "kernel_size": 3, "strides": 2, "padding": "same"}, (LINE,)),
    ("Conv1D", {"filters": 4, "kernel_size": 2, "dilation_rate": 2, "padding": "causal"}, (LINE,)),
    ("Conv1D", {"filters": 4, "kernel_size": 3, "groups": 2, "use_bias": False}, (LINE,)),
    ("Conv1D", {"filters": 4, "kernel_size": 3, "activation": "relu", "padding": "causal"}, (LINE,)),
    ("Conv3D", {"filters": 3, "kernel_size": (2, 3, 1), "strides": (1, 2, 2), "padding": "same"}, (BLOCK,)),
    ("Conv3D", {"filters": 4, "kernel_size": 2, "groups": 2}, (BLOCK,)),
    ("MaxPooling1D", {"pool_size": 3, "strides": 2, "padding": "same"}, (LINE,)),
    ("MaxPooling3D", {}, (BLOCK,)),
    ("AveragePooling1D", {"pool_size": 3, "strides": 2, "padding": "same"}, (LINE,)),
    ("AveragePooling1D", {}, (LINE,)),
    ("AveragePooling3D", {"pool_size": (2, 3, 2)}, (BLOCK,)),
    ("GlobalAveragePooling1D", {}, (LINE,)),
    ("GlobalAveragePooling3D", {"keepdims": True}, (BLOCK,)),
    ("GlobalMaxPooling1D", {"keepdims": True}, (LINE,)),
    ("GlobalMaxPooling3D", {}, (BLOCK,)),
    ("UpSampling1D", {"size": 3}, (LINE,)),
    ("UpSampling3D", {"size": (2, 1, 3)}, (BLOCK,)),
    ("ZeroPadding1D", {"padding": (2, 1)}, (LINE,)),
    ("ZeroPadding3D", {"padding": ((1, 0), (0, 2), (1, 1))}, (BLOCK,)),
    ("Cropping1D", {"cropping": (2, 1)}, (LINE,)),
    ("Cropping3D", {"cropping": ((1, 0), (0, 2), (1, 1))}, (BLOCK,)),
    ("SpatialDropout1D", {"rate": 0.5}, (LINE,)),
    ("SpatialDropout3D", {"rate": 0.5}, (BLOCK,)),
    ("MultiHeadAttention", {"num_heads": 2, "key_dim": 3}, ((5, 4), (7, 6))),
    ("MultiHeadAttention", {"num_heads": 3, "key_dim": 2, "value_dim": 4, "output_shape": 5,
                            "use_bias": False}, ((5, 4), (7, 6), (7, 3))),
]  # fmt: skip


@pytest.mark.parametrize(("name", "settings", "shapes"), CASES, ids=lambda item: str(item)[:50])
def test_a_kind_is_the_same_as_keras_layer(name: str, settings: dict[str, Any], shapes: Any) -> None:
    examine_kind(KINDS[name](**settings), *shapes)


INNER = [
    ("Dense", {"units": 3, "activation": "relu"}, (4, 5)),
    ("Conv2D", {"filters": 2, "kernel_size": 3}, (3, 6, 5, 2)),
    ("Flatten", {}, (3, 4, 2)),
]


@pytest.mark.parametrize(("name", "settings", "shape"), INNER, ids=lambda item: str(item)[:40])
def test_a_layer_for_each_step_is_keras_s(name: str, settings: dict[str, Any], shape: Any) -> None:
    inputs = keras.Input(shape)
    inner = getattr(layers, name)(**settings)
    model = keras.Model(inputs, layers.TimeDistributed(inner, name="each")(inputs))
    graph = read(model)
    one = read(keras.Sequential([keras.Input(shape[1:]), getattr(layers, name)(**settings)]))
    assert (graph.output_shape, graph.params) == (tuple(model.output_shape[1:]), model.count_params())
    assert graph.macs == shape[0] * (one.macs or 0)
    x = np.random.default_rng(0).normal(size=(2, *shape)).astype(np.float32)
    wanted = model(x).detach().numpy()
    np.testing.assert_allclose(cs.predict(model, x, verbose=0), wanted, rtol=1e-4, atol=1e-5)


def test_an_embedding_is_keras_s() -> None:
    model = keras.Sequential([keras.Input((5,)), layers.Embedding(9, 4), layers.GlobalAveragePooling1D(),
                              layers.Dense(2, activation="softmax")])  # fmt: skip
    model.compile("sgd", "sparse_categorical_crossentropy")
    x = np.random.default_rng(0).integers(0, 9, (12, 5))
    graph = read(model)
    assert (graph.params, graph.macs) == (model.count_params(), 8)
    twin = keras.models.clone_model(model)
    twin.set_weights(model.get_weights())
    twin.compile("sgd", "sparse_categorical_crossentropy")
    options = {"epochs": 2, "batch_size": 4, "shuffle": False, "verbose": 0}
    found, wanted = cs.fit(model, x, np.arange(12) % 2, **options), twin.fit(x, np.arange(12) % 2, **options)
    np.testing.assert_allclose(found.history["loss"], wanted.history["loss"], rtol=1e-4)
    weights = dict(zip(graph.weights, model.get_weights(), strict=True))
    session = onnxruntime.InferenceSession(to_onnx(graph, weights).SerializeToString())
    (written,) = session.run(None, {session.get_inputs()[0].name: x.astype(np.float32)})
    np.testing.assert_allclose(written, model.predict(x, verbose=0), rtol=1e-4, atol=1e-6)
    with pytest.raises(
        BadInput, match=r"layer embedding.* \(Embedding\): numbers from 9 to 9; expected 0 to 8"
    ):
        cs.predict(model, np.full((1, 5), 9), verbose=0)


def transformer(**call: Any) -> Any:
    keras.utils.set_random_seed(0)
    inputs = keras.Input((6, 4))
    x = layers.MultiHeadAttention(2, 3, name="attention")(inputs, inputs, **call)
    x = layers.LayerNormalization()(x + inputs)
    return keras.Model(inputs, layers.GlobalAveragePooling1D()(x))


@pytest.mark.parametrize("causal", [False, True])
def test_attention_as_programs_call_it_is_keras_s(causal: bool) -> None:
    model = transformer(use_causal_mask=causal)
    graph = read(model)
    assert graph.unknown == ()
    assert graph.params == model.count_params()
    assert graph.macs == 6 * (4 * 6 * 3 + 6 * 4) + 6 * 6 * 2 * 6
    x = np.random.default_rng(0).normal(size=(3, 6, 4)).astype(np.float32)
    wanted = model(x).detach().numpy()
    np.testing.assert_allclose(cs.predict(model, x, verbose=0), wanted, rtol=1e-4, atol=1e-5)
    weights = dict(zip(graph.weights, model.get_weights(), strict=True))
    session = onnxruntime.InferenceSession(to_onnx(graph, weights).SerializeToString())
    (written,) = session.run(None, {session.get_inputs()[0].name: x})
    np.testing.assert_allclose(written, wanted, rtol=1e-4, atol=1e-5)


def test_attention_trains_as_in_keras() -> None:
    x = np.random.default_rng(0).normal(size=(8, 6, 4)).astype(np.float32)
    losses = []
    for fit in (cs.fit, keras.Model.fit):
        model = transformer()
        model.compile(keras.optimizers.SGD(0.1), "mse")
        found = fit(model, x, x.mean(1)[:, ::-1].copy(), epochs=3, batch_size=4, shuffle=False, verbose=0)
        losses.append(found.history["loss"])
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-4)


def test_attention_by_name_is_the_same_network() -> None:
    inputs, other = keras.Input((6, 4)), keras.Input((5, 4))
    layer = layers.MultiHeadAttention(2, 3)
    by_name = keras.Model([inputs, other], layer(value=other, query=inputs))
    by_place = keras.Model([inputs, other], layer(inputs, other))
    assert read(by_name).fingerprint == read(by_place).fingerprint


def test_attention_with_a_mask_is_listed_as_unknown() -> None:
    inputs, mask = keras.Input((6, 4)), keras.Input((6, 6))
    model = keras.Model(
        [inputs, mask], layers.MultiHeadAttention(2, 3, name="a")(inputs, inputs, attention_mask=mask)
    )
    assert read(model).unknown == ("a",)


RECURRENT = [
    (layers.LSTM, {"units": 3}, 4),
    (layers.LSTM, {"units": 3, "return_sequences": True, "use_bias": False}, 4),
    (layers.GRU, {"units": 5}, 3),
    (layers.GRU, {"units": 5, "reset_after": False, "return_sequences": True}, 3),
]  # fmt: skip


@pytest.mark.parametrize(("layer", "settings", "gates"), RECURRENT)
def test_recurrent_layers_are_counted_as_keras_counts_them(layer: Any, settings: Any, gates: int) -> None:
    model = keras.Sequential([keras.Input((7, 2)), layer(**settings, name="steps")])
    graph = read(model)
    assert (graph.output_shape, graph.params) == (tuple(model.output_shape[1:]), model.count_params())
    units = settings["units"]
    assert graph.macs == 7 * gates * units * (units + 2)
    with pytest.raises(BadInput, match=r"layer steps \(\w+\): is counted, and not run here"):
        lower(graph)


def test_a_recurrent_layer_that_hands_its_state_on_is_unknown() -> None:
    inputs = keras.Input((7, 2))
    outputs, *_ = layers.LSTM(3, return_state=True, name="steps")(inputs)
    assert "steps" in read(keras.Model(inputs, outputs)).unknown


EINSUMS = {"bhqd,bhkd->bhqk": ((2, 4, 3), (2, 5, 3)), "bqd,bkd->bqk": ((4, 3), (5, 3)), "bij->bji": ((4, 3),)}


@pytest.mark.parametrize("subscripts", sorted(EINSUMS))
def test_einsum_is_keras_s(subscripts: str) -> None:
    shapes = EINSUMS[subscripts]
    inputs = [keras.Input(shape) for shape in shapes]
    model = keras.Model(inputs, keras.ops.einsum(subscripts, *inputs))
    graph = read(model)
    assert graph.output_shape == tuple(model.output_shape[1:])
    assert graph.macs == {"bhqd,bhkd->bhqk": 120, "bqd,bkd->bqk": 60}.get(subscripts, 0)
    given = [np.random.default_rng(0).normal(size=(2, *shape)).astype(np.float32) for shape in shapes]
    _same(model, graph, given)


PATCHES = [
    {"size": 3},
    {"size": (2, 3), "strides": (1, 2), "padding": "same"},
    {"size": 2, "strides": 1, "dilation_rate": 2},
]


@pytest.mark.parametrize("settings", PATCHES, ids=str)
def test_patches_are_keras_s(settings: dict[str, Any]) -> None:
    inputs = keras.Input((7, 8, 2))
    model = keras.Model(inputs, keras.ops.image.extract_patches(inputs, **settings))
    graph = read(model)
    assert (graph.output_shape, graph.macs) == (tuple(model.output_shape[1:]), 0)
    _same(model, graph, [np.random.default_rng(0).normal(size=(2, 7, 8, 2)).astype(np.float32)])


def _same(model: Any, graph: Any, given: list[np.ndarray]) -> None:
    """Keras's answer, the engine's and ONNX Runtime's."""
    wanted = model(given if len(given) > 1 else given[0]).detach()
    first = [torch.from_numpy(x).permute(0, 3, 1, 2) if x.ndim == 4 else torch.from_numpy(x) for x in given]
    found = lower(graph)(*first)
    torch.testing.assert_close(
        found.permute(0, 2, 3, 1) if found.dim() == 4 else found, wanted, rtol=1e-4, atol=1e-5
    )
    session = onnxruntime.InferenceSession(to_onnx(graph, {}).SerializeToString())
    feeds = {item.name: x for item, x in zip(session.get_inputs(), given, strict=True)}
    np.testing.assert_allclose(session.run(None, feeds)[0], wanted.numpy(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "settings"),
    [("Conv1D", {"filters": 2, "kernel_size": 0}), ("Conv3D", {"filters": 2, "kernel_size": (1, 2)}),
     ("MaxPooling1D", {"strides": -1}), ("Embedding", {"input_dim": 0, "output_dim": 2}),
     ("MultiHeadAttention", {"num_heads": 0, "key_dim": 2}), ("LSTM", {"units": 2, "dropout": 1.5}),
     ("UpSampling3D", {"size": 0}), ("ZeroPadding1D", {"padding": -1})],
)  # fmt: skip
def test_numbers_out_of_range_name_the_layer(name: str, settings: dict[str, Any]) -> None:
    with pytest.raises(BadInput, match=rf"layer own \({name}\)"):
        getattr(notation.layers, name)(name="own", **settings)


NEEDED: dict[str, dict[str, Any]] = {
    "Conv1D": {"filters": 2, "kernel_size": 3}, "Conv3D": {"filters": 2, "kernel_size": 3},
    "AveragePooling1D": {"pool_size": 2}, "AveragePooling3D": {"pool_size": 2},
    "SpatialDropout1D": {"rate": 0.5}, "SpatialDropout3D": {"rate": 0.5},
    "Embedding": {"input_dim": 3, "output_dim": 2}, "LSTM": {"units": 2}, "GRU": {"units": 2},
    "MultiHeadAttention": {"num_heads": 2, "key_dim": 3},
}  # fmt: skip


@pytest.mark.parametrize("name", sorted({case[0] for case in CASES} | {"Embedding", "LSTM", "GRU"}))
def test_the_settings_and_their_defaults_are_keras(name: str) -> None:
    layer = getattr(layers, name)(**NEEDED.get(name, {}))
    config = keras.saving.serialize_keras_object(layer)["config"]
    found, plain = KINDS[name].from_config(config).settings(), KINDS[name](**NEEDED.get(name, {})).settings()
    beyond = {key for key, value in config.items() if key not in KINDS[name].field_names() and value}
    assert beyond <= {"name", "trainable", "dtype"}
    drawn = {key for key in found if key.endswith("_initializer")}  # objects of Keras's own defaults
    assert {key: value for key, value in found.items() if key not in drawn} == plain
