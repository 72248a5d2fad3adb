"""MobileNet v2: inverted residuals with a narrow, linear shortcut.

M. Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks", 2018.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from ..graph import Graph
from ..graph import notation as keras
from ._parts import IMAGENET, conv_bn, depthwise_bn, divisible, head, image
from .network import Published, enter

STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
"""Expansion, channels, blocks, stride."""


def mobilenet_v2(
    width: float, input_shape: tuple[int, ...] = IMAGENET, classes: int = 1000, *, name: str
) -> Graph:
    """MobileNet v2 with `width` times the channels."""
    inputs, x = image(input_shape)
    channels = divisible(32 * width)
    x = conv_bn(x, channels, 3, 2, "relu6")
    for expansion, base, repeats, first in STAGES:
        for repeat in range(repeats):
            filters = divisible(base * width)
            x = _block(x, channels, filters, expansion, 1 if repeat else first)
            channels = filters
    x = conv_bn(x, divisible(1280 * max(1.0, width)), 1, 1, "relu6")
    return keras.Model(inputs, head(x, classes, 0.2), name=name)


def _block(x: Any, channels: int, filters: int, expansion: int, stride: int) -> Any:
    before = x
    if expansion > 1:
        x = conv_bn(x, channels * expansion, 1, 1, "relu6")
    x = depthwise_bn(x, 3, stride, "relu6")
    x = conv_bn(x, filters, 1, 1, None)
    return keras.layers.Add()([before, x]) if stride == 1 and channels == filters else x


_PAPER = "M. Sandler et al., MobileNetV2: Inverted Residuals and Linear Bottlenecks, arXiv:1801.04381"
enter(
    "mobilenet_v2",
    partial(mobilenet_v2, 1.0, name="mobilenet_v2"),
    Published(_PAPER, 2018, 3_504_872, 0.301e9, 71.878, "torchvision 0.28, IMAGENET1K_V1"),
)
for _width, _params, _macs, _top1 in (
    (0.35, 1.66e6, 59e6, 60.3),
    (0.5, 1.95e6, 97e6, 65.4),
    (0.75, 2.61e6, 209e6, 69.8),
):
    _name = f"mobilenet_v2_{round(100 * _width):03}"
    enter(
        _name,
        partial(mobilenet_v2, _width, name=_name),
        Published(
            _PAPER, 2018, int(_params), _macs, _top1, "the table of the official checkpoints, float_v2, 224"
        ),
    )
enter(
    "mobilenet_v2_140",
    partial(mobilenet_v2, 1.4, name="mobilenet_v2_140"),
    Published(
        _PAPER,
        2018,
        int(6.9e6),
        585e6,
        74.7,
        "the paper, table 4",
        note="the described network has 6.1 million, and so has Keras's",
    ),
)
