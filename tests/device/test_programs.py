"""Programs against the engine and against the runtimes that read their files."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from convsmith.device.arena import kept, planned
from convsmith.device.floats import run_floats
from convsmith.device.halves import halved
from convsmith.device.integers import LEAST, multiplier, negative_exp, run_integers, scaled
from convsmith.device.lower import to_program
from convsmith.device.program import Op, Program, Tensor
from convsmith.device.quantize import quantized
from convsmith.device.ranges import measured_ranges
from convsmith.device.tflite import to_tflite
from convsmith.engine.lower import lower
from convsmith.errors import BadInput
from convsmith.graph import notation as keras
from convsmith.testing.random_networks import random_network, random_weights
from convsmith.zoo import network

from .conftest import LiteRT, Micro, int8_program, some_weights

L = keras.layers


def in_front(x):
    return L.Rescaling(1 / 50, -2)(L.MaxPooling2D(1)(L.Conv2D(4, 1)(x)))


LAYERS = {
    "conv": lambda x: L.Conv2D(5, 3, strides=2, padding="same", activation="relu")(x),
    "dilated": lambda x: L.Conv2D(5, 3, dilation_rate=2, padding="same", activation="relu6")(in_front(x)),
    "grouped": lambda x: L.Conv2D(6, 3, groups=3)(x),
    "depthwise": lambda x: L.DepthwiseConv2D((3, 2), depth_multiplier=2, padding="same")(x),
    "separable": lambda x: L.SeparableConv2D(4, 3, padding="same")(x),
    "transposed": lambda x: L.Conv2DTranspose(4, 3, strides=2, padding="same")(x),
    "transposed, valid": lambda x: L.Conv2DTranspose(4, 3, strides=2)(x),
    "mean": lambda x: L.GlobalAveragePooling2D()(x),
    "mean, kept": lambda x: L.GlobalAveragePooling2D(keepdims=True)(x),
    "largest": lambda x: L.GlobalMaxPooling2D()(x),
    "average pool": lambda x: L.AveragePooling2D(3, strides=2, padding="same")(x),
    "max pool": lambda x: L.MaxPooling2D(3, strides=2, padding="same")(x),
    "dense": lambda x: L.Dense(7, activation="softmax")(L.Flatten()(L.Rescaling(0.01)(in_front(x)))),
    "dense on an image": lambda x: L.Dense(4, activation="relu")(x),
    "softmax": lambda x: L.Softmax()(L.Rescaling(0.01)(L.Conv2D(4, 1)(x))),
    "relu": lambda x: L.Activation("relu")(in_front(x)),
    "relu6": lambda x: L.Activation("relu6")(in_front(x)),
    "relu to 1": lambda x: L.ReLU(max_value=1.0)(in_front(x)),
    "sigmoid": lambda x: L.Activation("sigmoid")(in_front(x)),
    "tanh": lambda x: L.Activation("tanh")(in_front(x)),
    "silu": lambda x: L.Activation("silu")(in_front(x)),
    "hard_sigmoid": lambda x: L.Activation("hard_sigmoid")(in_front(x)),
    "leaky": lambda x: L.LeakyReLU(negative_slope=0.1)(in_front(x)),
    "prelu": lambda x: L.PReLU()(L.Conv2D(4, 1)(x)),
    "add": lambda x: L.Add()([L.Conv2D(4, 1)(x), L.Conv2D(4, 1, activation="relu")(x)]),
    "subtract": lambda x: L.Subtract()([L.Conv2D(4, 1)(x), L.Conv2D(4, 1, activation="relu")(x)]),
    "average": lambda x: L.Average()([L.Conv2D(4, 1)(x), L.Conv2D(4, 1)(x), L.Conv2D(4, 1)(x)]),
    "multiply": lambda x: L.Multiply()(
        [L.Conv2D(4, 1)(x), L.Dense(4, activation="sigmoid")(L.GlobalAveragePooling2D(keepdims=True)(x))]
    ),
    "maximum": lambda x: L.Maximum()([L.Conv2D(4, 1)(x), L.Conv2D(4, 1, activation="relu")(x)]),
    "concatenate": lambda x: L.Concatenate()([L.Conv2D(4, 1)(x), L.Conv2D(4, 1, activation="sigmoid")(x), x]),
    "pad and crop": lambda x: L.Cropping2D(((1, 2), (0, 3)))(
        L.ZeroPadding2D(((1, 2), (0, 3)))(L.Conv2D(4, 1)(x))
    ),
    "bilinear": lambda x: L.UpSampling2D(2, interpolation="bilinear")(L.Conv2D(4, 1)(x)),
    "nearest": lambda x: L.UpSampling2D(3)(L.Conv2D(4, 1)(x)),
    "resizing": lambda x: L.Resizing(5, 13)(L.Conv2D(4, 1)(x)),
    "norm": lambda x: L.BatchNormalization()(L.Conv2D(4, 1, activation="relu")(x)),
    "permute": lambda x: L.Permute((2, 1, 3))(L.Conv2D(4, 1)(x)),
}


def one(name, shape=(7, 9, 6)):
    inputs = keras.Input(shape)
    return keras.Model(inputs, LAYERS[name](inputs), name="net")


def images(graph, count, rng):
    return rng.integers(0, 256, (count, *graph.input_shape)).astype(np.float32)


def engine(graph, weights, x_NHWC):
    with torch.inference_mode():
        out = lower(graph, weights)(torch.from_numpy(x_NHWC).permute(0, 3, 1, 2))
        return (out.permute(0, 2, 3, 1) if out.dim() == 4 else out).numpy()


@pytest.mark.parametrize("name", LAYERS)
def test_floats_equal_the_engine_and_litert(name):
    rng = np.random.default_rng(1)
    graph = one(name)
    weights, x = some_weights(graph, rng), images(graph, 2, rng)
    program, truth = to_program(graph, weights), engine(graph, weights, x)
    size = np.abs(truth).max() + 1e-3
    assert np.abs(run_floats(program, x) - truth).max() < 1e-5 * size
    said = LiteRT(to_tflite(program, {}))
    assert np.abs(said(x[:1]) - truth[:1]).max() < 1e-5 * size


@pytest.mark.parametrize("name", LAYERS)
def test_integers_equal_both_runtimes_to_the_bit(name):
    rng = np.random.default_rng(2)
    graph = one(name)
    weights, x = some_weights(graph, rng), images(graph, 4, rng)
    program, content = int8_program(graph, weights, x)
    signed = (x - 128).astype(np.int8)
    ours = np.concatenate([run_integers(program, signed[i : i + 1]) for i in range(4)])
    assert len(np.unique(ours)) > 2
    litert, micro = LiteRT(content), Micro(content)
    assert np.array_equal(ours, np.concatenate([litert(signed[i : i + 1]) for i in range(4)]))
    assert np.array_equal(ours, np.concatenate([micro(signed[i : i + 1]) for i in range(4)]))
    # And they stand for about what floats say.
    scale = program.tensors[program.outputs[0]].scale
    meant = (ours.astype(float) - scale.zero_point) * scale.scales[0]
    truth = engine(graph, weights, x)
    assert np.abs(meant - truth).max() < 0.03 * np.abs(truth).max() + 2 * scale.scales[0]


def test_hard_swish_is_within_two_steps_of_the_runtimes():
    rng = np.random.default_rng(3)
    inputs = keras.Input((7, 9, 6))
    graph = keras.Model(inputs, L.Activation("hard_silu")(in_front(inputs)), name="net")
    x = images(graph, 1, rng)
    program, content = int8_program(graph, some_weights(graph, rng), x)
    signed = (x - 128).astype(np.int8)
    apart = run_integers(program, signed).astype(int) - Micro(content)(signed).astype(int)
    assert np.abs(apart).max() <= 2


@settings(max_examples=12, deadline=None, derandomize=True)
@given(st.integers(0, 10_000))
@example(980)
def test_random_networks_equal_the_engine_and_the_runtimes(seed):
    rng = np.random.default_rng(seed)
    graph = random_network(random.Random(seed).choice, depth=4)
    weights = random_weights(graph, rng)
    x = images(graph, 2, rng)
    try:
        program = to_program(graph, weights)
    except BadInput as error:
        if not error.where.startswith("layer "):  # refused by the layer's name
            raise
        return
    truth = engine(graph, weights, x)
    assert np.abs(run_floats(program, x) - truth).max() < 1e-4 * (np.abs(truth).max() + 1e-3)
    if any(op.code == "ELU" for op in program.ops):
        return  # LiteRT's reference kernels do not have it
    small = quantized(program, measured_ranges(program, x))
    signed = (x[:1] - 128).astype(np.int8)
    litert = LiteRT(to_tflite(small, {}))(signed)
    tables = {"HARD_SWISH"} & {op.code for op in small.ops}
    apart = np.abs(run_integers(small, signed).astype(int) - litert.astype(int)).max()
    assert apart == 0 or tables


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("lenet5", (32, 32, 1)),
        ("resnet20", (32, 32, 3)),
        ("mobilenet_v2", (32, 32, 3)),
        ("course_cnn", (28, 28, 1)),
    ],
)
def test_whole_networks_and_their_arena_equal_tensorflow_lite_micro(name, shape):
    rng = np.random.default_rng(4)
    graph = network(name, input_shape=shape)
    x = images(graph, 1, rng)
    program, content = int8_program(graph, some_weights(graph, rng), x)
    micro = Micro(content)
    signed = (x - 128).astype(np.int8)
    assert np.array_equal(run_integers(program, signed), micro(signed))
    sizes = micro.arena()
    assert planned(program).bytes == sizes["head"]
    assert kept(program) == pytest.approx(sizes["tail"], rel=0.02)


def test_buffers_that_live_together_do_not_overlap():
    rng = np.random.default_rng(5)
    graph = network("mobilenet_v2", input_shape=(32, 32, 3))
    program = to_program(graph, some_weights(graph, rng))
    arena = planned(program)
    first = dict.fromkeys(program.inputs, 0) | {op.output: at for at, op in enumerate(program.ops, 1)}
    last = dict(first)
    for at, op in enumerate(program.ops, 1):
        last |= {tensor: at for tensor in op.inputs if tensor in first}
    for a in first:
        for b in first:
            if a < b and first[a] <= last[b] and first[b] <= last[a]:
                start_a, start_b = arena.offsets[a], arena.offsets[b]
                assert start_a + program.tensors[a].bytes <= start_b or (
                    start_b + program.tensors[b].bytes <= start_a
                )


def test_half_precision_weights_take_half_the_bytes_and_answer_nearly_the_same():
    rng = np.random.default_rng(6)
    graph = network("lenet5", input_shape=(32, 32, 1))
    weights, x = some_weights(graph, rng), images(graph, 1, rng) / 255
    program = to_program(graph, weights)
    whole, half = to_tflite(program, {}), to_tflite(halved(program), {})
    assert 0.49 < len(half) / len(whole) < 0.53
    assert np.abs(LiteRT(half)(x) - LiteRT(whole)(x)).max() < 2e-3


def test_a_rescaling_in_front_costs_no_operator_in_int8():
    rng = np.random.default_rng(7)
    inputs = keras.Input((8, 8, 3))
    out = L.Conv2D(4, 3, padding="same")(L.Rescaling(1 / 127.5, -1)(inputs))
    graph = keras.Model(inputs, out, name="net")
    program, _ = int8_program(graph, some_weights(graph, rng), images(graph, 4, rng))
    assert [op.code for op in program.ops] == ["CONV_2D"]
    scale = program.tensors[program.inputs[0]].scale
    assert scale.scales[0] == pytest.approx(1 / 127.5)
    assert scale.zero_point in (-1, 0)  # 127.5 is between two integers


def test_a_nearly_dead_channel_keeps_its_bias():
    rng = np.random.default_rng(8)
    inputs = keras.Input((4, 4, 2))
    graph = keras.Model(inputs, L.Conv2D(3, 1)(inputs), name="net")
    weights = some_weights(graph, rng)
    weights["conv2d/kernel"][..., 1] = 0
    weights["conv2d/kernel"][..., 2] = 1e-12
    weights["conv2d/bias"][:] = [1.0, 50.0, -40.0]
    x = images(graph, 4, rng)
    program, _ = int8_program(graph, weights, x)
    out = run_integers(program, (x[:1] - 128).astype(np.int8))
    scale = program.tensors[program.outputs[0]].scale
    meant = (out.astype(float) - scale.zero_point) * scale.scales[0]
    assert np.allclose(meant[..., 1], 50, atol=scale.scales[0])
    assert np.allclose(meant[..., 2], -40, atol=scale.scales[0])


def test_layers_without_a_form_are_refused_by_name():
    inputs = keras.Input((8, 8, 4))
    graph = keras.Model(inputs, L.GroupNormalization(2, name="group")(inputs), name="net")
    weights = {name: np.ones(weight.shape, "f4") for name, weight in graph.weights.items()}
    with pytest.raises(BadInput, match=r"layer group.*has no form in LiteRT's operators"):
        to_program(graph, weights)


def test_weights_that_are_not_finite_are_refused_by_name():
    graph = network("lenet5", input_shape=(32, 32, 1))
    weights = {name: np.ones(weight.shape, "f4") for name, weight in graph.weights.items()}
    weights[next(iter(weights))].flat[0] = np.nan
    with pytest.raises(BadInput, match="not finite"):
        to_program(graph, weights)


@given(st.integers(-(2**30), 2**30), st.floats(1e-6, 0.999))
def test_integers_are_scaled_as_real_numbers_are(x, real):
    assert abs(int(scaled(x, *multiplier(real))) - x * real) <= 1 + abs(x) * 2**-30


@given(st.integers(-(31 << 26), 0))
def test_the_exponential_of_softmax(a):
    assert int(negative_exp(a)) / 2**31 == pytest.approx(np.exp(a / 2**26), abs=5e-7)


def test_ranges_of_each_method_are_ordered():
    rng = np.random.default_rng(9)
    inputs = keras.Input((40, 40, 3))
    graph = keras.Model(inputs, L.Conv2D(4, 3)(inputs), name="net")
    program = to_program(graph, some_weights(graph, rng))
    x = images(graph, 20, rng)
    wide, cut, near = (measured_ranges(program, x, method=m) for m in ("minmax", "percentile", "mse"))
    out = program.outputs[0]
    assert wide[out][0] < cut[out][0] < 0 < cut[out][1] < wide[out][1]
    assert wide[out][0] <= near[out][0] <= 0 <= near[out][1] <= wide[out][1]
    seen = []
    run_floats(program, x, see=lambda tensor, value: seen.append(value) if tensor == out else None)
    values = seen[0].numpy()
    assert wide[out] == (pytest.approx(values.min()), pytest.approx(values.max()))
    inside = ((values >= cut[out][0]) & (values <= cut[out][1])).mean()
    assert inside >= 0.999


def test_relu6_is_cut_at_six_in_integers():
    x, y = (Tensor(n, (1, 1, 1, 3)) for n in "xy")
    program = Program("net", (x, y), (Op("RELU6", (0,), 1),), (0,), (1,))
    small = quantized(program, {0: (0, 255), 1: (0, 6)})
    out = run_integers(small, np.array([[[[-128, -124, 0]]]], "i1"))
    assert out.ravel().tolist() == [LEAST, 42, 127]  # 0, 4 and 128, in steps of 6/255
