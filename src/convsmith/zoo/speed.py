"""Networks that are trained in seconds: one for photos of 32x32 on a GPU, one for digits on a CPU's core.

K. Jordan, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU", 2024, section 3.1. His script also makes
the first layer whiten the pixels and filters begin as identities; here they begin as Keras begins them.
"""

from __future__ import annotations

from typing import Any

from ..graph import Graph
from ..graph import notation as keras
from ._parts import image
from .network import Published, enter

CONV = {"use_bias": False, "kernel_initializer": "he_normal"}


def speednet(input_shape: tuple[int, ...] = (32, 32, 3), classes: int = 10) -> Graph:
    """Three groups of two convolutions; pooled inside the group, where few channels have been made yet."""
    inputs, x = image(input_shape)
    x = keras.layers.Conv2D(24, 2, activation="gelu", kernel_initializer="he_normal")(x)
    for width in (64, 256, 256):
        x = keras.layers.Conv2D(width, 3, padding="same", **CONV)(x)
        x = _gelu(keras.layers.MaxPooling2D(2)(x))
        x = _gelu(keras.layers.Conv2D(width, 3, padding="same", **CONV)(x))
    x = keras.layers.GlobalMaxPooling2D()(x)
    x = keras.layers.Dense(classes, use_bias=False, activation="softmax", name="softmax")(x)
    return keras.Model(inputs, x, name="speednet")


def _gelu(x: Any) -> Any:
    x = keras.layers.BatchNormalization(momentum=0.6, epsilon=1e-5, scale=False)(x)
    return keras.layers.Activation("gelu")(x)


def mnist_fast(input_shape: tuple[int, ...] = (28, 28, 1), classes: int = 10) -> Graph:
    """Three convolutions, the first of which halves the sides at once: most accuracy per second of a core."""
    inputs, x = image(input_shape)
    for width, kernel, stride, pool in ((16, 4, 2, 1), (32, 3, 1, 2), (64, 3, 1, 1)):
        x = keras.layers.Conv2D(width, kernel, strides=stride, **CONV)(x)
        if pool > 1:
            x = keras.layers.MaxPooling2D(pool)(x)
        x = keras.layers.BatchNormalization(momentum=0.9)(x)
        x = keras.layers.Activation("relu")(x)
    x = keras.layers.Flatten()(x)
    x = keras.layers.Dense(classes, activation="softmax", name="softmax")(x)
    return keras.Model(inputs, x, name="mnist_fast")


enter(
    "speednet",
    speednet,
    Published(
        "K. Jordan, 94% on CIFAR-10 in 3.29 Seconds on a Single GPU, arXiv:2404.00498",
        2024,
        1_971_640,
        None,
        94.0,
        "the paper, with its own script; not measured here",
        trained_on="CIFAR-10",
    ),
)
enter(
    "mnist_fast",
    mnist_fast,
    Published(
        "this project's own, for as few seconds as possible: bench/recipes.py",
        2026,
        29_290,
        None,
        99.0,
        "bench/recipes.py, one pass over the images",
        trained_on="MNIST",
    ),
)
