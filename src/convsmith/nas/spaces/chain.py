"""A chain of convolutions, pools and dense layers, as LeNet-5 is one; for small images.

Blocks of one or two convolutions and a pool, then dense layers. LeNet-5 as the course draws it, and the
course's own CNN, are two of its networks. Larger images need a space that ends in the mean of each channel.

Source: Y. LeCun et al., "Gradient-based learning applied to document recognition", 1998.
"""

from __future__ import annotations

from typing import Any

from convsmith.graph import Graph
from convsmith.graph import notation as keras
from convsmith.graph.places import place

from ..choose import Choose
from . import SPACES

WIDTHS = (2, 3, 4, 6, 8, 10, 12, 16, 20, 24, 32, 40, 48, 64)
UNITS = (8, 12, 16, 24, 32, 48, 64, 84, 96, 120, 128, 192, 256)
RATES = (0.0, 0.25, 0.5)
MOST_BLOCKS = 6


@SPACES.register()
def chain(choose: Choose, input_shape: tuple[int, int, int], classes: int) -> Graph:
    """Convolutions and pools, then dense layers, as in LeNet-5; for small images.

    Args:
        choose: answers the questions below.
        input_shape: rows, columns, channels.
        classes: how many classes.
    """
    rows, columns, _ = input_shape
    x = inputs = keras.Input(input_shape)
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(x)
    activation = choose("activation", ("relu", "tanh", "swish"))
    normed = choose("normed", (False, True))
    padding = choose("padding", ("same", "valid"))
    pool = choose("pool", ("max", "mean"))
    # Every block halves the image; larger ones are halved until a dense layer after them stays small.
    most = min(MOST_BLOCKS, max(1, min(rows, columns).bit_length() - 2))
    fewest = min(most, max(1, (rows * columns // 256).bit_length() // 2))
    for block in range(choose("blocks", range(fewest, most + 1))):
        for layer in range(choose(f"convolutions_{block}", (1, 2))):
            side = min(rows, columns)
            kernel = choose(
                f"kernel_{block}_{layer}", tuple(size for size in (3, 5, 7) if size <= side) or (1,)
            )
            # A convolution without padding must leave something to pool.
            trimmed = padding == "valid" and side - kernel >= 3
            width = choose(f"width_{block}_{layer}", WIDTHS)
            with place(f"block_{block}", layer):
                x = _convolve(x, width, kernel, "valid" if trimmed else "same", activation, normed)
            rows, columns = (size - (kernel - 1) * trimmed for size in (rows, columns))
        if min(rows, columns) >= 2:
            pooling = keras.layers.MaxPooling2D if pool == "max" else keras.layers.AveragePooling2D
            x = pooling(2)(x)
            rows, columns = rows // 2, columns // 2
    if rate := choose("dropout_flat", RATES):
        x = keras.layers.Dropout(rate)(x)
    x = keras.layers.Flatten()(x)
    for layer in range(choose("dense", (0, 1, 2))):
        units = choose(f"units_{layer}", UNITS)
        with place(f"dense_{layer}"):
            x = keras.layers.Dense(units, activation=activation)(x)
        if rate := choose(f"dropout_{layer}", RATES):
            x = keras.layers.Dropout(rate)(x)
    with place("head"):
        x = keras.layers.Dense(classes, activation="softmax")(x)
    return keras.Model(inputs, x, name="chain")


def _convolve(x: Any, width: int, kernel: int, padding: str, activation: str, normed: bool) -> Any:
    if not normed:
        return keras.layers.Conv2D(width, kernel, padding=padding, activation=activation)(x)
    x = keras.layers.Conv2D(width, kernel, padding=padding, use_bias=False)(x)
    return keras.layers.Activation(activation)(keras.layers.BatchNormalization()(x))
