"""Random live Keras models: read, they have Keras's shapes and counts, and come back layer by layer."""

from __future__ import annotations

import json
from typing import Any

import keras
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import layers

from convsmith.formats.keras import to_keras
from convsmith.graph import Graph, read

ACTIVATIONS = ("relu", "silu", "gelu", "tanh", "linear", "softplus")


@st.composite
def models(draw: st.DrawFn) -> Any:
    """A model of random layers, some shared, some nested, with branches, operators and several ends."""
    pick = lambda options: draw(st.sampled_from(options))  # noqa: E731
    size = (pick((7, 12, 16)), pick((8, 13)), pick((1, 3, 4)))
    tensors = [keras.Input(size)]
    if pick((True, False)):
        tensors.append(keras.Input(size))
    inputs = list(tensors)
    for _ in range(draw(st.integers(2, 7))):
        x = pick(tensors)
        tensors.append(draw(grown(x, [y for y in tensors if y.shape == x.shape])))
    ends = [layers.GlobalAveragePooling2D()(tensors[-1])]
    ends[0] = layers.Dense(pick((2, 5)), activation=pick(("softmax", "sigmoid", None)))(ends[0])
    if pick((True, False)):
        ends.append(layers.Flatten()(pick(tensors[len(inputs) :])))
    return keras.Model(inputs, ends)


@st.composite
def grown(draw: st.DrawFn, x: Any, alike: list[Any]) -> Any:
    pick = lambda options: draw(st.sampled_from(options))  # noqa: E731
    channels = x.shape[-1]
    kind = pick((
        "conv", "conv", "depthwise", "separable", "pool", "norm", "merge", "operator", "resize", "shared",
        "nested", "gate", "pointwise", "transpose", "augment",
    ))  # fmt: skip
    padding, stride, act = pick(("same", "valid")), pick((1, 1, 2)), pick(ACTIVATIONS)
    kernel = pick((1, 2, 3)) if padding == "valid" and min(x.shape[1:3]) < 5 else pick((1, 3, 5))
    if min(x.shape[1:3]) < 5:
        padding = "same"
    if kind == "conv":
        groups = pick([g for g in (1, 2, channels) if channels % g == 0])
        return layers.Conv2D(
            4 * groups, kernel, stride, padding, groups=groups, activation=act, use_bias=pick((True, False))
        )(x)
    if kind == "depthwise":
        return layers.DepthwiseConv2D(kernel, stride, padding, depth_multiplier=pick((1, 2)))(x)
    if kind == "separable":
        return layers.SeparableConv2D(5, kernel, stride, padding, activation=act)(x)
    if kind == "pool":
        pool = pick((layers.MaxPooling2D, layers.AveragePooling2D))
        return pool(2, strides=pick((None, 1)), padding="same")(x)
    if kind == "norm":
        norms = (layers.BatchNormalization, layers.LayerNormalization, layers.UnitNormalization)
        return layers.Activation(act)(pick(norms)()(x))
    if kind == "merge":
        merge = pick((layers.Add, layers.Multiply, layers.Average, layers.Maximum, layers.Concatenate))
        return merge()([x, pick(alike)])
    if kind == "operator":
        return pick((lambda a, b: a + b, lambda a, b: 2 * a - b, lambda a, b: keras.ops.maximum(a, -b) / 3))(
            x, pick(alike)
        )
    if kind == "resize":
        around = pick(
            (
                layers.ZeroPadding2D(((1, 0), (2, 1))),
                layers.UpSampling2D(2),
                layers.Cropping2D(((0, 1), (1, 0))),
            )
        )
        return around(x)
    if kind == "shared":
        layer = layers.Conv2D(channels, kernel, padding="same", trainable=pick((True, False)))
        return layer(layers.PReLU(shared_axes=[1, 2])(layer(x)))
    if kind == "nested":
        block = keras.Sequential([layers.Conv2D(channels, 1), layers.BatchNormalization(), layers.ReLU(6.0)])
        return layers.Add()([x, block(block(x))])
    if kind == "gate":
        pooled = layers.GlobalMaxPooling2D(keepdims=True)(x)
        return layers.Multiply()([x, layers.Conv2D(channels, 1, activation="sigmoid")(pooled)])
    if kind == "transpose":
        return layers.Conv2DTranspose(3, kernel, stride, padding, use_bias=pick((True, False)))(x)
    if kind == "augment":
        return layers.Dropout(0.2)(layers.RandomFlip("horizontal")(x))
    return layers.Dense(4, activation=act)(x)


def count(weights: list[Any]) -> int:
    total = 0
    for weight in weights:
        size = 1
        for item in weight.shape:
            size *= int(item)
        total += size
    return total


def plain_layers(model: Any, prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    sequential = isinstance(model, keras.Sequential)
    for layer in model.layers if sequential else model.operations:
        if hasattr(layer, "get_layer"):
            found |= plain_layers(layer, f"{prefix}{layer.name}/")
        elif not isinstance(layer, layers.InputLayer) or not prefix:
            found[prefix + layer.name] = layer
    return found


@settings(max_examples=25, deadline=None)
@given(model=models())
def test_a_random_model_is_read_as_keras_has_it(model: Any) -> None:
    graph = read(model)
    assert graph.params == model.count_params()
    assert graph.trainable_params == count(model.trainable_weights)
    assert [graph.shapes[name] for name in graph.outputs] == [tuple(end.shape[1:]) for end in model.outputs]
    theirs = plain_layers(model)
    owners = {node.owner for node in graph.nodes}
    assert owners == set(theirs)
    for name, layer in theirs.items():
        own = [w.shape for key, w in graph.weights.items() if key.rpartition("/")[0] == name]
        assert own == [tuple(weight.shape) for weight in getattr(layer, "weights", [])], name
        if "/" not in name:
            for number, node in enumerate(graph.uses[name]):
                assert graph.shapes[node] == tuple(layer._inbound_nodes[number].output_tensors[0].shape[1:])
    assert Graph.from_json(json.loads(json.dumps(graph.to_json()))) == graph


@settings(max_examples=12, deadline=None)
@given(model=models())
def test_a_random_model_comes_back_layer_by_layer(model: Any) -> None:
    graph = read(model)
    back = to_keras(graph)
    assert read(back).fingerprint == graph.fingerprint
    theirs, ours = plain_layers(model), plain_layers(back)
    for name, layer in theirs.items():
        config = {**layer.get_config(), "name": ""}
        assert {**ours[name.replace("/", "_")].get_config(), "name": ""} == config
