"""Images in which one operation is obviously right, and the tiny spaces over them."""

from __future__ import annotations

import numpy as np
import pytest

from convsmith.graph import notation as keras
from convsmith.nas.choose import Space
from convsmith.nas.lesson import Material
from convsmith.nas.relaxed import weighed


def planted(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Stripes across or along, at any phase: their mean brightness is the same, only a 3x3 window tells."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    x = np.zeros((count, 8, 8, 1), np.uint8)
    for row, label in enumerate(labels):
        stripes = np.where((np.arange(8) + rng.integers(2)) % 2, 220, 20)
        image = stripes[:, None] if label else stripes[None, :]
        x[row, :, :, 0] = np.clip(image + rng.normal(0, 10, (8, 8)), 0, 255)
    return x, labels


def one_edge(choose, input_shape, classes, activation="relu"):
    """Two edges between a 1x1 convolution and the mean: without a 3x3 window every image looks alike."""
    x = inputs = keras.Input(input_shape)
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(x)
    x = keras.layers.Conv2D(6, 1, use_bias=False)(x)
    for cell in range(2):
        operation = weighed(choose, f"edge_{cell}", ("none", "skip_connect", "conv_3x3"), nothing="none")
        y = _apply(x, operation, activation)
        x = keras.layers.Add()([x, y]) if cell else y
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Activation(activation)(x))
    return keras.Model(inputs, keras.layers.Dense(classes, activation="softmax")(x), name="one_edge")


def smooth_edge(choose, input_shape, classes):
    """The same without kinks, where differences of gradients are second derivatives."""
    return one_edge(choose, input_shape, classes, "tanh")


def _apply(x, operation, activation):
    if not isinstance(operation, str):
        return operation.of(lambda one: _apply(x, one, activation))
    if operation == "none":
        return keras.layers.Rescaling(0.0)(x)
    if operation == "skip_connect":
        return x
    x = keras.layers.Conv2D(6, 3, padding="same", use_bias=False)(keras.layers.Activation(activation)(x))
    return keras.layers.BatchNormalization()(x)


@pytest.fixture(scope="session")
def stripes() -> Material:
    x, y = planted(96, 0)
    x_validation, y_validation = planted(48, 1)
    return Material(x, y, x_validation, y_validation, "none")


@pytest.fixture(scope="session")
def smooth() -> Space:
    return Space(smooth_edge, (8, 8, 1), 2)


@pytest.fixture(scope="session")
def edges() -> Space:
    return Space(one_edge, (8, 8, 1), 2)
