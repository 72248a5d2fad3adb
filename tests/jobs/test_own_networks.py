"""Networks of one's own in `train`: several ends, open sizes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

import convsmith as cs
from convsmith.errors import BadInput
from convsmith.graph import notation as keras
from convsmith.jobs.steps.start import build, own_rules


def branched(**ends: int) -> Any:
    x = inputs = keras.Input((8, 8, 1), name="image")
    x = keras.layers.Flatten()(x)
    return keras.Model(inputs, [keras.layers.Dense(units, name=name)(x) for name, units in ends.items()])


def test_several_outputs_are_one_line_before_any_work(tmp_path: Any) -> None:
    with pytest.raises(BadInput, match=r"outputs kind \(2,\), age \(3,\); expected one output.*cs\.fit"):
        cs.train(branched(kind=2, age=3), "digits", runs=str(tmp_path))
    assert not list(tmp_path.iterdir())


def test_an_output_that_is_an_image_is_one_line(tmp_path: Any) -> None:
    inputs = keras.Input((8, 8, 1))
    with pytest.raises(BadInput, match="expected one output of a number for each class"):
        cs.train(keras.Model(inputs, keras.layers.Conv2D(2, 1)(inputs)), "digits", runs=str(tmp_path))


def test_several_inputs_are_one_line(tmp_path: Any) -> None:
    one, two = keras.Input((8, 8, 1), name="left"), keras.Input((8, 8, 1), name="right")
    x = keras.layers.Flatten()(keras.layers.Add()([one, two]))
    with pytest.raises(BadInput, match=r"inputs left \(8, 8, 1\), right \(8, 8, 1\); expected one input"):
        cs.train(keras.Model([one, two], keras.layers.Dense(2)(x)), "digits", runs=str(tmp_path))


def job(shape: tuple[int, ...], network: Any) -> Any:
    """As much of a job as building its network takes."""
    return SimpleNamespace(
        options=SimpleNamespace(network=network.to_json()), images=SimpleNamespace(classes=list("abc")),
        input_shape=shape, display=SimpleNamespace(say=lambda text: None),
    )  # fmt: skip


def open_network(channels: int) -> Any:
    x = inputs = keras.Input((None, None, channels))
    x = keras.layers.Conv2D(4, 3, strides=2, padding="same", activation="relu")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(x), name="open")


def test_an_open_input_gets_the_size_of_the_images() -> None:
    assert build(job((8, 9, 1), open_network(1))).input_shape == (8, 9, 1)


def test_an_open_input_of_other_channels_says_the_sizes_to_give() -> None:
    with pytest.raises(BadInput, match=r"try: --size 8x9x3"):
        build(job((8, 9, 1), open_network(3)))


def test_what_a_network_asks_of_its_training_is_said() -> None:
    x = inputs = keras.Input((8, 8, 1))
    x = keras.layers.Conv2D(2, 3, kernel_regularizer="l2", trainable=False, name="conv")(x)
    x = keras.layers.ActivityRegularization(l2=0.1, name="quiet")(keras.layers.Flatten()(x))
    x = keras.layers.Dense(3, bias_constraint="non_neg", name="classes")(x)
    graph = keras.Model(inputs, x)
    lines = own_rules(graph, known=False)
    assert lines[:2] == [
        "penalties of the network itself: conv, quiet",
        "constraints of the network itself: classes",
    ]
    assert lines[2].startswith("frozen layers of the network itself: conv; they keep the random numbers")
    assert own_rules(graph, known=True)[2] == "frozen layers of the network itself: conv"
    assert own_rules(open_network(1), known=False) == []
