"""WideResNet: few layers with many channels, for CIFAR (WRN-depth-k) and ImageNet (twice the inner width).

S. Zagoruyko, N. Komodakis, "Wide Residual Networks", 2016.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from ..graph import Graph
from ..graph import notation as keras
from ._parts import IMAGENET, activate, conv, conv_bn, head, image, max_pool, norm
from .network import Published, enter
from .resnet import DEPTHS


def wide_resnet(
    depth: int, k: int, input_shape: tuple[int, ...] = (32, 32, 3), classes: int = 10, *, name: str
) -> Graph:
    """WRN-depth-k: three stages of 16k, 32k and 64k channels."""
    inputs, x = image(input_shape)
    x = conv(x, 16, use_bias=False)
    for stage in range(3):
        for repeat in range((depth - 4) // 6):
            x = _block(x, 16 * k * 2**stage, 2 if stage and not repeat else 1, project=not repeat)
    return keras.Model(inputs, head(activate(norm(x), "relu"), classes), name=name)


def _block(x: Any, width: int, stride: int, project: bool) -> Any:
    active = activate(norm(x), "relu")
    shortcut = conv(active, width, 1, stride, use_bias=False) if project else x
    x = conv(active, width, 3, stride, use_bias=False)
    x = conv(activate(norm(x), "relu"), width, 3, use_bias=False)
    return keras.layers.Add()([x, shortcut])


def wide_resnet_imagenet(
    depth: int, input_shape: tuple[int, ...] = IMAGENET, classes: int = 1000, *, name: str
) -> Graph:
    """ResNet-50 or 101 with inner convolutions of twice the width, as torchvision has it."""
    inputs, x = image(input_shape)
    x = max_pool(conv_bn(x, 64, 7, 2))
    for stage, repeats in enumerate(DEPTHS[depth]):
        for repeat in range(repeats):
            stride = 2 if stage and not repeat else 1
            inner, outer = 128 * 2**stage, 256 * 2**stage
            shortcut = x if repeat else conv_bn(x, outer, 1, stride, None)
            x = conv_bn(conv_bn(x, inner, 1), inner, 3, stride)
            x = conv_bn(x, outer, 1, 1, None)
            x = activate(keras.layers.Add()([x, shortcut]), "relu")
    return keras.Model(inputs, head(x, classes), name=name)


_PAPER = "S. Zagoruyko, N. Komodakis, Wide Residual Networks, arXiv:1605.07146"
for _depth, _k, _params, _error in ((16, 4, 2.7e6, 5.02), (16, 8, 11.0e6, 4.27), (28, 10, 36.5e6, 4.0)):
    enter(
        f"wide_resnet{_depth}_{_k}",
        partial(wide_resnet, _depth, _k, name=f"wide_resnet{_depth}_{_k}"),
        Published(
            _PAPER, 2016, int(_params), None, 100 - _error, "the paper, tables 4 and 5", trained_on="CIFAR-10"
        ),
    )
for _depth, _params, _macs, _top1 in (
    (50, 68_883_240, 11.398e9, 78.468),
    (101, 126_886_696, 22.753e9, 78.848),
):
    enter(
        f"wide_resnet{_depth}_2",
        partial(wide_resnet_imagenet, _depth, name=f"wide_resnet{_depth}_2"),
        Published(_PAPER, 2016, int(_params), _macs, _top1, "torchvision 0.28, IMAGENET1K_V1"),
    )
