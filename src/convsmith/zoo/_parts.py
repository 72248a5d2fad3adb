"""What many networks are made of: convolutions padded as in their originals, with batch norm; heads.

The originals pad k // 2 pixels on every side; at stride 2 that is not Keras's "same", which puts the odd
pixel at the bottom and right, so the padding is written out. The networks take raw pixel values, 0 to 255.
"""

from __future__ import annotations

from typing import Any

from ..graph import notation as keras

Size = int | tuple[int, int]
IMAGENET = (224, 224, 3)


def image(input_shape: tuple[int, ...]) -> tuple[Any, Any]:
    """The input, and the pixels brought from 0..255 to -1..1."""
    inputs = keras.Input(input_shape, name="image")
    return inputs, keras.layers.Rescaling(1 / 127.5, offset=-1.0, name="rescaling")(inputs)


def pad(x: Any, kernel: Size) -> Any:
    """k // 2 zeros on every side; nothing for 1x1."""
    rows, columns = (kernel, kernel) if isinstance(kernel, int) else kernel
    if rows == columns == 1:
        return x
    return keras.layers.ZeroPadding2D((rows // 2, columns // 2))(x)


def conv(x: Any, filters: int, kernel: Size = 3, stride: int = 1, **settings: Any) -> Any:
    """A convolution padded by k // 2 on every side; with its bias, unless told otherwise."""
    settings.setdefault("kernel_initializer", "he_normal")
    if stride == 1:
        return keras.layers.Conv2D(filters, kernel, padding="same", **settings)(x)
    return keras.layers.Conv2D(filters, kernel, strides=stride, **settings)(pad(x, kernel))


def norm(x: Any, epsilon: float = 1e-5, momentum: float = 0.9) -> Any:
    """Batch norm."""
    return keras.layers.BatchNormalization(momentum=momentum, epsilon=epsilon)(x)


def activate(x: Any, activation: str | None) -> Any:
    """The activation as a layer of its own; none for None."""
    return keras.layers.Activation(activation)(x) if activation else x


def conv_bn(
    x: Any,
    filters: int,
    kernel: Size = 3,
    stride: int = 1,
    activation: str | None = "relu",
    *,
    epsilon: float = 1e-5,
    groups: int = 1,
) -> Any:
    """A convolution without bias, batch norm, the activation."""
    x = conv(x, filters, kernel, stride, use_bias=False, groups=groups)
    return activate(norm(x, epsilon), activation)


def depthwise_bn(
    x: Any, kernel: int = 3, stride: int = 1, activation: str | None = "relu", *, epsilon: float = 1e-5
) -> Any:
    """A depthwise convolution without bias, batch norm, the activation."""
    if stride == 1:
        x = keras.layers.DepthwiseConv2D(kernel, padding="same", use_bias=False)(x)
    else:
        x = keras.layers.DepthwiseConv2D(kernel, strides=stride, use_bias=False)(pad(x, kernel))
    return activate(norm(x, epsilon), activation)


def max_pool(x: Any, size: int = 3, stride: int = 2) -> Any:
    """Max-pooling padded by size // 2; zeros are as good as minus infinity after a ReLU."""
    return keras.layers.MaxPooling2D(size, strides=stride)(pad(x, size))


def ceil_pool(x: Any, size: int = 3, stride: int = 2) -> Any:
    """Max-pooling that keeps an unfinished last window, as Caffe rounds; after a ReLU."""
    return keras.layers.MaxPooling2D(size, strides=stride)(keras.layers.ZeroPadding2D(((0, 1), (0, 1)))(x))


def gate(x: Any, channels: int, squeezed: int, activation: str = "relu", last: str = "sigmoid") -> Any:
    """Squeeze-and-excite: each channel times a number that the means of all channels decide."""
    means = keras.layers.GlobalAveragePooling2D(keepdims=True)(x)
    means = keras.layers.Conv2D(squeezed, 1, activation=activation)(means)
    return keras.layers.Multiply()([x, keras.layers.Conv2D(channels, 1, activation=last)(means)])


def head(x: Any, classes: int, dropout: float = 0.0) -> Any:
    """The mean of each channel, dropout, a dense softmax."""
    x = keras.layers.GlobalAveragePooling2D()(x)
    if dropout:
        x = keras.layers.Dropout(dropout)(x)
    return keras.layers.Dense(classes, activation="softmax", name="softmax")(x)


def divisible(value: float, divisor: int = 8, share: float = 0.9) -> int:
    """The nearest multiple of a divisor that does not lose more than a tenth (the MobileNets' rule).

    Example:
        >>> divisible(16 * 0.75), divisible(24 * 1.4)
        (16, 32)
    """
    found = max(divisor, int(value + divisor / 2) // divisor * divisor)
    return found + divisor if found < share * value else found
