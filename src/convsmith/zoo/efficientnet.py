"""EfficientNet B0 to B7: one searched network, scaled in depth, width and resolution together.

M. Tan, Q. Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", 2019.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any

from ..graph import Graph
from ..graph import notation as keras
from ._parts import conv_bn, depthwise_bn, divisible, gate, head, image
from .network import Published, enter

STAGES = (
    (1, 3, 16, 1, 1), (6, 3, 24, 2, 2), (6, 5, 40, 2, 2), (6, 3, 80, 3, 2), (6, 5, 112, 3, 1),
    (6, 5, 192, 4, 2), (6, 3, 320, 1, 1),
)  # fmt: skip
"""Expansion, kernel, channels, blocks, stride."""
SIZES = {
    "b0": (1.0, 1.0, 224, 0.2, 5_288_548, 0.386e9, 77.692),
    "b1": (1.0, 1.1, 240, 0.2, 7_794_184, 0.687e9, 78.642),
    "b2": (1.1, 1.2, 288, 0.3, 9_109_994, 1.088e9, 80.608),
    "b3": (1.2, 1.4, 300, 0.3, 12_233_232, 1.827e9, 82.008),
    "b4": (1.4, 1.8, 380, 0.4, 19_341_616, 4.394e9, 83.384),
    "b5": (1.6, 2.2, 456, 0.4, 30_389_784, 10.266e9, 83.444),
    "b6": (1.8, 2.6, 528, 0.5, 43_040_704, 19.068e9, 84.008),
    "b7": (2.0, 3.1, 600, 0.5, 66_347_960, 37.746e9, 84.122),
}
"""Width, depth, side in pixels, dropout; published parameters, MACs, top-1."""


def efficientnet(
    size: str, input_shape: tuple[int, ...] | None = None, classes: int = 1000, *, name: str
) -> Graph:
    """EfficientNet B0 to B7; without an input shape, at the size's own resolution."""
    width, depth, side, dropout = SIZES[size][:4]
    inputs, x = image(input_shape or (int(side), int(side), 3))
    epsilon = 1e-5 if size < "b5" else 1e-3
    channels = divisible(32 * width)
    x = conv_bn(x, channels, 3, 2, "silu", epsilon=epsilon)
    blocks = sum(math.ceil(repeats * depth) for *_, repeats, _ in STAGES)
    done = 0
    for expansion, kernel, base, repeats, first in STAGES:
        filters = divisible(base * width)
        for repeat in range(math.ceil(repeats * depth)):
            stride = 1 if repeat else first
            x = _block(x, channels, expansion, kernel, filters, stride, 0.2 * done / blocks, epsilon)
            channels = filters
            done += 1
    x = conv_bn(x, 4 * channels, 1, 1, "silu", epsilon=epsilon)
    return keras.Model(inputs, head(x, classes, dropout), name=name)


def _block(
    x: Any, channels: int, expansion: int, kernel: int, filters: int, stride: int, rate: float, epsilon: float
) -> Any:
    before, expanded = x, channels * expansion
    if expansion > 1:
        x = conv_bn(x, expanded, 1, 1, "silu", epsilon=epsilon)
    x = depthwise_bn(x, kernel, stride, "silu", epsilon=epsilon)
    x = gate(x, expanded, max(1, channels // 4), "silu")
    x = conv_bn(x, filters, 1, 1, None, epsilon=epsilon)
    if stride > 1 or channels != filters:
        return x
    if rate:
        x = keras.layers.Dropout(rate, noise_shape=(None, 1, 1, 1))(x)
    return keras.layers.Add()([x, before])


_PAPER = "M. Tan, Q. Le, EfficientNet: Rethinking Model Scaling for CNNs, arXiv:1905.11946"
for _size, (*_, _params, _macs, _top1) in SIZES.items():
    enter(
        f"efficientnet_{_size}",
        partial(efficientnet, _size, name=f"efficientnet_{_size}"),
        Published(
            _PAPER,
            2019,
            int(_params),
            _macs,
            _top1,
            "torchvision 0.28, IMAGENET1K_V1",
            sides=(260,) if _size == "b2" else (),  # the paper's; torchvision's weights are of 288
        ),
    )
