"""Stages of plain, residual, separable or inverted blocks, as in VGG, ResNet, MobileNet; for any image size.

An image passes a first convolution, then stages; each stage halves the image and holds some blocks of
one kind, width and kernel. The number of stages follows from the image's size. From about 500
parameters to several millions.

Sources: Simonyan and Zisserman 2015 (plain), He et al. 2016 (residual), Howard et al. 2017 (separable),
Sandler et al. 2018 (separable blocks with a shortcut, inverted residuals), Hu et al. 2018 (squeeze and
excite), Wu and He 2018 (group normalisation).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from convsmith.graph import Graph
from convsmith.graph import notation as keras
from convsmith.graph.places import place

from ..choose import Choose
from . import SPACES

WIDTHS = (4, 6, 8, 10, 12, 14, 16, 18, 20, 24, 28, 32, 36, 40, 48, 56, 64)
GROWTHS = (1.0, 1.25, 1.5, 1.75, 2.0)
WIDEST = 512
SMALLEST_GRID = 2  # rows or columns left after the last stage, at least
LARGEST_GRID = 14  # and, for images that allow it, at most: what keeps multiply-adds in bounds


@SPACES.register()
def stages(choose: Choose, input_shape: tuple[int, int, int], classes: int) -> Graph:
    """A first convolution, stages of blocks, a classifier.

    Args:
        choose: answers the questions below.
        input_shape: rows, columns, channels, from (8, 8, 1) to (224, 224, 3) and beyond.
        classes: how many classes.
    """
    side = min(input_shape[:2])
    fewest, most = halvings(side)
    number = choose("halvings", range(fewest, most + 1))
    layer = Layers(choose("activation", ("relu", "swish")), choose("normalisation", ("batch", "group")))
    width = choose("width", WIDTHS)
    kernel = choose("first_kernel", (3, 5) if side < 96 else (3, 5, 7))
    # A stride in the first convolution of a larger image saves most of the network's time.
    strided = number > 0 and (side >= 128 or (side >= 48 and choose("first_stride", (1, 2)) == 2))
    shrink = choose("halve_by", ("stride", "max_pool")) if number > strided else "stride"

    x = inputs = keras.Input(input_shape)
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(x)
    with place("stem"):
        x = layer.convolve(x, width, kernel, 2 if strided else 1)
    channels = width
    for stage in range(number - strided + 1):
        depth = choose(f"depth_{stage}", (0, 1, 2, 3) if stage == 0 else (1, 2, 3, 4))
        if not depth:
            continue
        block = choose(f"block_{stage}", BLOCKS)
        expansion = choose(f"expansion_{stage}", (2, 3, 4, 6)) if block == "inverted" else 1
        gated = block == "inverted" and choose(f"gate_{stage}", (False, True))
        kernel = choose(f"kernel_{stage}", (3, 5) if side >> (stage + strided) >= 5 else (3,))
        stride = 1
        if stage > 0:
            width = min(rounded(width * choose(f"growth_{stage}", GROWTHS)), WIDEST)
            stride = 2
            if shrink == "max_pool":
                x = keras.layers.MaxPooling2D(2, padding="same")(x)
                stride = 1
        for repeat in range(depth):
            step = stride if repeat == 0 else 1
            with place(f"stage_{stage}", block, repeat):
                if block == "plain":
                    x = layer.convolve(x, width, kernel, step)
                elif block == "residual":
                    x = layer.residual(x, channels, width, kernel, step)
                elif block == "separable":
                    x = layer.separable(x, channels, width, kernel, step)
                else:
                    x = layer.inverted(x, channels, width, kernel, step, expansion, gated)
            channels = width
    grid = (input_shape[0] >> number, input_shape[1] >> number)
    with place("head"):
        x = classifier(x, choose, grid, classes)
    return keras.Model(inputs, x, name="stages")


def halvings(side: int) -> tuple[int, int]:
    """How often an image of that many rows may be halved, at least and at most.

    Example:
        >>> halvings(8), halvings(28), halvings(64), halvings(224)
        ((0, 2), (1, 3), (3, 5), (4, 5))
    """
    most = fewest = 0
    while most < 5 and side >> (most + 1) >= SMALLEST_GRID:
        most += 1
    while fewest < most and side >> fewest > LARGEST_GRID:
        fewest += 1
    return min(fewest, 4), most


def rounded(width: float) -> int:
    """The nearest even width; above 32 the nearest multiple of 4, above 128 of 8, which processors like."""
    step = 2 if width <= 32 else 4 if width <= 128 else 8
    return max(step, round(width / step) * step)


@dataclass(frozen=True)
class Layers:
    """What blocks are made of.

    Args:
        activation: after a normalisation.
        normalisation: "batch", or "group" (groups of eight channels, or one of all).
    """

    activation: str
    normalisation: str

    def norm(self, x: Any, width: int, *, active: bool = True) -> Any:
        """Normalisation, activation."""
        if self.normalisation == "group":
            x = keras.layers.GroupNormalization(width // 8 if width % 8 == 0 else 1)(x)
        else:
            x = keras.layers.BatchNormalization()(x)
        return keras.layers.Activation(self.activation)(x) if active else x

    def convolve(self, x: Any, width: int, kernel: int, stride: int = 1, *, active: bool = True) -> Any:
        """Convolution without bias, normalisation, activation."""
        x = keras.layers.Conv2D(width, kernel, strides=stride, padding="same", use_bias=False)(x)
        return self.norm(x, width, active=active)

    def depthwise(self, x: Any, channels: int, kernel: int, stride: int) -> Any:
        """Depthwise convolution without bias, normalisation, activation."""
        x = keras.layers.DepthwiseConv2D(kernel, strides=stride, padding="same", use_bias=False)(x)
        return self.norm(x, channels)

    def gate(self, x: Any, channels: int, squeezed: int) -> Any:
        """Squeeze and excite: each channel times a number that the means of all channels decide."""
        means = keras.layers.GlobalAveragePooling2D(keepdims=True)(x)
        means = keras.layers.Conv2D(squeezed, 1, activation=self.activation)(means)
        return keras.layers.Multiply()([x, keras.layers.Conv2D(channels, 1, activation="sigmoid")(means)])

    def residual(self, x: Any, channels: int, width: int, kernel: int, stride: int) -> Any:
        """Two convolutions beside a shortcut, which is a 1x1 convolution where the shape changes."""
        fits = stride == 1 and channels == width
        with place("shortcut"):
            shortcut = x if fits else self.convolve(x, width, 1, stride, active=False)
        x = self.convolve(self.convolve(x, width, kernel, stride), width, kernel, active=False)
        return keras.layers.Activation(self.activation)(keras.layers.Add()([x, shortcut]))

    def separable(self, x: Any, channels: int, width: int, kernel: int, stride: int) -> Any:
        """A depthwise and a 1x1 convolution, beside a shortcut where the shape stays."""
        before = x
        x = self.convolve(self.depthwise(x, channels, kernel, stride), width, 1)
        return keras.layers.Add()([x, before]) if stride == 1 and channels == width else x

    def inverted(
        self, x: Any, channels: int, width: int, kernel: int, stride: int, expansion: int, gated: bool
    ) -> Any:
        """Wider by a 1x1 convolution, a depthwise one, perhaps a gate, narrower again; then as separable."""
        before, inner = x, expansion * channels
        x = self.depthwise(self.convolve(x, inner, 1), inner, kernel, stride)
        if gated:
            with place("gate"):
                x = self.gate(x, inner, max(2, channels // 2))
        x = self.convolve(x, width, 1, active=False)
        return keras.layers.Add()([x, before]) if stride == 1 and channels == width else x


BLOCKS = ("plain", "residual", "separable", "inverted")


def classifier(x: Any, choose: Choose, grid: tuple[int, int], classes: int) -> Any:
    """The mean of each channel, or means over a 2x2 grid; dropout; a dense softmax."""
    if min(grid) >= 4 and choose("head", ("mean", "grid")) == "grid":
        x = keras.layers.AveragePooling2D((grid[0] // 2, grid[1] // 2))(x)
        x = keras.layers.Flatten()(x)
    else:
        x = keras.layers.GlobalAveragePooling2D()(x)
    rate = choose("dropout", (0.0, 0.2, 0.4))
    if rate:
        x = keras.layers.Dropout(rate)(x)
    return keras.layers.Dense(classes, activation="softmax")(x)
