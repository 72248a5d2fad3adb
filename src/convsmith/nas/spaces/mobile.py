"""Inverted residuals (MBConv) with kernels, expansions, depths, widths, gates and resolution to choose.

As in MnasNet, MobileNet v3 and Once-for-all: stages of blocks that widen by a 1x1 convolution, look around
in each channel, and narrow again. Every block has its own kernel and expansion.

Sources: Tan et al., "MnasNet", 2019; Howard et al., "Searching for MobileNetV3", 2019; Cai et al.,
"Once-for-All", 2020 (kernels 3, 5, 7; expansions 3, 4, 6; depths 2, 3, 4 in five stages).
"""

from __future__ import annotations

from typing import Any

from convsmith.graph import Graph
from convsmith.graph import notation as keras
from convsmith.graph.places import place
from convsmith.zoo._parts import gate

from ..choose import Choose
from ..image import image
from . import SPACES
from .stages import halvings, rounded

STEMS = (4, 6, 8, 10, 12, 14, 16, 20, 24, 28, 32)
GROWTHS = (1.0, 1.25, 1.5, 1.75, 2.0)
KERNELS = (3, 5, 7)
EXPANSIONS = (1, 2, 3, 4, 6)
DEPTHS = (1, 2, 3, 4)
WIDEST = 320
LAST = (0, 2, 4, 6)
"""Times the last stage's width: the 1x1 convolution before the classifier; 0 is none."""


@SPACES.register()
def mobile(choose: Choose, input_shape: tuple[int, int, int], classes: int) -> Graph:
    """Inverted residuals with kernels, expansions, depths, widths, gates, colours and resolution to choose.

    Args:
        choose: answers the questions below.
        input_shape: rows, columns, channels.
        classes: how many classes.
    """
    inputs, x, (rows, columns, _) = image(choose, input_shape, resolution=True, colours=True)
    side = min(rows, columns)
    fewest, most = halvings(side)
    number = choose("halvings", range(max(fewest, min(1, most)), most + 1))
    activation = choose("activation", ("relu", "hard_silu"))
    width = choose("stem", STEMS)
    strided = side >= 32 and number > 0
    with place("stem"):
        stride = 2 if strided else 1
        x = _norm(keras.layers.Conv2D(width, 3, strides=stride, padding="same", use_bias=False)(x))
    x = keras.layers.Activation(activation)(x)
    side >>= strided
    for stage in range(number - strided + 1):
        channels = width
        if stage:
            width = min(rounded(width * choose(f"growth_{stage}", GROWTHS)), WIDEST)
        gated = choose(f"gate_{stage}", (False, True))
        for block in range(choose(f"depth_{stage}", DEPTHS)):
            kernels = tuple(kernel for kernel in KERNELS if kernel <= max(3, side))
            kernel = choose(f"kernel_{stage}_{block}", kernels)
            expansion = choose(f"expansion_{stage}_{block}", EXPANSIONS)
            stride = 2 if stage and not block else 1
            with place(f"stage_{stage}", block):
                x = inverted(x, channels, width, kernel, expansion, stride, activation, gated)
            side = (side + stride - 1) // stride
            channels = width
    if wider := choose("last", LAST):
        with place("last"):
            x = _norm(keras.layers.Conv2D(wider * width, 1, use_bias=False)(x))
        x = keras.layers.Activation(activation)(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    if rate := choose("dropout", (0.0, 0.2, 0.4)):
        x = keras.layers.Dropout(rate)(x)
    with place("head"):
        x = keras.layers.Dense(classes, activation="softmax")(x)
    return keras.Model(inputs, x, name="mobile")


def inverted(
    x: Any,
    channels: int,
    width: int,
    kernel: int,
    expansion: int,
    stride: int,
    activation: str,
    gated: bool,
) -> Any:
    """An inverted residual: wider by a 1x1 convolution, a depthwise one, perhaps a gate, narrower again.

    Args:
        x: the input.
        channels: of the input.
        width: channels of the output; with as many as the input, and no stride, there is a shortcut.
        kernel: of the depthwise convolution.
        expansion: how many times wider inside.
        stride: of the depthwise convolution.
        activation: inside; the output has none.
        gated: whether squeeze-and-excite weighs the inner channels.
    """
    before, inner = x, expansion * channels
    if expansion > 1:
        with place("wider"):
            x = _norm(keras.layers.Conv2D(inner, 1, use_bias=False)(x))
        x = keras.layers.Activation(activation)(x)
    with place("depthwise"):
        x = keras.layers.DepthwiseConv2D(kernel, strides=stride, padding="same", use_bias=False)(x)
        x = keras.layers.Activation(activation)(_norm(x))
    if gated:
        with place("gate"):
            x = gate(x, inner, rounded(inner / 4), "relu", "hard_sigmoid")
    with place("narrower"):
        x = _norm(keras.layers.Conv2D(width, 1, use_bias=False)(x))
    return keras.layers.Add()([x, before]) if stride == 1 and channels == width else x


def _norm(x: Any) -> Any:
    return keras.layers.BatchNormalization()(x)
