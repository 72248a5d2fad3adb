"""EfficientNet-Lite 0 to 4: EfficientNets for integers: no gates, ReLU6, stem and head of one width.

The layers have names of their own, from "stem" over "block1_expand" to "head": pretrained weights go by them.

R. Liu, "Higher accuracy on vision models with EfficientNet-Lite", TensorFlow blog, 2020.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any

from ..graph import Graph
from ..graph import notation as keras
from ._parts import divisible
from .efficientnet import STAGES
from .network import Published, enter

SIZES = {
    0: (1.0, 1.0, 224, 0.2, 4.7e6, 407e6, 75.1),
    1: (1.0, 1.1, 240, 0.2, 5.4e6, 631e6, 76.7),
    2: (1.1, 1.2, 260, 0.3, 6.1e6, 899e6, 77.6),
    3: (1.2, 1.4, 280, 0.3, 8.2e6, 1.44e9, 79.8),
    4: (1.4, 1.8, 300, 0.3, 13.0e6, 2.64e9, 81.5),
}
"""Width, depth, side in pixels, dropout; published parameters, MACs, top-1."""
EPSILON = 1e-3
"""Of every batch norm."""


def efficientnet_lite(
    size: int, input_shape: tuple[int, ...] | None = None, classes: int = 1000, *, name: str
) -> Graph:
    """EfficientNet-Lite 0 to 4; without an input shape, at the size's own resolution.

    Strided convolutions are padded as TensorFlow's "same", the odd pixel at the bottom and right. The
    dropping of whole blocks with which the published weights were trained is not part of the network.
    """
    width, depth, side, dropout = SIZES[size][:4]
    inputs = keras.Input(input_shape or (int(side), int(side), 3), name="image")
    x = keras.layers.Rescaling(1 / 128, offset=-127 / 128, name="rescaling")(inputs)
    x = _conv(x, 32, 3, 2, "stem")
    channels, number = 32, 0
    for stage, (expansion, kernel, base, repeats, first) in enumerate(STAGES):
        outer = stage in (0, len(STAGES) - 1)
        filters = divisible(base * width)
        for repeat in range(repeats if outer else math.ceil(repeats * depth)):
            number += 1
            stride = 1 if repeat else first
            x = _block(x, channels, expansion, kernel, filters, stride, f"block{number}")
            channels = filters
    x = _conv(x, 1280, 1, 1, "head")
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    x = keras.layers.Dropout(dropout, name="dropout")(x)
    return keras.Model(
        inputs, keras.layers.Dense(classes, activation="softmax", name="softmax")(x), name=name
    )


def _block(x: Any, channels: int, expansion: int, kernel: int, filters: int, stride: int, name: str) -> Any:
    before = x
    if expansion > 1:
        x = _conv(x, channels * expansion, 1, 1, f"{name}_expand")
    x = keras.layers.DepthwiseConv2D(
        kernel, strides=stride, padding="same", use_bias=False, name=f"{name}_depthwise"
    )(x)
    x = _norm_relu6(x, f"{name}_depthwise")
    x = _conv(x, filters, 1, 1, f"{name}_project", linear=True)
    if stride > 1 or channels != filters:
        return x
    return keras.layers.Add(name=f"{name}_add")([x, before])


def _conv(x: Any, filters: int, kernel: int, stride: int, name: str, *, linear: bool = False) -> Any:
    x = keras.layers.Conv2D(
        filters, kernel, strides=stride, padding="same", use_bias=False,
        kernel_initializer="he_normal", name=name,
    )(x)  # fmt: skip
    return _norm_relu6(x, name, linear=linear)


def _norm_relu6(x: Any, name: str, *, linear: bool = False) -> Any:
    x = keras.layers.BatchNormalization(momentum=0.9, epsilon=EPSILON, name=f"{name}_bn")(x)
    return x if linear else keras.layers.Activation("relu6", name=f"{name}_relu6")(x)


_PAPER = "R. Liu, Higher accuracy on vision models with EfficientNet-Lite, TensorFlow blog"
for _size, (*_, _params, _macs, _top1) in SIZES.items():
    _name = f"efficientnet_lite{_size}"
    enter(
        _name,
        partial(efficientnet_lite, _size, name=_name),
        Published(
            _PAPER, 2020, int(_params), _macs, _top1,
            "the table of the official repository, tensorflow/tpu, models/official/efficientnet/lite",
            note="its counter adds about three operations for each number that a batch norm gives",
        ),
    )  # fmt: skip
