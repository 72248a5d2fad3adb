"""SqueezeNet 1.0 and 1.1.

F. Iandola et al., "SqueezeNet: AlexNet-level accuracy with 50x fewer parameters", 2016.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from ..graph import Graph
from ..graph import notation as keras
from ._parts import IMAGENET, ceil_pool, image
from .network import Published, enter


def squeezenet(
    version: str, input_shape: tuple[int, ...] = IMAGENET, classes: int = 1000, *, name: str
) -> Graph:
    """SqueezeNet; 1.1 pools earlier and costs less than half."""
    inputs, x = image(input_shape)
    filters, kernel, pools = (96, 7, (3, 7)) if version == "1.0" else (64, 3, (2, 4))
    x = keras.layers.Conv2D(filters, kernel, strides=2, activation="relu", name="conv1")(x)
    x = ceil_pool(x)
    for number, width in enumerate((16, 16, 32, 32, 48, 48, 64, 64)):
        if number in pools:
            x = ceil_pool(x)
        x = _fire(x, width)
    x = keras.layers.Dropout(0.5)(x)
    x = keras.layers.Conv2D(classes, 1, activation="relu", name="conv10")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, keras.layers.Activation("softmax", name="softmax")(x), name=name)


def _fire(x: Any, width: int) -> Any:
    """Few 1x1 filters, then many 1x1 and 3x3 ones side by side."""
    x = keras.layers.Conv2D(width, 1, activation="relu")(x)
    one = keras.layers.Conv2D(4 * width, 1, activation="relu")(x)
    three = keras.layers.Conv2D(4 * width, 3, padding="same", activation="relu")(x)
    return keras.layers.Concatenate()([one, three])


_PAPER = "F. Iandola et al., SqueezeNet: AlexNet-level accuracy with 50x fewer parameters, arXiv:1602.07360"
for _version, _params, _macs, _top1 in (
    ("1.0", 1_248_424, 0.819e9, 58.092),
    ("1.1", 1_235_496, 0.349e9, 58.178),
):
    _name = f"squeezenet{_version.replace('.', '_')}"
    enter(
        _name,
        partial(squeezenet, _version, name=_name),
        Published(_PAPER, 2016, _params, _macs, _top1, "torchvision 0.28, IMAGENET1K_V1"),
    )
