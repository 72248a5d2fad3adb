"""Every kind's torch form against Keras itself: outputs, gradients and statistics, over many settings."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

os.environ.setdefault("KERAS_BACKEND", "torch")

import torch

from convsmith.engine.lower import lower
from convsmith.engine.weights import dump, tensors, to_keras
from convsmith.errors import BadInput
from convsmith.graph import Graph, Node, read
from convsmith.kinds import KINDS, Kind
from convsmith.kinds.input_layer import InputLayer
from convsmith.testing.random_networks import ACTIVATIONS

sizes = st.integers(3, 9)
pairs = st.tuples(st.integers(1, 3), st.integers(1, 3))
pads = st.sampled_from(["valid", "same"])
flags = st.booleans()
acts = st.sampled_from([*ACTIVATIONS, "softmax", "log_softmax"])
images = st.tuples(sizes, sizes, st.integers(1, 5))


def make(name: str, **choices: st.SearchStrategy[Any]) -> st.SearchStrategy[Kind]:
    """Kinds of that name over the given settings."""
    return st.builds(KINDS[name], **choices)


def strided(name: str, **choices: st.SearchStrategy[Any]) -> st.SearchStrategy[Kind]:
    """Convolutions: Keras takes a stride or a dilation above 1, not both."""
    one = st.just((1, 1))
    plain = make(name, kernel_size=pairs, strides=pairs, dilation_rate=one, padding=pads, **choices)
    dilated = make(name, kernel_size=pairs, strides=one, dilation_rate=pairs, padding=pads, **choices)
    return plain | dilated


@st.composite
def grouped(draw: Any) -> tuple[Kind, list[tuple[int, ...]]]:
    groups = draw(st.sampled_from([1, 2, 3]))
    shape = (draw(sizes), draw(sizes), groups * draw(st.integers(1, 2)))
    each = draw(strided("Conv2D", filters=st.just(groups * draw(st.integers(1, 3))), groups=st.just(groups),
                        activation=acts, use_bias=flags))  # fmt: skip
    return each, [shape]


@st.composite
def normed(draw: Any) -> tuple[Kind, list[tuple[int, ...]]]:
    groups = draw(st.integers(1, 3))
    shape = (draw(sizes), draw(sizes), groups * draw(st.integers(1, 3)))
    epsilon, center, scale = draw(st.sampled_from([1e-3, 1e-5])), draw(flags), draw(flags)
    return KINDS["GroupNormalization"](groups, epsilon=epsilon, center=center, scale=scale), [shape]


@st.composite
def permuted(draw: Any) -> tuple[Kind, list[tuple[int, ...]]]:
    return KINDS["Permute"](tuple(draw(st.permutations([1, 2, 3])))), [draw(images)]


@st.composite
def measured(draw: Any) -> tuple[Kind, list[tuple[int, ...]]]:
    shape = draw(images)
    each = draw(flags)
    mean = tuple(draw(st.floats(-1, 1, width=32)) for _ in range(shape[2])) if each else 0.5
    variance = tuple(draw(st.floats(0.5, 2, width=32)) for _ in range(shape[2])) if each else 2.0
    axis = -1 if each else None
    return KINDS["Normalization"](axis=axis, mean=mean, variance=variance, invert=draw(flags)), [shape]


@st.composite
def several(draw: Any, name: str) -> tuple[Kind, list[tuple[int, ...]]]:
    shape = draw(images | st.tuples(st.integers(1, 6)))
    count = 2 if name == "Subtract" else draw(st.integers(2, 4))
    return KINDS[name](), [shape] * count


@st.composite
def joined(draw: Any) -> tuple[Kind, list[tuple[int, ...]]]:
    shape = list(draw(images))
    axis = draw(st.sampled_from([-1, 1, 2, 3, -2, -3]))
    place = axis - 1 if axis > 0 else axis
    shapes = []
    for _ in range(draw(st.integers(2, 3))):
        other = list(shape)
        other[place] = draw(st.integers(1, 4))
        shapes.append(tuple(other))
    return KINDS["Concatenate"](axis), shapes


@st.composite
def reshaped(draw: Any) -> tuple[Kind, list[tuple[int, ...]]]:
    rows, columns, channels = draw(images)
    target = draw(
        st.sampled_from(
            [(rows * columns, channels), (channels, columns, rows), (-1,), (columns, -1), (1, rows, -1)]
        )
    )
    return KINDS["Reshape"](target), [(rows, columns, channels)]


@st.composite
def cut(draw: Any) -> tuple[Kind, list[tuple[int, ...]]]:
    rows, columns, channels = draw(images)
    if draw(flags):
        return KINDS["CenterCrop"](draw(st.integers(1, rows)), draw(st.integers(1, columns))), [
            (rows, columns, channels)
        ]
    top, left = draw(st.integers(0, rows // 2)), draw(st.integers(0, columns // 2))
    sides = ((top, draw(st.integers(0, rows - top - 1))), (left, draw(st.integers(0, columns - left - 1))))
    return KINDS["Cropping2D"](sides), [(rows, columns, channels)]


def one(strategy: st.SearchStrategy[Kind], shapes: st.SearchStrategy[Any] = images) -> Any:
    return st.tuples(strategy, st.tuples(shapes).map(list))


ranks = images | st.tuples(st.integers(2, 6)) | st.tuples(st.integers(2, 4), st.integers(2, 5))
shifts = st.integers(0, 3)
CASES: dict[str, st.SearchStrategy[tuple[Kind, list[tuple[int, ...]]]]] = {
    "Activation": one(make("Activation", activation=acts), ranks),
    "AveragePooling2D": one(
        make("AveragePooling2D", pool_size=pairs, strides=pairs | st.none(), padding=pads)
    ),
    "BatchNormalization": one(
        make("BatchNormalization", momentum=st.sampled_from([0.99, 0.5, 0.0]), center=flags, scale=flags,
             epsilon=st.sampled_from([1e-3, 1e-5])), ranks,
    ),
    "Concatenate": joined(),
    "Conv2D": grouped(),
    "Conv2DTranspose": one(
        make("Conv2DTranspose", filters=st.integers(1, 4), kernel_size=pairs, strides=pairs, padding=pads,
             activation=acts, use_bias=flags)
    ),
    "Cropping2D": cut(),
    "CustomScaleLayer": st.tuples(
        make("CustomScaleLayer", scale=st.sampled_from([0.17, 1.5])), images.map(lambda shape: [shape] * 2)
    ),
    "Dense": one(make("Dense", units=st.integers(1, 6), activation=acts, use_bias=flags), ranks),
    "DepthwiseConv2D": one(
        strided("DepthwiseConv2D", depth_multiplier=st.integers(1, 3), activation=acts, use_bias=flags)
    ),
    "ELU": one(make("ELU", alpha=st.sampled_from([1.0, 0.3])), ranks),
    "Flatten": one(make("Flatten"), ranks),
    "GlobalAveragePooling2D": one(make("GlobalAveragePooling2D", keepdims=flags)),
    "GlobalMaxPooling2D": one(make("GlobalMaxPooling2D", keepdims=flags)),
    "GroupNormalization": normed(),
    "Identity": one(make("Identity"), ranks),
    "LayerNormalization": one(
        make("LayerNormalization", epsilon=st.sampled_from([1e-3, 1e-6]), center=flags, scale=flags), ranks
    ),
    "LayerScale": images.map(lambda shape: (KINDS["LayerScale"](0.3, shape[2]), [shape])),
    "LeakyReLU": one(make("LeakyReLU", negative_slope=st.sampled_from([0.3, 0.0, 0.1])), ranks),
    "MaxPooling2D": one(make("MaxPooling2D", pool_size=pairs, strides=pairs | st.none(), padding=pads)),
    "Normalization": measured(),
    "PReLU": one(make("PReLU", shared_axes=st.sampled_from([None, (1, 2), (1,)]))),
    "Permute": permuted(),
    "ReLU": one(
        make("ReLU", max_value=st.sampled_from([None, 6, 1.5]), negative_slope=st.sampled_from([0.0, 0.2]),
             threshold=st.sampled_from([0.0, 0.4])), ranks,
    ),
    "RepeatVector": one(make("RepeatVector", n=st.integers(1, 4)), st.tuples(st.integers(1, 6))),
    "Rescaling": one(
        make("Rescaling", scale=st.sampled_from([1 / 255, 2.0]), offset=st.sampled_from([0.0, -1.0])), ranks
    ),
    "Reshape": reshaped(),
    "Resizing": one(
        make("Resizing", height=sizes, width=sizes, interpolation=st.sampled_from(["nearest", "bilinear"]))
    ),
    "SeparableConv2D": one(
        make("SeparableConv2D", filters=st.integers(1, 4), kernel_size=pairs, padding=pads, activation=acts,
             strides=st.sampled_from([(1, 1), (2, 2)]), depth_multiplier=st.integers(1, 2), use_bias=flags)
    ),
    "Softmax": one(make("Softmax"), ranks),
    "UnitNormalization": one(make("UnitNormalization"), ranks),
    "UpSampling2D": one(
        make("UpSampling2D", size=pairs, interpolation=st.sampled_from(["nearest", "bilinear"]))
    ),
    "ZeroPadding2D": one(
        make("ZeroPadding2D", padding=st.tuples(st.tuples(shifts, shifts), st.tuples(shifts, shifts)))
    ),
    **{name: several(name) for name in ("Add", "Average", "Maximum", "Minimum", "Multiply", "Subtract")},
}  # fmt: skip

SEQUENCES_AND_VOLUMES = {
    "AveragePooling1D", "AveragePooling3D", "Conv1D", "Conv3D", "Cropping1D", "Cropping3D", "Embedding",
    "GlobalAveragePooling1D", "GlobalAveragePooling3D", "GlobalMaxPooling1D", "GlobalMaxPooling3D",
    "GRU", "LSTM", "MaxPooling1D", "MaxPooling3D", "MultiHeadAttention", "SpatialDropout1D",
    "SpatialDropout3D", "TimeDistributed", "UpSampling1D", "UpSampling3D", "ZeroPadding1D", "ZeroPadding3D",
}  # fmt: skip
"""Examined in test_sequences_and_volumes.py."""
BY_CHANCE = sorted(name for name in set(KINDS) - SEQUENCES_AND_VOLUMES if KINDS[name].train_only)
"""Equal at inference; in training they draw other random numbers than Keras."""
ELSEWHERE = {
    "InputLayer", "Operation", "Unknown", "CenterCrop", "OnnxOperator", "Scale", "LocalResponseNormalization",
}  # fmt: skip
"""No layer to compare, tested below, not to be run, among the cases of Cropping2D, or none of Keras's."""


