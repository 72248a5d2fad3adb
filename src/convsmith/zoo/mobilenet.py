"""MobileNet v1: depthwise and 1x1 convolutions in turn; the number after the name is the width.

A. Howard et al., "MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications", 2017.
"""

from __future__ import annotations

from functools import partial

from ..graph import Graph
from ..graph import notation as keras
from ._parts import IMAGENET, conv_bn, depthwise_bn, head, image
from .network import Published, enter

LAYERS = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5, (1024, 2), (1024, 1))


def mobilenet(
    width: float, input_shape: tuple[int, ...] = IMAGENET, classes: int = 1000, *, name: str
) -> Graph:
    """MobileNet v1 with `width` times the channels."""
    inputs, x = image(input_shape)
    x = conv_bn(x, int(32 * width), 3, 2, "relu6", epsilon=1e-3)
    for filters, stride in LAYERS:
        x = depthwise_bn(x, 3, stride, "relu6", epsilon=1e-3)
        x = conv_bn(x, int(filters * width), 1, 1, "relu6", epsilon=1e-3)
    return keras.Model(inputs, head(x, classes, 0.001), name=name)


_PAPER = "A. Howard et al., MobileNets: Efficient CNNs for Mobile Vision Applications, arXiv:1704.04861"
for _width, _params, _macs, _top1 in (
    (1.0, 4.2e6, 569e6, 70.6),
    (0.75, 2.6e6, 325e6, 68.4),
    (0.5, 1.3e6, 149e6, 63.7),
    (0.25, 0.5e6, 41e6, 50.6),
):
    _name = "mobilenet" + ("" if _width == 1 else f"_{_width * 100:03.0f}")
    enter(
        _name,
        partial(mobilenet, _width, name=_name),
        Published(_PAPER, 2017, int(_params), _macs, _top1, "the paper, table 6"),
    )
