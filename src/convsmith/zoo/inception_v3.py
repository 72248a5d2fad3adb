"""Inception v3.

C. Szegedy, V. Vanhoucke, S. Ioffe, J. Shlens, Z. Wojna, "Rethinking the Inception Architecture for Computer
Vision", 2015. The auxiliary classifier, which only trains, is left out.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from ..graph import Graph
from ..graph import notation as keras
from ._parts import Size, activate, head, image, norm
from .network import Published, enter


def inception_v3(input_shape: tuple[int, ...] = (299, 299, 3), classes: int = 1000) -> Graph:
    """Inception v3: eleven blocks of several branches."""
    inputs, x = image(input_shape)
    x = _conv(x, 32, 3, 2, "valid")
    x = _conv(_conv(x, 32, 3, 1, "valid"), 64, 3)
    x = keras.layers.MaxPooling2D(3, strides=2)(x)
    x = _conv(_conv(x, 80, 1), 192, 3, 1, "valid")
    x = keras.layers.MaxPooling2D(3, strides=2)(x)
    for pooled in (32, 64, 64):
        x = _fives(x, pooled)
    x = _join(
        _conv(x, 384, 3, 2, "valid"),
        _conv(_conv(_conv(x, 64, 1), 96, 3), 96, 3, 2, "valid"),
        keras.layers.MaxPooling2D(3, strides=2)(x),
    )
    for inner in (128, 160, 160, 192):
        x = _sevens(x, inner)
    seven = _conv(_conv(_conv(x, 192, 1), 192, (1, 7)), 192, (7, 1))
    x = _join(
        _conv(_conv(x, 192, 1), 320, 3, 2, "valid"),
        _conv(seven, 192, 3, 2, "valid"),
        keras.layers.MaxPooling2D(3, strides=2)(x),
    )
    for _ in range(2):
        x = _spread(x)
    return keras.Model(inputs, head(x, classes, 0.5), name="inception_v3")


def _conv(x: Any, filters: int, kernel: Size, stride: int = 1, padding: str = "same") -> Any:
    x = keras.layers.Conv2D(
        filters, kernel, strides=stride, padding=padding, use_bias=False, kernel_initializer="he_normal"
    )(x)
    return activate(norm(x, 1e-3), "relu")


def _join(*branches: Any) -> Any:
    return keras.layers.Concatenate()(list(branches))


def _pooled(x: Any, filters: int) -> Any:
    return _conv(keras.layers.AveragePooling2D(3, strides=1, padding="same")(x), filters, 1)


def _fives(x: Any, pooled: int) -> Any:
    return _join(
        _conv(x, 64, 1),
        _conv(_conv(x, 48, 1), 64, 5),
        _conv(_conv(_conv(x, 64, 1), 96, 3), 96, 3),
        _pooled(x, pooled),
    )


def _sevens(x: Any, inner: int) -> Any:
    once = _conv(_conv(_conv(x, inner, 1), inner, (1, 7)), 192, (7, 1))
    twice = _conv(_conv(_conv(x, inner, 1), inner, (7, 1)), inner, (1, 7))
    twice = _conv(_conv(twice, inner, (7, 1)), 192, (1, 7))
    return _join(_conv(x, 192, 1), once, twice, _pooled(x, 192))


def _spread(x: Any) -> Any:
    one, two = _conv(x, 384, 1), _conv(_conv(x, 448, 1), 384, 3)
    wide = [_conv(branch, 384, kernel) for branch in (one, two) for kernel in ((1, 3), (3, 1))]
    return _join(_conv(x, 320, 1), *wide, _pooled(x, 192))


enter(
    "inception_v3",
    partial(inception_v3),
    Published(
        "C. Szegedy et al., Rethinking the Inception Architecture for Computer Vision, arXiv:1512.00567",
        2015,
        27_161_264,
        5.713e9,
        77.294,
        "torchvision 0.28, IMAGENET1K_V1",
        note="3,326,696 of the published parameters are the auxiliary classifier's, which only trains",
    ),
)