def test_no_kind_is_left_out():
    assert set(CASES) | set(BY_CHANCE) | ELSEWHERE | SEQUENCES_AND_VOLUMES >= set(KINDS)


def keras_layer(kind: Kind) -> Any:
    home = importlib.import_module(kind.home)
    return getattr(home, type(kind).__name__).from_config({**kind.config(), "name": "layer"})


def alone(kind: Kind, shapes: list[tuple[int, ...]]) -> Graph:
    inputs = [Node(f"in{index}", InputLayer(tuple(shape))) for index, shape in enumerate(shapes)]
    return Graph("alone", [*inputs, Node("layer", kind, tuple(node.name for node in inputs))])


def first(x: torch.Tensor) -> torch.Tensor:
    return x.permute(0, 3, 1, 2) if x.dim() == 4 else x


def last(x: torch.Tensor) -> torch.Tensor:
    return x.permute(0, 2, 3, 1) if x.dim() == 4 else x


def both(kind: Kind, shapes: list[tuple[int, ...]], seed: int, training: bool) -> None:
    """Run one layer in Keras and here, forward and backward, and compare everything."""
    graph = alone(kind, shapes)
    rng = np.random.default_rng(seed)
    arrays = [rng.normal(0, 1.5, (3, *shape)).astype(np.float32) for shape in shapes]
    layer = keras_layer(kind)
    xs = [torch.tensor(array, requires_grad=True) for array in arrays]
    given_ = xs[0] if len(xs) == 1 else xs
    layer(given_)  # builds it
    weights = {}
    for own, variable in zip(kind.weights(*shapes), layer.weights, strict=True):
        low, high = (0.5, 1.5) if "variance" in own.name else (-1, 1)
        weights[f"layer/{own.name}"] = rng.uniform(low, high, own.shape).astype(np.float32)
        variable.assign(weights[f"layer/{own.name}"])
    theirs = layer(given_, training=training) if layer._call_has_training_arg else layer(given_)
    module = lower(graph, weights).train(training)
    mine = [first(torch.tensor(array)).detach().requires_grad_() for array in arrays]
    ours = last(module(*mine))
    close = {"rtol": 2e-4, "atol": 2e-5}
    torch.testing.assert_close(ours, theirs, **close)
    weight = torch.from_numpy(rng.normal(size=tuple(theirs.shape)).astype(np.float32))
    (theirs * weight).sum().backward()
    (ours * weight).sum().backward()
    loose = {"rtol": 1e-3, "atol": 1e-3}
    for their_x, our_x in zip(xs, mine, strict=True):
        if their_x.grad is not None and our_x.grad is not None:
            torch.testing.assert_close(last(our_x.grad), their_x.grad, **loose)
        else:
            assert their_x.grad is our_x.grad
    after = dump(module)
    named = {name: (tensor, shape, axes) for name, tensor, shape, axes in tensors(module)}
    for own, variable in zip(kind.weights(*shapes), layer.weights, strict=True):
        name = f"layer/{own.name}"
        np.testing.assert_allclose(after[name], variable.numpy(), rtol=1e-4, atol=1e-5, err_msg=name)
        if own.trainable:
            tensor, shape, axes = named[name]
            assert tensor.grad is not None, name
            grad = to_keras(tensor.grad, shape, axes)
            expected = variable.value.grad.numpy()
            np.testing.assert_allclose(grad, expected, rtol=1e-3, atol=2e-3, err_msg=f"gradient of {name}")


