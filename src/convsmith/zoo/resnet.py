"""ResNet for ImageNet: v1 (stride in the 1x1), v1.5 (in the 3x3, as torchvision), v2 (activation first).

K. He, X. Zhang, S. Ren, J. Sun, "Deep Residual Learning for Image Recognition", 2015, arXiv:1512.03385;
"Identity Mappings in Deep Residual Networks", 2016, arXiv:1603.05027 (v2). The v2 form is Keras's.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from ..graph import Graph
from ..graph import notation as keras
from ._parts import IMAGENET, activate, conv, conv_bn, head, image, max_pool, norm
from .network import Published, enter

DEPTHS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}


def resnet(
    depth: int, version: str, input_shape: tuple[int, ...] = IMAGENET, classes: int = 1000, *, name: str
) -> Graph:
    """ResNet of 18 to 152 layers."""
    if version == "v2":
        return _v2(depth, input_shape, classes, name)
    inputs, x = image(input_shape)
    x = max_pool(conv_bn(x, 64, 7, 2))
    for stage, repeats in enumerate(DEPTHS[depth]):
        for repeat in range(repeats):
            stride = 2 if stage and not repeat else 1
            block = _basic if depth < 50 else _bottleneck
            x = block(x, 64 * 2**stage, stride, not repeat and (depth >= 50 or stage > 0), version)
    return keras.Model(inputs, head(x, classes), name=name)


def _basic(x: Any, width: int, stride: int, project: bool, version: str) -> Any:
    shortcut = conv_bn(x, width, 1, stride, None) if project else x
    x = conv_bn(x, width, 3, stride)
    x = conv_bn(x, width, 3, 1, None)
    return activate(keras.layers.Add()([x, shortcut]), "relu")


def _bottleneck(x: Any, width: int, stride: int, project: bool, version: str) -> Any:
    shortcut = conv_bn(x, 4 * width, 1, stride, None) if project else x
    first, second = (stride, 1) if version == "v1" else (1, stride)
    x = conv_bn(x, width, 1, first)
    x = conv_bn(x, width, 3, second)
    x = conv_bn(x, 4 * width, 1, 1, None)
    return activate(keras.layers.Add()([x, shortcut]), "relu")


def _v2(depth: int, input_shape: tuple[int, ...], classes: int, name: str) -> Graph:
    inputs, x = image(input_shape)
    x = max_pool(conv(x, 64, 7, 2))
    for stage, repeats in enumerate(DEPTHS[depth]):
        for repeat in range(repeats):
            stride = 2 if stage < 3 and repeat == repeats - 1 else 1
            x = _preactivated(x, 64 * 2**stage, stride, project=not repeat)
    x = activate(norm(x, 1.001e-5, 0.99), "relu")
    return keras.Model(inputs, head(x, classes), name=name)


def _preactivated(x: Any, width: int, stride: int, project: bool) -> Any:
    active = activate(norm(x, 1.001e-5, 0.99), "relu")
    if project:
        shortcut = conv(active, 4 * width, 1, stride)
    else:
        shortcut = keras.layers.MaxPooling2D(1, strides=stride)(x) if stride > 1 else x
    x = activate(norm(conv(active, width, 1, use_bias=False), 1.001e-5, 0.99), "relu")
    x = activate(norm(conv(x, width, 3, stride, use_bias=False), 1.001e-5, 0.99), "relu")
    return keras.layers.Add()([shortcut, conv(x, 4 * width, 1)])


_V1 = "K. He, X. Zhang, S. Ren, J. Sun, Deep Residual Learning for Image Recognition, arXiv:1512.03385"
_V2 = "K. He, X. Zhang, S. Ren, J. Sun, Identity Mappings in Deep Residual Networks, arXiv:1603.05027"
_TORCHVISION = {
    18: (11_689_512, 1.814e9, 69.758),
    34: (21_797_672, 3.664e9, 73.314),
    50: (25_557_032, 4.089e9, 76.13),
    101: (44_549_160, 7.801e9, 77.374),
    152: (60_192_808, 11.514e9, 78.312),
}
_PAPER = {50: (3.8e9, 77.15), 101: (7.6e9, 78.25), 152: (11.3e9, 78.57)}
_KERAS_V2 = {50: (25_613_800, 76.0), 101: (44_675_560, 77.2), 152: (60_380_648, 78.0)}
for _depth, (_params, _macs, _top1) in _TORCHVISION.items():
    enter(
        f"resnet{_depth}",
        partial(resnet, _depth, "v1.5", name=f"resnet{_depth}"),
        Published(_V1, 2015, _params, _macs, _top1, "torchvision 0.28, IMAGENET1K_V1"),
    )
for _depth, (_macs, _top1) in _PAPER.items():
    enter(
        f"resnet{_depth}_v1",
        partial(resnet, _depth, "v1", name=f"resnet{_depth}_v1"),
        Published(_V1, 2015, None, _macs, _top1, "the paper, tables 1 and 3 (10 crops)"),
    )
for _depth, (_params, _top1) in _KERAS_V2.items():
    enter(
        f"resnet{_depth}_v2",
        partial(resnet, _depth, "v2", name=f"resnet{_depth}_v2"),
        Published(_V2, 2016, _params, None, _top1, "keras.applications", statistics=True),
    )
