"""VGG-11 to 19, with and without batch norm.

K. Simonyan, A. Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition", 2014.
"""

from __future__ import annotations

from functools import partial

from ..graph import Graph
from ..graph import notation as keras
from ._parts import IMAGENET, activate, conv, image, norm
from .network import Published, enter

DEPTHS = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}


def vgg(
    depth: int, normalised: bool, input_shape: tuple[int, ...] = IMAGENET, classes: int = 1000, *, name: str
) -> Graph:
    """VGG of 11 to 19 layers with weights."""
    inputs, x = image(input_shape)
    for stage, repeats in enumerate(DEPTHS[depth]):
        for _ in range(repeats):
            x = conv(x, min(64 * 2**stage, 512))
            x = activate(norm(x) if normalised else x, "relu")
        x = keras.layers.MaxPooling2D(2)(x)
    x = keras.layers.Flatten()(x)
    for number in (1, 2):
        x = keras.layers.Dense(4096, activation="relu", name=f"fc{number}")(x)
        x = keras.layers.Dropout(0.5)(x)
    x = keras.layers.Dense(classes, activation="softmax", name="softmax")(x)
    return keras.Model(inputs, x, name=name)


_PAPER = (
    "K. Simonyan, A. Zisserman, Very Deep Convolutional Networks for Large-Scale Image Recognition, "
    "arXiv:1409.1556"
)
for _depth, _plain, _normalised, _macs, _top1, _top1_bn in (
    (11, 132_863_336, 132_868_840, 7.609e9, 69.02, 70.37),
    (13, 133_047_848, 133_053_736, 11.308e9, 69.928, 71.586),
    (16, 138_357_544, 138_365_992, 15.47e9, 71.592, 73.36),
    (19, 143_667_240, 143_678_248, 19.632e9, 72.376, 74.218),
):
    _source = "torchvision 0.28, IMAGENET1K_V1"
    enter(
        f"vgg{_depth}",
        partial(vgg, _depth, False, name=f"vgg{_depth}"),
        Published(_PAPER, 2014, _plain, _macs, _top1, _source),
    )
    enter(
        f"vgg{_depth}_bn",
        partial(vgg, _depth, True, name=f"vgg{_depth}_bn"),
        Published(_PAPER, 2014, _normalised, _macs, _top1_bn, _source),
    )