@pytest.mark.parametrize("name", sorted(CASES))
@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(data=st.data())
def test_equals_keras(name: str, data: st.DataObject):
    kind, shapes = data.draw(CASES[name])
    try:
        alone(kind, shapes)
    except BadInput:
        assume(False)
    if name == "AveragePooling2D":
        assume(not uneven(kind, shapes[0]))
    both(kind, shapes, data.draw(st.integers(0, 99)), data.draw(flags))


def test_batch_norm_of_a_single_number_per_channel():
    kind = KINDS["BatchNormalization"](momentum=0.9)
    layer = keras_layer(kind)
    x = torch.randn(1, 4)
    theirs = layer(x, training=True)
    module = lower(alone(kind, [(4,)])).train()
    torch.testing.assert_close(module(x), theirs)
    after = dump(module)
    np.testing.assert_allclose(after["layer/moving_variance"], layer.moving_variance.numpy(), rtol=1e-5)
    np.testing.assert_allclose(after["layer/moving_mean"], layer.moving_mean.numpy(), rtol=1e-5)


def uneven(kind: Any, shape: tuple[int, ...]) -> bool:
    """Whether the layer pads more on one side than on the other."""
    top, bottom, left, right = kind.pads(shape)
    return top != bottom or left != right


@pytest.mark.parametrize("size", [(2, 2), (3, 2), (2, 3)])
@pytest.mark.parametrize("rows", [4, 5, 7])
def test_average_pooling_leaves_uneven_padding_out(size, rows):
    """Against literal numpy: on the torch backend Keras repeats the edge there, on the others it does not."""
    kind = KINDS["AveragePooling2D"](size, (3, 2), padding="same")
    x = np.random.default_rng(0).normal(size=(1, rows, 6, 2)).astype(np.float32)
    top, _, left, _ = kind.pads((rows, 6, 2))
    out_rows, out_columns, _ = kind.shape((rows, 6, 2))
    expected = np.zeros((1, out_rows, out_columns, 2), np.float32)
    for i in range(out_rows):
        for j in range(out_columns):
            r, c = i * 3 - top, j * 2 - left
            window = x[0, max(r, 0) : max(r + size[0], 0), max(c, 0) : max(c + size[1], 0)]
            expected[0, i, j] = window.mean(axis=(0, 1))
    ours = last(lower(alone(kind, [(rows, 6, 2)]))(first(torch.from_numpy(x)))).numpy()
    np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-6)


