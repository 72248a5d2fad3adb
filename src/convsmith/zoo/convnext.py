"""ConvNeXt: a ResNet brought to the habits of transformers.

Z. Liu et al., "A ConvNet for the 2020s", 2022.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from ..graph import Graph
from ..graph import notation as keras
from ._parts import IMAGENET, image
from .network import Published, enter

SIZES = {
    "tiny": ((96, 192, 384, 768), (3, 3, 9, 3), 0.1, 28_589_128, 4.456e9, 82.52),
    "small": ((96, 192, 384, 768), (3, 3, 27, 3), 0.4, 50_223_688, 8.684e9, 83.616),
    "base": ((128, 256, 512, 1024), (3, 3, 27, 3), 0.5, 88_591_464, 15.355e9, 84.062),
    "large": ((192, 384, 768, 1536), (3, 3, 27, 3), 0.5, 197_767_336, 34.361e9, 84.414),
}
"""Channels, blocks, share of branches left out in training; published parameters, MACs, top-1."""


def convnext(size: str, input_shape: tuple[int, ...] = IMAGENET, classes: int = 1000, *, name: str) -> Graph:
    """ConvNeXt "tiny", "small", "base" or "large"."""
    channels, depths, most = SIZES[size][:3]
    inputs, x = image(input_shape)
    done = 0
    for stage, (width, repeats) in enumerate(zip(channels, depths, strict=True)):
        if stage == 0:
            x = _norm(keras.layers.Conv2D(width, 4, strides=4)(x))
        else:
            x = keras.layers.Conv2D(width, 2, strides=2)(_norm(x))
        for _ in range(repeats):
            x = _block(x, width, most * done / (sum(depths) - 1))
            done += 1
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dense(classes, activation="softmax", name="softmax")(_norm(x))
    return keras.Model(inputs, x, name=name)


def _norm(x: Any) -> Any:
    return keras.layers.LayerNormalization(epsilon=1e-6)(x)


def _block(x: Any, width: int, rate: float) -> Any:
    before = x
    x = keras.layers.DepthwiseConv2D(7, padding="same")(x)
    x = keras.layers.Dense(4 * width, activation="gelu")(_norm(x))
    x = keras.layers.Dense(width)(x)
    x = keras.layers.LayerScale(1e-6, width)(x)
    if rate:
        x = keras.layers.StochasticDepth(rate)(x)
    return keras.layers.Add()([before, x])


_PAPER = "Z. Liu et al., A ConvNet for the 2020s, arXiv:2201.03545"
for _size, (*_, _params, _macs, _top1) in SIZES.items():
    enter(
        f"convnext_{_size}",
        partial(convnext, _size, name=f"convnext_{_size}"),
        Published(_PAPER, 2022, int(_params), _macs, _top1, "torchvision 0.28, IMAGENET1K_V1"),
    )
