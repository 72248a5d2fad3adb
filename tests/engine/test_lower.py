"""The lowered module: whole networks against Keras, sharing, logits, hooks, values freed."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from convsmith.engine.lower import lower
from convsmith.engine.weights import dump, initial
from convsmith.errors import BadInput
from convsmith.graph import notation, read
from convsmith.graph.keras.writer import keras_names, to_keras_json
from convsmith.testing.random_networks import random_weights
from convsmith.zoo import network

layers = notation.layers


def _branches():
    x = inputs = notation.Input((9, 7, 3))
    shared = layers.Conv2D(4, 3, padding="same", strides=2, activation="relu", name="shared")
    a = shared(x)
    b = shared(layers.ZeroPadding2D(((1, 0), (1, 0)))(x))  # another size: other padding, the same weights
    b = layers.Conv2D(4, (2, 1), name="fit")(b)
    a = layers.GlobalAveragePooling2D()(a)
    b = layers.GlobalMaxPooling2D()(b)
    x = layers.Concatenate()([a, b])
    x = layers.Dense(5, name="out")(x)
    x = layers.Softmax()(x)
    return notation.Model(inputs, x, name="branches")


def test_a_shared_layer_has_one_weight():
    graph = _branches()
    module = lower(graph, initial(graph, seed=0))
    names = [node.name for node in graph.nodes if node.owner == "shared"]
    assert len(names) == 2
    first, second = (module.layers_by_name[name] for name in names)
    assert first.weight is second.weight
    assert first.bias is second.bias
    assert len(list(module.parameters())) == 6
    module(torch.rand(2, 3, 9, 7)).sum().backward()
    assert set(dump(module)) == set(graph.weights)


def test_shared_layer_equals_keras():
    import keras

    graph = _branches()
    given = initial(graph, seed=3)
    x = inputs = keras.Input((9, 7, 3))
    shared = keras.layers.Conv2D(4, 3, padding="same", strides=2, activation="relu", name="shared")
    a = shared(x)
    b = keras.layers.Conv2D(4, (2, 1), name="fit")(shared(keras.layers.ZeroPadding2D(((1, 0), (1, 0)))(x)))
    a, b = keras.layers.GlobalAveragePooling2D()(a), keras.layers.GlobalMaxPooling2D()(b)
    x = keras.layers.Softmax()(keras.layers.Dense(5, name="out")(keras.layers.Concatenate()([a, b])))
    model = keras.Model(inputs, x)
    for layer in ("shared", "fit", "out"):
        model.get_layer(layer).set_weights([given[f"{layer}/kernel"], given[f"{layer}/bias"]])
    images = np.random.default_rng(0).normal(size=(4, 9, 7, 3)).astype(np.float32)
    ours = lower(graph, given)(torch.from_numpy(images).permute(0, 3, 1, 2)).detach().numpy()
    np.testing.assert_allclose(ours, model.predict(images, verbose=0), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", ["lenet5", "course_cnn"])
def test_logits_are_the_softmax_undone(name):
    graph = network(name)
    module = lower(graph, initial(graph, seed=0))
    x = torch.rand(3, graph.input_shape[2], *graph.input_shape[:2]) * 255
    assert module.ends_in_softmax
    torch.testing.assert_close(module.logits(x).softmax(1), module(x))
    assert module.logits(x).max() > 1.0


def test_a_softmax_layer_at_the_end():
    graph = _branches()
    module = lower(graph, initial(graph, seed=0))
    x = torch.rand(3, 3, 9, 7)
    assert module.ends_in_softmax
    torch.testing.assert_close(module.logits(x).softmax(1), module(x))


def test_no_logits_without_a_softmax():
    inputs = notation.Input((4,))
    graph = notation.Model(inputs, layers.Dense(2, activation="sigmoid")(inputs))
    module = lower(graph)
    assert not module.ends_in_softmax
    with pytest.raises(BadInput, match="does not end in a softmax"):
        module.logits(torch.zeros(1, 4))


def test_a_hook_sees_the_layers_output():
    graph = network("lenet5")
    module = lower(graph, initial(graph, seed=0))
    seen = {}
    for name, step in module.steps_by_name.items():
        step.register_forward_hook(lambda part, given, out, name=name: seen.__setitem__(name, out))
    module(torch.rand(2, 1, 32, 32))
    for node in graph.nodes:
        if node.kind_name == "InputLayer":
            continue
        shape = graph.shapes[node.name]
        expected = (2, shape[2], shape[0], shape[1]) if len(shape) == 3 else (2, *shape)
        assert tuple(seen[node.name].shape) == expected
    assert seen["conv1"].min() == 0, "the activation belongs to the layer"
    assert isinstance(module.steps_by_name["conv1"].activation, torch.nn.ReLU)


def test_frozen_layers_do_not_learn():
    x = inputs = notation.Input((6, 6, 2))
    x = layers.Conv2D(3, 3, name="conv", trainable=False)(x)
    x = layers.BatchNormalization(name="bn", trainable=False)(x)
    x = layers.Dense(2, activation="softmax", name="out")(layers.Flatten()(x))
    graph = notation.Model(inputs, x)
    module = lower(graph, initial(graph, seed=0)).train()
    before = dump(module)
    module(torch.rand(4, 2, 6, 6)).sum().backward()
    trained = [name for name, p in module.named_parameters() if p.requires_grad]
    assert len(trained) == 2
    assert np.array_equal(dump(module)["bn/moving_mean"], before["bn/moving_mean"])


ZOO = [
    ("lenet5", (32, 32, 1)), ("lenet5_1998", (32, 32, 1)), ("course_cnn", (28, 28, 1)),
    ("resnet20", (32, 32, 3)), ("mobilenet_v2", (40, 40, 3)), ("shufflenet_v2_x0_5", (64, 64, 3)),
    ("squeezenet1_1", (48, 48, 3)),
    ("mobilenet_v3_small", (48, 48, 3)), ("darts_cifar", (32, 32, 3)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "shape"), ZOO)
def test_whole_networks_equal_keras(name, shape):
    import json

    import keras

    graph = network(name, input_shape=shape, classes=7)
    model = keras.models.model_from_json(json.dumps(to_keras_json(graph)))
    weights = random_weights(graph, np.random.default_rng(1))
    names = keras_names(graph)
    for node in graph.nodes:
        own = node.kind.weights(*graph.input_shapes(node)) if node.owner == node.name else ()
        if own:
            arrays = [weights[f"{node.name}/{weight.name}"] for weight in own]
            model.get_layer(names[node.name]).set_weights(arrays)
    images = np.random.default_rng(2).uniform(0, 1, (2, *shape)).astype(np.float32)
    theirs = model.predict(images, verbose=0)
    ours = lower(graph, weights)(torch.from_numpy(images).permute(0, 3, 1, 2)).detach().numpy()
    np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-5)
    assert np.ptp(theirs) > 1e-4


@pytest.mark.parametrize("recorded", [{}, {"training": False}, {"training": True}, {"training": None}])
@pytest.mark.parametrize("nested", [False, True])
def test_a_training_trains_whatever_a_call_was_recorded_with(recorded, nested):
    """Keras hands its own `training` to every call of a model; a plain dropout is recorded with False."""
    import keras

    inputs = keras.Input((6, 6, 3))
    dropout = keras.layers.Dropout(0.5)
    if nested:
        dropout = keras.Sequential([keras.Input((6, 6, 3)), dropout])
    model = keras.Model(inputs, dropout(inputs, **recorded))
    ones = np.ones((64, 6, 6, 3), np.float32)

    def zeros(training: bool) -> float:
        return float((keras.ops.convert_to_numpy(model(ones, training=training)) == 0).mean())

    module = lower(read(model))
    x = torch.from_numpy(ones).permute(0, 3, 1, 2)
    for training in (True, False):
        module.train(training)
        ours = float((module(x) == 0).float().mean())
        assert ours == pytest.approx(zeros(training), abs=0.05)
        assert ours == pytest.approx(0.5 * training, abs=0.05)