SETTINGS: dict[str, dict[str, Any]] = {
    "AlphaDropout": {"rate": 0.3}, "Dropout": {"rate": 0.3}, "GaussianDropout": {"rate": 0.3},
    "GaussianNoise": {"stddev": 0.5}, "SpatialDropout2D": {"rate": 0.3},
    "StochasticDepth": {"drop_path_rate": 0.3},
}  # fmt: skip


@pytest.mark.parametrize("name", BY_CHANCE)
def test_chance_is_nothing_at_inference(name: str):
    kind = KINDS[name](**SETTINGS.get(name, {}))
    x = torch.rand(2, 3, 6, 5)
    module = lower(alone(kind, [(6, 5, 3)]))
    assert torch.equal(module(x), x)


@pytest.mark.parametrize("name", sorted(set(SETTINGS) - {"StochasticDepth"}))
def test_chance_has_keras_moments_in_training(name: str):
    """The mean and the spread of what a random layer makes of ones are Keras's."""
    kind = KINDS[name](**SETTINGS[name])
    x = torch.ones(400, 6, 6, 32)
    torch.manual_seed(0)
    theirs = keras_layer(kind)(x, training=True)
    ours = last(lower(alone(kind, [(6, 6, 32)])).train()(first(x)))
    assert float(ours.mean()) == pytest.approx(float(theirs.mean()), abs=0.1)
    assert float(ours.std()) == pytest.approx(float(theirs.std()), abs=0.1)
    if name == "SpatialDropout2D":
        assert torch.equal(ours, ours[:, :1, :1].expand_as(ours)), "whole channels"


