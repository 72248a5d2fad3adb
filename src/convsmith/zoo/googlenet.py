"""GoogLeNet (Inception v1) with batch norm, as torchvision has it: the "5x5" branch is a 3x3.

C. Szegedy et al., "Going Deeper with Convolutions", 2014. The auxiliary classifiers, which only train, are
left out.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from ..graph import Graph
from ..graph import notation as keras
from ._parts import IMAGENET, ceil_pool, conv_bn, head, image
from .network import Published, enter

BLOCKS = (
    ((64, 96, 128, 16, 32, 32), (128, 128, 192, 32, 96, 64)),
    ((192, 96, 208, 16, 48, 64), (160, 112, 224, 24, 64, 64), (128, 128, 256, 24, 64, 64),
     (112, 144, 288, 32, 64, 64), (256, 160, 320, 32, 128, 128)),
    ((256, 160, 320, 32, 128, 128), (384, 192, 384, 48, 128, 128)),
)  # fmt: skip
"""1x1; 1x1 before 3x3, 3x3; 1x1 before the second 3x3, it; 1x1 after pooling."""


def googlenet(input_shape: tuple[int, ...] = IMAGENET, classes: int = 1000) -> Graph:
    """GoogLeNet: nine blocks of four branches."""
    inputs, x = image(input_shape)
    x = ceil_pool(_conv(x, 64, 7, 2))
    x = ceil_pool(_conv(_conv(x, 64, 1), 192, 3))
    for stage, blocks in enumerate(BLOCKS):
        if stage:
            x = ceil_pool(x, 3 if stage == 1 else 2)
        for block in blocks:
            x = _block(x, *block)
    return keras.Model(inputs, head(x, classes, 0.2), name="googlenet")


def _conv(x: Any, filters: int, kernel: int, stride: int = 1) -> Any:
    return conv_bn(x, filters, kernel, stride, epsilon=1e-3)


def _block(x: Any, one: int, before: int, three: int, before_five: int, five: int, pooled: int) -> Any:
    branches = [
        _conv(x, one, 1),
        _conv(_conv(x, before, 1), three, 3),
        _conv(_conv(x, before_five, 1), five, 3),
        _conv(keras.layers.MaxPooling2D(3, strides=1, padding="same")(x), pooled, 1),
    ]
    return keras.layers.Concatenate()(branches)


enter(
    "googlenet",
    partial(googlenet),
    Published(
        "C. Szegedy et al., Going Deeper with Convolutions, arXiv:1409.4842",
        2014,
        6_624_904,
        1.498e9,
        69.778,
        "torchvision 0.28, IMAGENET1K_V1",
    ),
)
