"""Without randomness a training follows Keras's loss curve step by step, on networks of every make."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

import convsmith as cs
from convsmith.engine.lower import lower
from convsmith.engine.lowered.passes import TRAINING
from convsmith.engine.weights import dump, load, tensors, to_keras
from convsmith.graph import read
from convsmith.graph.keras.writer import to_keras_json
from convsmith.zoo import network


def residual():
    """A small residual network with batch norm, strides and an addition of two widths."""
    from keras import Input, Model, layers

    def norm(x, width, strides=1):
        x = layers.Conv2D(width, 3, strides=strides, padding="same", use_bias=False)(x)
        return layers.BatchNormalization(momentum=0.9)(x)

    inputs = Input((12, 12, 3))
    x = layers.ReLU()(norm(inputs, 8))
    y = norm(layers.ReLU()(norm(x, 8)), 8)
    x = layers.ReLU()(x + y)
    y = norm(layers.ReLU()(norm(x, 16, 2)), 16)
    x = layers.ReLU()(layers.Conv2D(16, 1, strides=2)(x) + y)
    x = layers.GlobalAveragePooling2D()(x)
    return Model(inputs, layers.Dense(10, activation="softmax")(x))


def inverted():
    """Inverted residuals as in MobileNetV2: expanded, depthwise, projected, ReLU6."""
    from keras import Input, Model, layers

    inputs = x = Input((12, 12, 3))
    x = layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False)(x)
    x = layers.ReLU(6.0)(layers.BatchNormalization()(x))
    for width, strides in ((8, 1), (12, 2)):
        y = layers.Conv2D(4 * x.shape[-1], 1, use_bias=False)(x)
        y = layers.ReLU(6.0)(layers.BatchNormalization()(y))
        y = layers.ZeroPadding2D(((0, 1), (0, 1)))(y) if strides == 2 else y
        padding = "valid" if strides == 2 else "same"
        y = layers.DepthwiseConv2D(3, strides=strides, padding=padding, use_bias=False)(y)
        y = layers.ReLU(6.0)(layers.BatchNormalization()(y))
        y = layers.BatchNormalization()(layers.Conv2D(width, 1, use_bias=False)(y))
        x = layers.Add()([x, y]) if x.shape == y.shape else y
    x = layers.GlobalAveragePooling2D()(x)
    return Model(inputs, layers.Dense(10, activation="softmax")(x))


def plain(name, shape):
    """A network of the zoo as a Keras model, its dropout left out."""
    import keras

    found = to_keras_json(network(name, input_shape=shape, classes=10))
    for layer in found["config"]["layers"]:
        for setting in ("rate", "drop_path_rate"):
            if setting in layer["config"]:
                layer["config"][setting] = 0.0
    return keras.models.model_from_json(json.dumps(found))


NETWORKS = {
    "lenet5": lambda: plain("lenet5", (32, 32, 1)),
    "residual": residual,
    "inverted": inverted,
    "resnet20": lambda: plain("resnet20", (16, 16, 3)),
}
CURVES = [
    ("lenet5", "SGD", {"learning_rate": 0.05, "momentum": 0.9}, 50),
    ("lenet5", "Nadam", {"learning_rate": 1e-3}, 50),
    # Its iteration multiplies rounding where there is no gradient by up to 3.4445 to the fifth.
    ("lenet5", "Muon", {"learning_rate": 2e-3}, 15),
    ("residual", "SGD", {"learning_rate": 0.05, "momentum": 0.9, "nesterov": True, "weight_decay": 5e-4}, 50),
    ("residual", "Lion", {"learning_rate": 1e-4, "global_clipnorm": 1.0}, 50),
    ("inverted", "AdamW", {"learning_rate": 1e-3}, 50),
    ("inverted", "RMSprop", {"learning_rate": 1e-4, "momentum": 0.9, "rho": 0.9}, 50),
    ("resnet20", "SGD", {"learning_rate": 0.02, "momentum": 0.9}, 12),
]


def pictures(shape, count=16):
    rng = np.random.default_rng(0)
    y = rng.integers(0, 10, count)
    return (rng.uniform(size=(count, *shape)) * 0.2 + y[:, None, None, None] / 10).astype(np.float32), y


def curve(name, optimizer, settings, steps, *, here=False, off=0.0):
    """The loss of each step; `off` is the share by which the first kernel is changed before."""
    import keras

    keras.utils.set_random_seed(1)
    model = NETWORKS[name]()
    made = getattr(keras.optimizers, optimizer)(**settings)
    model.compile(loss="sparse_categorical_crossentropy", optimizer=made)
    model.weights[0].assign(model.weights[0] * (1 + off))
    x, y = pictures(model.input_shape[1:])
    x, y = np.tile(x, (steps, 1, 1, 1)), np.tile(y, steps)
    means = []
    look = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: means.append(logs["loss"]))
    kwargs = {"batch_size": 16, "verbose": 0, "shuffle": False, "callbacks": [look]}
    _ = cs.fit(model, x, y, **kwargs) if here else model.fit(x, y, **kwargs)
    return np.diff(np.array(means) * np.arange(1, steps + 1), prepend=0), model


@pytest.mark.parametrize("way", ["torch alone", "compiled"])
@pytest.mark.parametrize(("name", "optimizer", "settings", "steps"), CURVES)
def test_steps_follow_keras(name, optimizer, settings, steps, way, request):
    """Every step's loss, as near as Keras is to itself with its first kernel changed by a millionth.

    Rounding grows from step to step in any training; that comparison says how fast in this one. The compiled
    functions add in another order than Keras on torch; a change that happens to turn no activation off says
    nothing of that, so there the kernel is made smaller, too.
    """
    if way == "torch alone":
        request.getfixturevalue("torch_alone")
    theirs, model = curve(name, optimizer, settings, steps)
    changes = (1e-6,) if way == "torch alone" else (1e-6, -1e-6)
    others = [curve(name, optimizer, settings, steps, off=off)[0] for off in changes]
    ours, own = curve(name, optimizer, settings, steps, here=True)
    assert theirs[-1] < theirs[0]
    unsure = np.maximum.accumulate(np.max([np.abs(other / theirs - 1) for other in others], axis=0))
    off = np.abs(ours / theirs - 1)
    assert (off < 1e-3 + 10 * unsure).all(), (off, unsure)
    assert (off[:5] < 2e-5 + 10 * unsure[:5]).all(), (off, unsure)
    if unsure[-1] < 1e-3:
        for one, wanted in zip(own.weights, model.weights, strict=True):
            np.testing.assert_allclose(one.numpy(), wanted.numpy(), rtol=2e-2, atol=2e-3, err_msg=one.path)


@pytest.mark.parametrize(
    ("name", "shape", "training"),
    [
        ("resnet20", (16, 16, 3), True),
        ("resnet20", (16, 16, 3), False),
        ("mobilenet_v3_small", (64, 64, 3), True),
        ("shufflenet_v2_x0_5", (64, 64, 3), False),
    ],
)
def test_whole_networks_in_training(name, shape, training):
    """Outputs, the gradient of every weight, and the statistics after one step, as Keras's."""
    import keras

    keras.utils.set_random_seed(2)
    model = plain(name, shape)
    graph = read(model)
    rng = np.random.default_rng(1)
    layers = {layer.name: layer for layer in model.layers}
    weights = {}
    for node in graph.nodes:
        own = node.kind.weights(*graph.input_shapes(node)) if node.owner == node.name else ()
        for weight, variable in zip(own, layers[node.name].weights if own else (), strict=True):
            value = np.array(variable.value.detach())
            if value.ndim == 1:
                low = 0.7 if weight.name in ("gamma", "moving_variance") else -0.2
                value = rng.uniform(low, low + 0.5, value.shape).astype(np.float32)
                variable.assign(value)
            weights[f"{node.name}/{weight.name}"] = value
    x = rng.uniform(size=(6, *shape)).astype(np.float32)
    theirs = model(torch.from_numpy(x), training=training)
    module = lower(graph, passes=TRAINING)
    load(module, weights)
    module.train(training)
    ours = module(torch.from_numpy(x).permute(0, 3, 1, 2))
    torch.testing.assert_close(ours, theirs, rtol=5e-3, atol=5e-4)
    toward = torch.from_numpy(rng.normal(size=tuple(theirs.shape)).astype(np.float32))
    (theirs * toward).sum().backward()
    (ours * toward).sum().backward()
    after = dump(module)
    # What a batch norm takes out again has no gradient but rounding: measured against the largest ones.
    least = 0.01 * max(float(variable.value.grad.abs().max()) for variable in model.trainable_variables)
    for full, tensor, size, axes in tensors(module):
        owner, _, weight = full.rpartition("/")
        kind = graph[owner].kind.weights(*graph.input_shapes(graph[owner]))
        variable = layers[owner].weights[[each.name for each in kind].index(weight)]
        np.testing.assert_allclose(after[full], variable.numpy(), rtol=1e-3, atol=1e-5, err_msg=full)
        if tensor.requires_grad:
            wanted = variable.value.grad.numpy()
            found = to_keras(tensor.grad, size, axes)
            scale = max(np.abs(wanted).max(), least)
            np.testing.assert_allclose(found / scale, wanted / scale, rtol=2e-2, atol=5e-3, err_msg=full)
