"""AlexNet: the two-tower original of 2012 and the one-column form of 2014.

A. Krizhevsky, I. Sutskever, G. Hinton, "ImageNet Classification with Deep Convolutional Neural Networks",
2012; A. Krizhevsky, "One weird trick for parallelizing convolutional neural networks", arXiv:1404.5997.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from ..graph import Graph
from ..graph import notation as keras
from ._parts import IMAGENET, image
from .network import Published, enter


def one_column(input_shape: tuple[int, ...] = IMAGENET, classes: int = 1000) -> Graph:
    """AlexNet on one processor, as torchvision has it."""
    inputs, x = image(input_shape)
    x = _conv(keras.layers.ZeroPadding2D(2)(x), 64, 11, strides=4)
    x = keras.layers.MaxPooling2D(3, strides=2)(x)
    x = _conv(x, 192, 5, padding="same")
    x = keras.layers.MaxPooling2D(3, strides=2)(x)
    for filters in (384, 256, 256):
        x = _conv(x, filters, 3, padding="same")
    x = keras.layers.MaxPooling2D(3, strides=2)(x)
    return keras.Model(inputs, _classify(x, classes), name="alexnet")


def two_towers(input_shape: tuple[int, ...] = (227, 227, 3), classes: int = 1000) -> Graph:
    """AlexNet on two processors: the second, fourth and fifth convolutions see their own half only.

    The response normalisation of the original has no weights and is left out, as batch norm came to show.
    """
    inputs, x = image(input_shape)
    x = _conv(x, 96, 11, strides=4)
    x = keras.layers.MaxPooling2D(3, strides=2)(x)
    x = _conv(x, 256, 5, padding="same", groups=2)
    x = keras.layers.MaxPooling2D(3, strides=2)(x)
    x = _conv(x, 384, 3, padding="same")
    x = _conv(x, 384, 3, padding="same", groups=2)
    x = _conv(x, 256, 3, padding="same", groups=2)
    x = keras.layers.MaxPooling2D(3, strides=2)(x)
    return keras.Model(inputs, _classify(x, classes), name="alexnet_two_towers")


def _conv(x: Any, filters: int, kernel: int, **settings: Any) -> Any:
    return keras.layers.Conv2D(
        filters, kernel, activation="relu", kernel_initializer="he_normal", **settings
    )(x)


def _classify(x: Any, classes: int) -> Any:
    x = keras.layers.Flatten()(x)
    for number in (6, 7):
        x = keras.layers.Dropout(0.5)(x)
        x = keras.layers.Dense(4096, activation="relu", name=f"fc{number}")(x)
    return keras.layers.Dense(classes, activation="softmax", name="softmax")(x)


enter(
    "alexnet",
    partial(one_column),
    Published(
        "A. Krizhevsky, One weird trick for parallelizing convolutional neural networks, arXiv:1404.5997",
        2014,
        61_100_840,
        0.714e9,
        56.522,
        "torchvision 0.28, IMAGENET1K_V1",
    ),
)
enter(
    "alexnet_two_towers",
    partial(two_towers),
    Published(
        "A. Krizhevsky, I. Sutskever, G. Hinton, ImageNet Classification with Deep CNNs, NIPS 2012",
        2012,
        60_965_224,
        0.724e9,
        59.3,
        "the paper says 60 million; BVLC's CaffeNet, the same shapes, has 60,965,224 and 724M",
    ),
)
