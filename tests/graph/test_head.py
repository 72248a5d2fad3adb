"""The head: found through what has no weights, replaced, and what lies before it frozen."""

from __future__ import annotations

import json

import pytest

from convsmith.errors import BadInput, BadName
from convsmith.graph import notation as keras
from convsmith.graph.head import frozen, head, other_head, with_classes
from convsmith.graph.keras.writer import to_keras_json
from convsmith.zoo import network

layers = keras.layers


@pytest.mark.parametrize("name", ["lenet5", "resnet20", "squeezenet1_1", "mobilenet_v2", "densenet121"])
def test_every_network_takes_another_head(name: str) -> None:
    graph = network(name, classes=10)
    other = with_classes(graph, 3)
    assert other.output_shape == (3,)
    assert other == network(name, classes=3)
    assert graph.output_shape == (10,), "the network itself stays as it is"
    assert with_classes(graph, 10) is graph


def test_a_softmax_of_its_own_is_passed() -> None:
    x = inputs = keras.Input((8, 8, 1))
    x = layers.Flatten()(x)
    x = layers.Dense(5, name="scores")(x)
    graph = keras.Model(inputs, layers.Softmax(name="soft")(x), name="net")
    assert head(graph).name == "scores"
    assert with_classes(graph, 2).output_shape == (2,)


@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.parametrize("units", [1, 4])
def test_a_sigmoid_head_becomes_a_softmax_of_the_classes(apart: bool, units: int) -> None:
    inputs = keras.Input((8,))
    x = layers.Dense(units, activation=None if apart else "sigmoid", name="yes")(inputs)
    graph = keras.Model(inputs, layers.Activation("sigmoid")(x) if apart else x, name="net")
    other = with_classes(graph, 2)
    assert other.output_shape == (2,)
    assert getattr(other.nodes[-1].kind, "activation", None) == "softmax"
    was = "its one sigmoid unit" if units == 1 else "its head of 4 sigmoid units"
    assert other_head(graph, other) == f"{was} became 2 units with a softmax: a probability for each class"
    assert other_head(graph, graph) == ""


def test_no_single_head_is_said() -> None:
    inputs = keras.Input((4,))
    both = layers.Add()([layers.Dense(3)(inputs), layers.Dense(3)(inputs)])
    with pytest.raises(BadInput, match="no single last layer"):
        head(keras.Model(inputs, both, name="two"))


def test_freezing_counts_as_keras_counts() -> None:
    import keras as real

    graph = network("resnet20")
    model = real.models.model_from_json(json.dumps(to_keras_json(graph)))
    for layer in model.layers[:-1]:
        layer.trainable = False
    expected = sum(int(weight.numpy().size) for weight in model.trainable_weights)
    assert frozen(graph, "body").trainable_params == expected
    assert frozen(graph, "body").fingerprint


def test_up_to_a_layer_means_all_that_lead_to_it() -> None:
    found = frozen(network("lenet5"), "conv2")
    still = {node.name for node in found.nodes if not node.trainable}
    assert still == {"input", "conv1", "pool1", "conv2"}


def test_bad_names() -> None:
    with pytest.raises(BadName, match="did you mean 'conv1'"):
        frozen(network("lenet5"), "conv11")
    with pytest.raises(BadInput, match="nothing to train"):
        frozen(network("lenet5"), "softmax")
