"""MnasNet-B1: a mobile network found by search for accuracy and measured latency; the number is the width.

M. Tan et al., "MnasNet: Platform-Aware Neural Architecture Search for Mobile", 2018.
"""

from __future__ import annotations

from functools import partial

from ..graph import Graph
from ..graph import notation as keras
from ._parts import IMAGENET, conv_bn, depthwise_bn, divisible, head, image
from .network import Published, enter

STAGES = (
    (3, 3, 24, 3, 2),
    (3, 5, 40, 3, 2),
    (6, 5, 80, 3, 2),
    (6, 3, 96, 2, 1),
    (6, 5, 192, 4, 2),
    (6, 3, 320, 1, 1),
)
"""Expansion, kernel, channels, blocks, stride."""


def mnasnet(
    width: float, input_shape: tuple[int, ...] = IMAGENET, classes: int = 1000, *, name: str
) -> Graph:
    """MnasNet-B1 with `width` times the channels."""
    inputs, x = image(input_shape)
    x = depthwise_bn(conv_bn(x, divisible(32 * width), 3, 2))
    channels = divisible(16 * width)
    x = conv_bn(x, channels, 1, 1, None)
    for expansion, kernel, base, repeats, first in STAGES:
        filters = divisible(base * width)
        for repeat in range(repeats):
            before = x
            x = conv_bn(x, channels * expansion, 1)
            x = depthwise_bn(x, kernel, 1 if repeat else first)
            x = conv_bn(x, filters, 1, 1, None)
            if (first == 1 and channels == filters) or repeat:
                x = keras.layers.Add()([x, before])
            channels = filters
    x = conv_bn(x, 1280, 1)
    return keras.Model(inputs, head(x, classes, 0.2), name=name)


_PAPER = "M. Tan et al., MnasNet: Platform-Aware Neural Architecture Search for Mobile, arXiv:1807.11626"
for _width, _params, _macs, _top1 in (
    (0.5, 2_218_512, 0.104e9, 67.734),
    (0.75, 3_170_208, 0.215e9, 71.18),
    (1.0, 4_383_312, 0.314e9, 73.456),
    (1.3, 6_282_256, 0.526e9, 76.506),
):
    _name = f"mnasnet{_width:g}".replace(".", "_").replace("mnasnet1", "mnasnet1_0").replace("1_0_3", "1_3")
    enter(
        _name,
        partial(mnasnet, _width, name=_name),
        Published(_PAPER, 2018, _params, _macs, _top1, "torchvision 0.28, IMAGENET1K_V1"),
    )
