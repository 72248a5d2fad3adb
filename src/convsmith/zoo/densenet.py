"""DenseNet: every layer sees the outputs of all before it in its stage.

G. Huang, Z. Liu, L. van der Maaten, K. Weinberger, "Densely Connected Convolutional Networks", 2016.
"""

from __future__ import annotations

from functools import partial

from ..graph import Graph
from ..graph import notation as keras
from ._parts import IMAGENET, activate, conv, conv_bn, head, image, max_pool, norm
from .network import Published, enter

SIZES = {
    121: (32, 64, (6, 12, 24, 16)),
    161: (48, 96, (6, 12, 36, 24)),
    169: (32, 64, (6, 12, 32, 32)),
    201: (32, 64, (6, 12, 48, 32)),
}
"""Depth -> new channels a layer, first channels, layers a stage."""


def densenet(depth: int, input_shape: tuple[int, ...] = IMAGENET, classes: int = 1000, *, name: str) -> Graph:
    """DenseNet-121, 161, 169 or 201."""
    growth, channels, stages = SIZES[depth]
    inputs, x = image(input_shape)
    x = max_pool(conv_bn(x, channels, 7, 2))
    for stage, repeats in enumerate(stages):
        for _ in range(repeats):
            new = conv(activate(norm(x), "relu"), 4 * growth, 1, use_bias=False)
            new = conv(activate(norm(new), "relu"), growth, 3, use_bias=False)
            x = keras.layers.Concatenate()([x, new])
            channels += growth
        if stage < 3:
            channels //= 2
            x = conv(activate(norm(x), "relu"), channels, 1, use_bias=False)
            x = keras.layers.AveragePooling2D(2)(x)
    return keras.Model(inputs, head(activate(norm(x), "relu"), classes), name=name)


_PAPER = (
    "G. Huang, Z. Liu, L. van der Maaten, K. Weinberger, Densely Connected Convolutional Networks, "
    "arXiv:1608.06993"
)
for _depth, _params, _macs, _top1 in (
    (121, 7_978_856, 2.834e9, 74.434),
    (161, 28_681_000, 7.728e9, 77.138),
    (169, 14_149_480, 3.36e9, 75.6),
    (201, 20_013_928, 4.291e9, 76.896),
):
    enter(
        f"densenet{_depth}",
        partial(densenet, _depth, name=f"densenet{_depth}"),
        Published(_PAPER, 2016, _params, _macs, _top1, "torchvision 0.28, IMAGENET1K_V1"),
    )
