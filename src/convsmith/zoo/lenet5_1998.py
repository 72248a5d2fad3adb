"""LeNet-5 as it was in 1998: subsampling with weights, the connection table of C3, radial-basis outputs.

Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to document recognition", 1998,
section II.B and table I: 60,000 learned parameters.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from ..graph import Graph
from ..graph import notation as keras
from .network import Published, enter

TABLE = (
    (0, 1, 2), (1, 2, 3), (2, 3, 4), (3, 4, 5), (0, 4, 5), (0, 1, 5),
    (0, 1, 2, 3), (1, 2, 3, 4), (2, 3, 4, 5), (0, 3, 4, 5), (0, 1, 4, 5), (0, 1, 2, 5),
    (0, 1, 3, 4), (1, 2, 4, 5), (0, 2, 3, 5), (0, 1, 2, 3, 4, 5),
)  # fmt: skip
"""Which maps of S2 each of the sixteen maps of C3 looks at (table I)."""


def lenet5_1998(input_shape: tuple[int, ...] = (32, 32, 1), classes: int = 10) -> Graph:
    """LeNet-5 with 60,000 learned parameters; the output's 84 x 10 code and its norms are fixed.

    The original's outputs are squared distances of F6 to each class's code, the smallest wins. Up to a number
    that all classes share, the negative distance is a dense layer of twice the code minus its squared norm,
    so the last layer is a frozen Dense with softmax.
    """
    inputs = keras.Input(input_shape, name="image")
    x = keras.layers.Rescaling(1.275 / 255, offset=-0.1, name="rescaling")(inputs)
    x = keras.layers.Conv2D(6, 5, activation="tanh", name="c1")(x)
    x = _subsample(x, "s2")
    maps = keras.ops.split(x, 6, axis=-1)
    x = keras.layers.Concatenate(name="c3")(
        [
            keras.layers.Conv2D(1, 5, activation="tanh", name=f"c3_{number}")(
                keras.layers.Concatenate()([maps[seen] for seen in row])
            )
            for number, row in enumerate(TABLE)
        ]
    )
    x = _subsample(x, "s4")
    x = keras.layers.Conv2D(120, 5, activation="tanh", name="c5")(x)
    x = keras.layers.Flatten(name="flatten")(x)
    x = keras.layers.Dense(84, activation="tanh", name="f6")(x)
    x = keras.layers.Dense(classes, activation="softmax", trainable=False, name="output")(x)
    return keras.Model(inputs, x, name="lenet5_1998")


def _subsample(x: Any, name: str) -> Any:
    """The mean of 2x2 pixels, times one learned number a map, plus another, squashed."""
    x = keras.layers.AveragePooling2D(2, name=f"{name}_mean")(x)
    return keras.layers.DepthwiseConv2D(1, activation="tanh", name=name)(x)


enter(
    "lenet5_1998",
    partial(lenet5_1998),
    Published(
        "Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, Gradient-based learning applied to document recognition",
        1998,
        60_000,
        None,
        99.05,
        "the paper, sections II.B and III.B",
        trained_on="MNIST",
    ),
)
