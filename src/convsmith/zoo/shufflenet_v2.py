"""ShuffleNet v2: half of the channels pass untouched, then all are shuffled; the number is the width.

N. Ma et al., "ShuffleNet V2: Practical Guidelines for Efficient CNN Architecture Design", 2018.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from ..graph import Graph
from ..graph import notation as keras
from ._parts import IMAGENET, conv_bn, depthwise_bn, head, image, max_pool
from .network import Published, enter

SIZES = {
    "0_5": ((48, 96, 192), 1024, 1_366_792, 0.04e9, 60.552),
    "1_0": ((116, 232, 464), 1024, 2_278_604, 0.145e9, 69.362),
    "1_5": ((176, 352, 704), 1024, 3_503_624, 0.296e9, 72.996),
    "2_0": ((244, 488, 976), 2048, 7_393_996, 0.583e9, 76.23),
}
"""Channels of the stages and of the last convolution; published parameters, MACs, top-1."""


def shufflenet_v2(
    size: str, input_shape: tuple[int, ...] = IMAGENET, classes: int = 1000, *, name: str
) -> Graph:
    """ShuffleNet v2 of one of `SIZES`."""
    stages, last = SIZES[size][:2]
    inputs, x = image(input_shape)
    x = max_pool(conv_bn(x, 24, 3, 2))
    rows, columns = (-(-side // 4) for side in input_shape[:2])
    for width, repeats in zip(stages, (4, 8, 4), strict=True):
        rows, columns = -(-rows // 2), -(-columns // 2)
        for repeat in range(repeats):
            x = _unit(x, width // 2) if repeat else _first(x, width // 2)
            x = _shuffled(x, rows, columns, width)
    return keras.Model(inputs, head(conv_bn(x, last, 1), classes), name=name)


def _first(x: Any, half: int) -> Any:
    """Halves the image: both branches take all channels."""
    left = conv_bn(depthwise_bn(x, 3, 2, None), half, 1)
    right = conv_bn(depthwise_bn(conv_bn(x, half, 1), 3, 2, None), half, 1)
    return keras.layers.Concatenate()([left, right])


def _unit(x: Any, half: int) -> Any:
    left, right = keras.ops.split(x, 2, axis=-1)
    right = conv_bn(depthwise_bn(conv_bn(right, half, 1), 3, 1, None), half, 1)
    return keras.layers.Concatenate()([left, right])


def _shuffled(x: Any, rows: int, columns: int, width: int) -> Any:
    """Channels 0, 1, 2, ... become 0, n/2, 1, n/2 + 1, ..."""
    x = keras.layers.Reshape((rows * columns, 2, width // 2))(x)
    x = keras.layers.Permute((1, 3, 2))(x)
    return keras.layers.Reshape((rows, columns, width))(x)


_PAPER = "N. Ma et al., ShuffleNet V2: Practical Guidelines for Efficient CNN Design, arXiv:1807.11164"
for _size, (*_, _params, _macs, _top1) in SIZES.items():
    enter(
        f"shufflenet_v2_x{_size}",
        partial(shufflenet_v2, _size, name=f"shufflenet_v2_x{_size}"),
        Published(_PAPER, 2018, int(_params), _macs, _top1, "torchvision 0.28, IMAGENET1K_V1"),
    )