def _with_operations(build: Callable[[Any, Any], Any]) -> Any:
    import keras

    inputs = keras.Input((6, 5, 4))
    return keras.Model(inputs, build(keras, inputs))


OPERATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "sum": lambda keras, x: x + keras.layers.Conv2D(4, 1)(x),
    "numbers": lambda keras, x: (2.0 * x - 1.0) / 3.0,
    "gate": lambda keras, x: x * keras.ops.sigmoid(keras.ops.mean(x, axis=(1, 2), keepdims=True)),
    "activations": lambda keras, x: keras.ops.gelu(keras.ops.relu6(x) + keras.ops.silu(x)),
    "mean": lambda keras, x: keras.ops.mean(x, axis=[1, 2]),
    "moved": lambda keras, x: keras.ops.reshape(keras.ops.transpose(x, (0, 2, 1, 3)), (-1, 30, 4)),
    "joined": lambda keras, x: keras.ops.concatenate([x, keras.ops.square(x)], axis=-1),
}


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_operations_equal_keras(name: str):
    model = _with_operations(OPERATIONS[name])
    graph = read(model)
    weights = {}
    for node in graph.nodes:
        own = node.kind.weights(*graph.input_shapes(node))
        for weight, variable in zip(own, model.get_layer(node.name).weights if own else [], strict=True):
            weights[f"{node.name}/{weight.name}"] = np.asarray(variable.numpy())
    x = torch.randn(2, 6, 5, 4)
    torch.testing.assert_close(last(lower(graph, weights)(first(x))), model(x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("shape", [(3, 4), (2, 3, 4, 6), (2, 2, 3, 2, 6)])
def test_normalisations_of_tensors_that_are_no_images(shape: tuple[int, ...]) -> None:
    """The channels are the last axis, however many there are before it."""
    import keras

    x = np.random.default_rng(0).normal(size=(2, *shape)).astype(np.float32)
    for kind in (KINDS["BatchNormalization"](), KINDS["GroupNormalization"](2)):  # type: ignore[call-arg]
        layer = getattr(keras.layers, type(kind).__name__)(**kind.settings())
        expected = layer(x)
        with torch.no_grad():
            found = kind.module(shape).eval()(torch.from_numpy(x))
        np.testing.assert_allclose(found.numpy(), expected.detach().numpy(), rtol=1e-4, atol=1e-5)
