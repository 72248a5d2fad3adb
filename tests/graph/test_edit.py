"""Changes to a network, against the network built that way from the start."""

from __future__ import annotations

import pytest

from convsmith.errors import BadInput, BadName
from convsmith.graph import notation as keras
from convsmith.graph.edit import edit
from convsmith.zoo import network


def test_more_filters_are_the_network_written_so() -> None:
    x = inputs = keras.Input((32, 32, 1), name="input")
    x = keras.layers.Conv2D(6, 5, activation="relu", name="conv1")(x)
    x = keras.layers.MaxPooling2D(2, name="pool1")(x)
    x = keras.layers.Conv2D(32, 3, activation="tanh", padding="same", name="conv2")(x)
    x = keras.layers.MaxPooling2D(2, name="pool2")(x)
    x = keras.layers.Flatten(name="flatten")(x)
    x = keras.layers.Dense(120, activation="relu", name="fc3")(x)
    x = keras.layers.Dense(84, activation="relu", name="fc4")(x)
    x = keras.layers.Dense(10, activation="softmax", name="softmax")(x)
    written = keras.Model(inputs, x, name="lenet5")
    changes = ("conv2.filters=32", "conv2.kernel_size=3x3", "conv2.padding=same", "conv2.activation=tanh")
    assert edit(network("lenet5"), *changes) == written


@pytest.mark.parametrize("value", ["(5, 5)", "[5,5]", "5x5", "5×5", "5"])
def test_a_size_may_be_written_in_many_ways(value: str) -> None:
    graph = network("lenet5")
    assert edit(graph, f"conv1.kernel_size={value}") == graph


def test_another_input_size() -> None:
    assert edit(network("lenet5"), "input.shape=64x64x3").shapes["pool2"] == (13, 13, 16)


def test_a_shared_layer_changes_everywhere() -> None:
    layer = keras.layers.Conv2D(4, 3, padding="same", name="twice")
    inputs = keras.Input((8, 8, 4))
    graph = keras.Model(inputs, layer(layer(inputs)))
    changed = edit(graph, "twice_1.kernel_size=5")
    assert [node.kind.kernel_size for node in changed.nodes[1:]] == [(5, 5), (5, 5)]  # type: ignore[attr-defined]
    assert changed.params == 5 * 5 * 4 * 4 + 4


def test_the_graph_given_stays_as_it_is() -> None:
    graph = network("lenet5")
    edit(graph, "conv1.filters=7")
    assert graph == network("lenet5")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("conv3.filters=3", "did you mean 'conv"),
        ("conv2.filter=3", "did you mean 'filters'"),
        ("conv2.filters=many", "conv2.filters: got 'many'; expected int"),
        ("conv2.filters=-3", "positive"),
        ("conv2.filters=0", "positive"),
        ("conv2.filters=99999999999999", "positive"),
        ("conv2.use_bias=7", "bool"),
        ("conv2.kernel_size=99", r"layer conv2 \(Conv2D\): kernel 99 on a 14-pixel input"),
        ("conv2.filters", "layer.setting=value"),
        ("filters=3", "layer.setting=value"),
        ("conv2.filters=", "layer.setting=value"),
    ],
)
def test_a_change_that_cannot_be_says_why(change: str, message: str) -> None:
    with pytest.raises((BadInput, BadName), match=message):
        edit(network("lenet5"), change)
