"""MobileNet v3: searched inverted residuals with gates and hard swish.

A. Howard et al., "Searching for MobileNetV3", 2019.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from ..graph import Graph
from ..graph import notation as keras
from ._parts import IMAGENET, conv_bn, depthwise_bn, divisible, gate, image
from .network import Published, enter

LARGE = (
    (3, 16, 16, False, "relu", 1), (3, 64, 24, False, "relu", 2), (3, 72, 24, False, "relu", 1),
    (5, 72, 40, True, "relu", 2), (5, 120, 40, True, "relu", 1), (5, 120, 40, True, "relu", 1),
    (3, 240, 80, False, "hard_silu", 2), (3, 200, 80, False, "hard_silu", 1),
    (3, 184, 80, False, "hard_silu", 1), (3, 184, 80, False, "hard_silu", 1),
    (3, 480, 112, True, "hard_silu", 1), (3, 672, 112, True, "hard_silu", 1),
    (5, 672, 160, True, "hard_silu", 2),
    (5, 960, 160, True, "hard_silu", 1), (5, 960, 160, True, "hard_silu", 1),
)  # fmt: skip
SMALL = (
    (3, 16, 16, True, "relu", 2), (3, 72, 24, False, "relu", 2), (3, 88, 24, False, "relu", 1),
    (5, 96, 40, True, "hard_silu", 2), (5, 240, 40, True, "hard_silu", 1), (5, 240, 40, True, "hard_silu", 1),
    (5, 120, 48, True, "hard_silu", 1), (5, 144, 48, True, "hard_silu", 1),
    (5, 288, 96, True, "hard_silu", 2),
    (5, 576, 96, True, "hard_silu", 1), (5, 576, 96, True, "hard_silu", 1),
)  # fmt: skip
"""Kernel, expanded channels, channels, gate, activation, stride."""


def mobilenet_v3(
    size: str, input_shape: tuple[int, ...] = IMAGENET, classes: int = 1000, *, name: str
) -> Graph:
    """MobileNet v3, "large" or "small"."""
    inputs, x = image(input_shape)
    channels = 16
    x = conv_bn(x, channels, 3, 2, "hard_silu", epsilon=1e-3)
    for kernel, expanded, filters, gated, activation, stride in LARGE if size == "large" else SMALL:
        x = _block(x, channels, kernel, expanded, filters, gated, activation, stride)
        channels = filters
    x = conv_bn(x, 6 * channels, 1, 1, "hard_silu", epsilon=1e-3)
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dense(1280 if size == "large" else 1024, activation="hard_silu")(x)
    x = keras.layers.Dropout(0.2)(x)
    x = keras.layers.Dense(classes, activation="softmax", name="softmax")(x)
    return keras.Model(inputs, x, name=name)


def _block(
    x: Any, channels: int, kernel: int, expanded: int, filters: int, gated: bool, activation: str, stride: int
) -> Any:
    before = x
    if expanded != channels:
        x = conv_bn(x, expanded, 1, 1, activation, epsilon=1e-3)
    x = depthwise_bn(x, kernel, stride, activation, epsilon=1e-3)
    if gated:
        x = gate(x, expanded, divisible(expanded / 4), "relu", "hard_sigmoid")
    x = conv_bn(x, filters, 1, 1, None, epsilon=1e-3)
    return keras.layers.Add()([before, x]) if stride == 1 and channels == filters else x


_PAPER = "A. Howard et al., Searching for MobileNetV3, arXiv:1905.02244"
for _size, _params, _macs, _top1 in (
    ("large", 5_483_032, 0.217e9, 74.042),
    ("small", 2_542_856, 0.057e9, 67.668),
):
    enter(
        f"mobilenet_v3_{_size}",
        partial(mobilenet_v3, _size, name=f"mobilenet_v3_{_size}"),
        Published(_PAPER, 2019, _params, _macs, _top1, "torchvision 0.28, IMAGENET1K_V1"),
    )
