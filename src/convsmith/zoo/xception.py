"""Xception: depthwise separable convolutions with shortcuts.

F. Chollet, "Xception: Deep Learning with Depthwise Separable Convolutions", 2016. The form is Keras's.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from ..graph import Graph
from ..graph import notation as keras
from ._parts import activate, head, image
from .network import Published, enter


def xception(input_shape: tuple[int, ...] = (299, 299, 3), classes: int = 1000) -> Graph:
    """Xception: entry, eight middle blocks, exit."""
    inputs, x = image(input_shape)
    for filters, stride in ((32, 2), (64, 1)):
        x = keras.layers.Conv2D(filters, 3, strides=stride, use_bias=False)(x)
        x = activate(keras.layers.BatchNormalization()(x), "relu")
    for filters in (128, 256, 728):
        x = _halving(x, filters, filters, active=filters > 128)
    for _ in range(8):
        before = x
        for _ in range(3):
            x = _separable(activate(x, "relu"), 728)
        x = keras.layers.Add()([x, before])
    x = _halving(x, 728, 1024, active=True)
    for filters in (1536, 2048):
        x = activate(_separable(x, filters), "relu")
    return keras.Model(inputs, head(x, classes), name="xception")


def _separable(x: Any, filters: int) -> Any:
    x = keras.layers.SeparableConv2D(filters, 3, padding="same", use_bias=False)(x)
    return keras.layers.BatchNormalization()(x)


def _halving(x: Any, first: int, second: int, active: bool) -> Any:
    shortcut = keras.layers.Conv2D(second, 1, strides=2, padding="same", use_bias=False)(x)
    shortcut = keras.layers.BatchNormalization()(shortcut)
    x = _separable(activate(x, "relu" if active else None), first)
    x = _separable(activate(x, "relu"), second)
    x = keras.layers.MaxPooling2D(3, strides=2, padding="same")(x)
    return keras.layers.Add()([x, shortcut])


enter(
    "xception",
    partial(xception),
    Published(
        "F. Chollet, Xception: Deep Learning with Depthwise Separable Convolutions, arXiv:1610.02357",
        2016,
        22_910_480,
        None,
        79.0,
        "keras.applications",
        statistics=True,
    ),
)
