"""Every activation of Keras: here, in Keras and in ONNX Runtime, forwards and backwards."""

from __future__ import annotations

import os

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras
import numpy as np
import onnxruntime
import pytest
import torch

from convsmith.engine.lower import lower
from convsmith.errors import BadInput
from convsmith.formats.onnx import to_onnx
from convsmith.graph import notation, read
from convsmith.kinds.activation import activation_module
from convsmith.testing.kind_exam import one_layer

NAMES = sorted(
    name
    for name in dir(keras.activations)
    if name not in ("deserialize", "get", "serialize", "threshold", "sparsemax") and not name.startswith("_")
)
"""All but "threshold", which cannot be given by its name alone, and "sparsemax", whose shares do not add up
to 1 in Keras 3.15."""
SHAPES = [(6,), (4, 6), (3, 5, 6)]


def last(x: torch.Tensor) -> torch.Tensor:
    return x.permute(0, 2, 3, 1) if x.dim() == 4 else x


@pytest.mark.parametrize("name", NAMES)
def test_an_activation_is_keras_s_forwards_backwards_and_in_onnx(name: str) -> None:
    rng = np.random.default_rng(0)
    for shape in SHAPES:
        x = rng.normal(0, 2, (3, *shape)).astype(np.float32)
        theirs_in = torch.tensor(x, requires_grad=True)
        theirs = keras.activations.get(name)(theirs_in)
        ours_in = torch.tensor(x, requires_grad=True)
        found = last(activation_module(name)(ours_in.permute(0, 3, 1, 2) if len(shape) == 3 else ours_in))
        torch.testing.assert_close(found, theirs, rtol=1e-5, atol=1e-6)
        push = torch.from_numpy(rng.normal(size=tuple(theirs.shape)).astype(np.float32))
        (theirs * push).sum().backward()
        (found * push).sum().backward()
        torch.testing.assert_close(ours_in.grad, theirs_in.grad, rtol=1e-4, atol=1e-5)
        graph = one_layer(notation.KINDS["Activation"](name), shape)
        assert graph.output_shape == tuple(theirs.shape[1:])
        assert graph.macs == 0
        session = onnxruntime.InferenceSession(to_onnx(graph, {}).SerializeToString())
        (written,) = session.run(None, {session.get_inputs()[0].name: x})
        np.testing.assert_allclose(written, theirs.detach().numpy(), rtol=1e-4, atol=1e-5)


FUNCTIONS = {
    "celu": lambda x: keras.ops.celu(x, alpha=0.7), "glu": keras.ops.glu,
    "glu_rows": lambda x: keras.ops.glu(x, axis=1), "hard_shrink": lambda x: keras.ops.hard_shrink(x, 0.3),
    "soft_shrink": lambda x: keras.ops.soft_shrink(x, 0.3), "squareplus": keras.ops.squareplus,
    "squareplus_1": lambda x: keras.ops.squareplus(x, b=1), "sparse_plus": keras.ops.sparse_plus,
    "sparse_sigmoid": keras.ops.sparse_sigmoid, "tanh_shrink": keras.ops.tanh_shrink,
    "hard_tanh": keras.ops.hard_tanh, "log_sigmoid": keras.ops.log_sigmoid,
    "threshold": lambda x: keras.ops.threshold(x, 0.2, -1.0),
}  # fmt: skip
NO_ONNX = {"glu_rows", "squareplus_1", "threshold"}


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_the_same_as_functions_of_tensors(name: str) -> None:
    inputs = keras.Input((4, 5, 6))
    model = keras.Model(inputs, FUNCTIONS[name](inputs))
    graph = read(model)
    assert (graph.output_shape, graph.macs) == (tuple(model.output_shape[1:]), 0)
    x = np.random.default_rng(0).normal(0, 2, (2, 4, 5, 6)).astype(np.float32)
    wanted = model(x).detach()
    torch.testing.assert_close(last(lower(graph)(torch.from_numpy(x).permute(0, 3, 1, 2))), wanted)
    if name in NO_ONNX:
        with pytest.raises(BadInput, match="has an ONNX form"):
            to_onnx(graph, {})
        return
    session = onnxruntime.InferenceSession(to_onnx(graph, {}).SerializeToString())
    (written,) = session.run(None, {session.get_inputs()[0].name: x})
    np.testing.assert_allclose(written, wanted.numpy(), rtol=1e-4, atol=1e-5)


def test_glu_halves_the_channels_of_a_layer_and_its_weights_stay() -> None:
    x = inputs = notation.Input((5, 5, 3))
    x = notation.layers.Conv2D(8, 3, activation="glu")(x)
    graph = notation.Model(inputs, notation.layers.Dense(2)(notation.layers.Flatten()(x)))
    assert graph.shapes["conv2d"] == (3, 3, 4)
    assert graph.params == 3 * 3 * 3 * 8 + 8 + 36 * 2 + 2
    assert graph.macs == 9 * 8 * 27 + 72


def test_glu_of_an_odd_number_of_channels_names_the_layer() -> None:
    inputs = notation.Input((5, 5, 3))
    with pytest.raises(BadInput, match=r"layer gate \(Conv2D\): glu of the shape \(3, 3, 7\)"):
        notation.Model(inputs, notation.layers.Conv2D(7, 3, activation="glu", name="gate")(inputs))
