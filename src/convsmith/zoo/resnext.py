"""ResNeXt: a ResNet whose inner 3x3 convolutions work in groups.

S. Xie et al., "Aggregated Residual Transformations for Deep Neural Networks", 2016.
"""

from __future__ import annotations

from functools import partial

from ..graph import Graph
from ..graph import notation as keras
from ._parts import IMAGENET, activate, conv_bn, head, image, max_pool
from .network import Published, enter
from .resnet import DEPTHS


def resnext(
    depth: int,
    groups: int,
    channels: int,
    input_shape: tuple[int, ...] = IMAGENET,
    classes: int = 1000,
    *,
    name: str,
) -> Graph:
    """ResNeXt with so many groups of so many channels in the first stage."""
    inputs, x = image(input_shape)
    x = max_pool(conv_bn(x, 64, 7, 2))
    for stage, repeats in enumerate(DEPTHS[depth]):
        inner, outer = groups * channels * 2**stage, 256 * 2**stage
        for repeat in range(repeats):
            stride = 2 if stage and not repeat else 1
            shortcut = x if repeat else conv_bn(x, outer, 1, stride, None)
            x = conv_bn(conv_bn(x, inner, 1), inner, 3, stride, groups=groups)
            x = conv_bn(x, outer, 1, 1, None)
            x = activate(keras.layers.Add()([x, shortcut]), "relu")
    return keras.Model(inputs, head(x, classes), name=name)


_PAPER = "S. Xie et al., Aggregated Residual Transformations for Deep Neural Networks, arXiv:1611.05431"
for _depth, _groups, _channels, _params, _macs, _top1, _weights in (
    (50, 32, 4, 25_028_904, 4.23e9, 77.618, "V1"),
    (101, 32, 8, 88_791_336, 16.414e9, 79.312, "V1"),
    (101, 64, 4, 83_455_272, 15.46e9, 83.246, "V1"),
):
    _name = f"resnext{_depth}_{_groups}x{_channels}d"
    enter(
        _name,
        partial(resnext, _depth, _groups, _channels, name=_name),
        Published(_PAPER, 2016, _params, _macs, _top1, f"torchvision 0.28, IMAGENET1K_{_weights}"),
    )
