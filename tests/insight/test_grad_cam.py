"""Grad-CAM against its definition by finite differences, and against its formula on Keras's own model."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from convsmith.engine.lower import lower
from convsmith.errors import BadName
from convsmith.graph import notation
from convsmith.insight.explain import explain
from convsmith.insight.methods.grad_cam import grad_cam
from convsmith.insight.target import Refused, Versus
from convsmith.testing.random_networks import random_weights
from convsmith.zoo import network


def small(api, padding="valid"):
    x = inputs = api.Input((9, 8, 2))
    x = api.layers.Conv2D(4, 3, activation="relu", padding=padding, name="conv1")(x)
    x = api.layers.MaxPooling2D(2, name="pool")(x)
    x = api.layers.Conv2D(5, 2, activation="tanh", name="conv2")(x)
    x = api.layers.Flatten()(x)
    x = api.layers.Dense(6, activation="relu", name="hidden")(x)
    x = api.layers.Dense(3, activation="softmax", name="classes")(x)
    return api.Model(inputs, x)


@pytest.fixture
def case():
    graph = small(notation)
    rng = np.random.default_rng(5)
    return graph, random_weights(graph, rng), rng.uniform(0, 4, (4, 9, 8, 2)).astype(np.float32)


def test_by_finite_differences_in_float64(case):
    """αₖ from the score's change when each number of the layer's output is moved a little."""
    graph, weights, x_NHWC = case
    net = lower(graph, weights)
    found = explain(net, x_NHWC, target=[0, 1, 2, 0], layer="conv2")
    slow = lower(graph, weights).double()
    x_NCHW = torch.from_numpy(x_NHWC).permute(0, 3, 1, 2).double()
    step, kept, move = slow.steps_by_name["conv2"], {}, {}

    def hook(module, inputs, output):
        kept["A"] = output
        return output + move["by"] if move else output

    step.register_forward_hook(hook)
    with torch.no_grad():
        for n, k in enumerate((0, 1, 2, 0)):
            move.clear()
            slow(x_NCHW[n : n + 1])
            features = kept["A"][0].numpy()
            slope = np.zeros_like(features)
            for place in np.ndindex(features.shape):
                ends = []
                for sign in (1, -1):
                    by = torch.zeros(1, *features.shape, dtype=torch.float64)
                    by[(0, *place)] = sign * 1e-6
                    move["by"] = by
                    ends.append(float(slow.logits(x_NCHW[n : n + 1])[0, k]))
                slope[place] = (ends[0] - ends[1]) / 2e-6
            literal = np.zeros(features.shape[1:])
            for channel in range(len(features)):
                literal += slope[channel].mean() * features[channel]
            np.testing.assert_allclose(
                found.arrays["coarse_Nhw"][n], np.maximum(literal, 0), atol=1e-5, rtol=1e-4
            )


def test_as_the_same_formula_on_keras_s_own_layers(case):
    keras = pytest.importorskip("keras")
    graph, weights, x_NHWC = case
    model = small(keras)
    for layer in model.layers:
        layer.set_weights([weights[f"{layer.name}/{weight.name}"] for weight in layer.weights])
    found = explain(lower(graph, weights), x_NHWC, target=2, layer="conv2")
    part = keras.Model(model.inputs, model.get_layer("conv2").output)
    features_NhwC = part(torch.from_numpy(x_NHWC)).detach().requires_grad_(True)
    out = features_NhwC
    for name in ("flatten", "hidden"):
        out = next(layer for layer in model.layers if layer.name.startswith(name))(out)
    last = model.get_layer("classes")
    logits = out @ last.kernel.value + last.bias.value
    (gradient_NhwC,) = torch.autograd.grad(logits[:, 2].sum(), features_NhwC)
    alpha = gradient_NhwC.mean((1, 2), keepdim=True)  # channels stand last in Keras
    theirs = (alpha * features_NhwC).sum(-1).clamp(min=0).detach().numpy()
    np.testing.assert_allclose(found.arrays["coarse_Nhw"], theirs, atol=1e-5)


def test_the_difference_of_two_classes(case):
    graph, weights, x_NHWC = case
    swapped = {**weights, "classes/kernel": weights["classes/kernel"][:, [1, 0, 2]] * [1, 0, 1]}
    swapped["classes/kernel"][:, 0] = weights["classes/kernel"][:, 1] - weights["classes/kernel"][:, 2]
    swapped = {name: np.asarray(array, np.float32) for name, array in swapped.items()}
    both = explain(lower(graph, weights), x_NHWC, target=Versus(1, 2))
    one = explain(lower(graph, swapped), x_NHWC, target=0)
    np.testing.assert_allclose(both.arrays["coarse_Nhw"], one.arrays["coarse_Nhw"], atol=1e-6)
    assert both.of(0, ["a", "b", "c"]) == "logit of b minus c"


def test_frozen_weights_and_training_mode_make_no_difference(case):
    graph, weights, x_NHWC = case
    net = lower(graph, weights)
    plain = explain(net, x_NHWC, target=0).maps_NHW
    net.train().requires_grad_(False)
    np.testing.assert_array_equal(explain(net, x_NHWC, target=0).maps_NHW, plain)
    assert net.training


def test_batches_make_no_difference(case):
    graph, weights, x_NHWC = case
    net = lower(graph, weights)
    whole = explain(net, x_NHWC, target=Versus(None, [1, 2, 0, 1]))
    parts = explain(net, x_NHWC, target=Versus(None, [1, 2, 0, 1]), batch_size=3)
    np.testing.assert_allclose(whole.maps_NHW, parts.maps_NHW, atol=1e-6)
    assert (whole.target, whole.versus, len(parts)) == (parts.target, parts.versus, 4)


def test_the_layer_chosen_is_the_last_that_computes_features():
    def chosen(graph):
        rows, columns, channels = graph.input_shape
        return grad_cam(lower(graph), torch.rand(1, channels, rows, columns)).layer

    assert chosen(network("lenet5")) == "conv2"
    assert chosen(network("course_cnn")) == "conv2"
    layers = notation.layers
    x = inputs = notation.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, name="c")(x)
    x = layers.ReLU(name="r")(layers.BatchNormalization(name="b")(x))
    x = layers.Dense(3)(layers.GlobalAveragePooling2D()(layers.Dropout(0.5)(layers.MaxPooling2D()(x))))
    assert chosen(notation.Model(inputs, x)) == "r"


def test_refusals_say_why():
    flat = notation.Sequential(
        [notation.Input((4, 4, 1)), notation.layers.Flatten(), notation.layers.Dense(2)]
    )
    with pytest.raises(Refused, match="no layer whose output is an image of features"):
        grad_cam(lower(flat), torch.rand(1, 1, 4, 4))
    net = lower(network("lenet5"))
    x_NCHW = torch.rand(1, 1, 32, 32)
    with pytest.raises(Refused, match=r"fc3: its output \(120,\) has no rows and columns left"):
        grad_cam(net, x_NCHW, layer="fc3")
    with pytest.raises(BadName, match="did you mean 'conv1'"):
        grad_cam(net, x_NCHW, layer="conv11")
    with pytest.raises(Refused, match="a torch"):
        grad_cam(torch.nn.Linear(1, 1), x_NCHW, layer=None)
