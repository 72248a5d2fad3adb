"""Stages of plain, residual or separable blocks, as in VGG, ResNet and MobileNet; for any image size.

An image passes a first convolution, then stages; each stage halves the image and holds some blocks of
one kind, width and kernel. The number of stages follows from the image's size. From about 500
parameters to several millions.

Sources: Simonyan and Zisserman 2015 (plain), He et al. 2016 (residual), Howard et al. 2017 (separable),
Sandler et al. 2018 (separable blocks with a shortcut).
"""

from __future__ import annotations

from typing import Any

from convsmith.graph import Graph
from convsmith.graph import notation as keras

from ..choose import Choose
from . import SPACES

WIDTHS = (4, 6, 8, 10, 12, 14, 16, 18, 20, 24, 28, 32, 36, 40, 48, 56, 64)
GROWTHS = (1.0, 1.25, 1.5, 1.75, 2.0)
WIDEST = 512
SMALLEST_GRID = 2  # rows or columns left after the last stage, at least
LARGEST_GRID = 14  # and, for images that allow it, at most: what keeps multiply-adds in bounds


@SPACES.register()
def stages(choose: Choose, input_shape: tuple[int, int, int], classes: int) -> Graph:
    """A first convolution, stages of blocks, a classifier.

    Args:
        choose: answers the questions below.
        input_shape: rows, columns, channels, from (8, 8, 1) to (224, 224, 3) and beyond.
        classes: how many classes.
    """
    side = min(input_shape[:2])
    fewest, most = halvings(side)
    number = choose("halvings", range(fewest, most + 1))
    activation = choose("activation", ("relu", "swish"))
    width = choose("width", WIDTHS)
    kernel = choose("first_kernel", (3, 5) if side < 96 else (3, 5, 7))
    # A stride in the first convolution of a larger image saves most of the network's time.
    strided = number > 0 and (side >= 128 or (side >= 48 and choose("first_stride", (1, 2)) == 2))
    shrink = choose("halve_by", ("stride", "max_pool")) if number > strided else "stride"

    x = inputs = keras.Input(input_shape)
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(x)
    x = convolve(x, width, kernel, 2 if strided else 1, activation)
    channels = width
    for stage in range(number - strided + 1):
        depth = choose(f"depth_{stage}", (0, 1, 2, 3) if stage == 0 else (1, 2, 3, 4))
        if not depth:
            continue
        block = BLOCKS[choose(f"block_{stage}", tuple(BLOCKS))]
        kernel = choose(f"kernel_{stage}", (3, 5) if side >> (stage + strided) >= 5 else (3,))
        stride = 1
        if stage > 0:
            width = min(rounded(width * choose(f"growth_{stage}", GROWTHS)), WIDEST)
            stride = 2
            if shrink == "max_pool":
                x = keras.layers.MaxPooling2D(2, padding="same")(x)
                stride = 1
        for repeat in range(depth):
            x = block(x, channels, width, kernel, stride if repeat == 0 else 1, activation)
            channels = width
    grid = (input_shape[0] >> number, input_shape[1] >> number)
    return keras.Model(inputs, classifier(x, choose, grid, classes), name="stages")


def halvings(side: int) -> tuple[int, int]:
    """How often an image of that many rows may be halved, at least and at most.

    Example:
        >>> halvings(8), halvings(28), halvings(64), halvings(224)
        ((0, 2), (1, 3), (3, 5), (4, 5))
    """
    most = fewest = 0
    while most < 5 and side >> (most + 1) >= SMALLEST_GRID:
        most += 1
    while fewest < most and side >> fewest > LARGEST_GRID:
        fewest += 1
    return min(fewest, 4), most


def rounded(width: float) -> int:
    """The nearest even width; above 32 the nearest multiple of 4, above 128 of 8, which processors like."""
    step = 2 if width <= 32 else 4 if width <= 128 else 8
    return max(step, round(width / step) * step)


def convolve(x: Any, width: int, kernel: int, stride: int, activation: str | None) -> Any:
    """Convolution without bias, batch norm, activation."""
    x = keras.layers.Conv2D(width, kernel, strides=stride, padding="same", use_bias=False)(x)
    x = keras.layers.BatchNormalization()(x)
    return keras.layers.Activation(activation)(x) if activation else x


def plain(x: Any, channels: int, width: int, kernel: int, stride: int, activation: str) -> Any:
    """One convolution."""
    return convolve(x, width, kernel, stride, activation)


def residual(x: Any, channels: int, width: int, kernel: int, stride: int, activation: str) -> Any:
    """Two convolutions beside a shortcut, which is a 1x1 convolution where the shape changes."""
    shortcut = x if stride == 1 and channels == width else convolve(x, width, 1, stride, None)
    x = convolve(x, width, kernel, stride, activation)
    x = convolve(x, width, kernel, 1, None)
    return keras.layers.Activation(activation)(keras.layers.Add()([x, shortcut]))


def separable(x: Any, channels: int, width: int, kernel: int, stride: int, activation: str) -> Any:
    """A depthwise and a 1x1 convolution, beside a shortcut where the shape stays."""
    before = x
    x = keras.layers.DepthwiseConv2D(kernel, strides=stride, padding="same", use_bias=False)(x)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Activation(activation)(x)
    x = convolve(x, width, 1, 1, activation)
    return keras.layers.Add()([x, before]) if stride == 1 and channels == width else x


BLOCKS = {"plain": plain, "residual": residual, "separable": separable}


def classifier(x: Any, choose: Choose, grid: tuple[int, int], classes: int) -> Any:
    """The mean of each channel, or means over a 2x2 grid; dropout; a dense softmax."""
    if min(grid) >= 4 and choose("head", ("mean", "grid")) == "grid":
        x = keras.layers.AveragePooling2D((grid[0] // 2, grid[1] // 2))(x)
        x = keras.layers.Flatten()(x)
    else:
        x = keras.layers.GlobalAveragePooling2D()(x)
    rate = choose("dropout", (0.0, 0.2, 0.4))
    if rate:
        x = keras.layers.Dropout(rate)(x)
    return keras.layers.Dense(classes, activation="softmax")(x)
