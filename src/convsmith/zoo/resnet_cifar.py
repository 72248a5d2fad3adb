"""ResNet for CIFAR-10: three stages of 16, 32, 64 channels; 6n + 2 layers; shortcuts without weights.

K. He, X. Zhang, S. Ren, J. Sun, "Deep Residual Learning for Image Recognition", 2015, section 4.2 (option A:
where a stage begins, the shortcut takes every second pixel and gets channels of zeros).
"""

from __future__ import annotations

from functools import partial
from typing import Any

from ..graph import Graph
from ..graph import notation as keras
from ._parts import activate, conv_bn, head, image
from .network import Published, enter


def resnet_cifar(
    depth: int, input_shape: tuple[int, ...] = (32, 32, 3), classes: int = 10, *, name: str
) -> Graph:
    """ResNet-20, 32, 44, 56 or 110."""
    inputs, x = image(input_shape)
    x = conv_bn(x, 16)
    for stage in range(3):
        for repeat in range((depth - 2) // 6):
            x = _block(x, 16 * 2**stage, begins=stage > 0 and not repeat)
    return keras.Model(inputs, head(x, classes), name=name)


def _block(x: Any, width: int, begins: bool) -> Any:
    shortcut = x
    if begins:
        small = keras.layers.MaxPooling2D(1, strides=2)(x)
        shortcut = _with_zeros(small, width // 4)
    x = conv_bn(x, width, 3, 2 if begins else 1)
    x = conv_bn(x, width, 3, 1, None)
    return activate(keras.layers.Add()([x, shortcut]), "relu")


def _with_zeros(x: Any, more: int) -> Any:
    """`more` channels of zeros before and after: channels become columns, are padded, and go back."""
    x = keras.layers.Permute((1, 3, 2))(x)
    x = keras.layers.ZeroPadding2D(((0, 0), (more, more)))(x)
    return keras.layers.Permute((1, 3, 2))(x)


_PAPER = "K. He, X. Zhang, S. Ren, J. Sun, Deep Residual Learning for Image Recognition, arXiv:1512.03385"
for _depth, _params, _error in (
    (20, 0.27e6, 8.75),
    (32, 0.46e6, 7.51),
    (44, 0.66e6, 7.17),
    (56, 0.85e6, 6.97),
    (110, 1.7e6, 6.43),
):
    enter(
        f"resnet{_depth}",
        partial(resnet_cifar, _depth, name=f"resnet{_depth}"),
        Published(
            _PAPER, 2015, int(_params), None, 100 - _error, "the paper, table 6", trained_on="CIFAR-10"
        ),
    )
