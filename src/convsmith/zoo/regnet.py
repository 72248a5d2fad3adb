"""RegNet X and Y: widths that follow a quantised line; Y has gates.

I. Radosavovic et al., "Designing Network Design Spaces", 2020.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any

from ..graph import Graph
from ..graph import notation as keras
from ._parts import IMAGENET, activate, conv_bn, divisible, gate, head, image
from .network import Published, enter

SIZES = {
    "x_400mf": (22, 24, 24.48, 2.54, 16, 5_495_976, 0.414e9, 72.834),
    "x_800mf": (16, 56, 35.73, 2.28, 16, 7_259_656, 0.8e9, 75.212),
    "x_1_6gf": (18, 80, 34.01, 2.25, 24, 9_190_136, 1.603e9, 77.04),
    "x_3_2gf": (25, 88, 26.31, 2.25, 48, 15_296_552, 3.177e9, 78.364),
    "x_8gf": (23, 80, 49.56, 2.88, 120, 39_572_648, 7.995e9, 79.344),
    "x_16gf": (22, 216, 55.59, 2.1, 128, 54_278_536, 15.941e9, 80.058),
    "x_32gf": (23, 320, 69.86, 2.0, 168, 107_811_560, 31.736e9, 80.622),
    "y_400mf": (16, 48, 27.89, 2.09, 8, 4_344_144, 0.402e9, 74.046),
    "y_800mf": (14, 56, 38.84, 2.4, 16, 6_432_512, 0.834e9, 76.42),
    "y_1_6gf": (27, 48, 20.71, 2.65, 24, 11_202_430, 1.612e9, 77.95),
    "y_3_2gf": (21, 80, 42.63, 2.66, 24, 19_436_338, 3.176e9, 78.948),
    "y_8gf": (17, 192, 76.82, 2.19, 56, 39_381_472, 8.473e9, 80.032),
    "y_16gf": (18, 200, 106.23, 2.48, 112, 83_590_140, 15.912e9, 80.424),
    "y_32gf": (20, 232, 115.89, 2.53, 232, 145_046_770, 32.28e9, 80.878),
    "y_128gf": (27, 456, 160.83, 2.52, 264, 644_812_894, 127.518e9, 86.068),
}  # fmt: skip
"""Blocks, first width, slope, step, channels a group; published parameters, MACs, top-1."""


def widths(blocks: int, first: int, slope: float, step: float, group: int) -> list[tuple[int, int, int]]:
    """(width, blocks, channels a group) of each stage: the line, rounded to powers of the step, then to 8.

    Example:
        >>> widths(22, 24, 24.48, 2.54, 16)
        [(32, 1, 16), (64, 2, 16), (160, 7, 16), (400, 12, 16)]
    """
    found: dict[int, int] = {}
    for block in range(blocks):
        power = round(math.log((first + slope * block) / first) / math.log(step))
        width = round(first * step**power / 8) * 8
        found[width] = found.get(width, 0) + 1
    stages = []
    for width, repeats in found.items():
        channels = min(group, width)
        stages.append((divisible(width, channels), repeats, channels))
    return stages


def regnet(size: str, input_shape: tuple[int, ...] = IMAGENET, classes: int = 1000, *, name: str) -> Graph:
    """RegNet of one of `SIZES`."""
    inputs, x = image(input_shape)
    channels = 32
    x = conv_bn(x, channels, 3, 2)
    for width, repeats, group in widths(*SIZES[size][:5]):
        for repeat in range(repeats):
            x = _block(x, channels, width, 1 if repeat else 2, width // group, gated=size.startswith("y"))
            channels = width
    return keras.Model(inputs, head(x, classes), name=name)


def _block(x: Any, channels: int, width: int, stride: int, groups: int, gated: bool) -> Any:
    shortcut = x if stride == 1 and channels == width else conv_bn(x, width, 1, stride, None)
    x = conv_bn(conv_bn(x, width, 1), width, 3, stride, groups=groups)
    if gated:
        x = gate(x, width, round(channels / 4))
    x = conv_bn(x, width, 1, 1, None)
    return activate(keras.layers.Add()([shortcut, x]), "relu")


def _source(size: str) -> str:
    return f"torchvision 0.28, IMAGENET1K_{'SWAG_LINEAR_V1' if size == 'y_128gf' else 'V1'}"


_PAPER = "I. Radosavovic et al., Designing Network Design Spaces, arXiv:2003.13678"
for _size, (*_, _params, _macs, _top1) in SIZES.items():
    enter(
        f"regnet_{_size}",
        partial(regnet, _size, name=f"regnet_{_size}"),
        Published(
            _PAPER,
            2020,
            int(_params),
            _macs,
            _top1,
            _source(_size),
            sides=(384,) if _size in ("y_16gf", "y_32gf", "y_128gf") else (),  # torchvision's SWAG_E2E
        ),
    )
