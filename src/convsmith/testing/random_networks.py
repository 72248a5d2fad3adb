"""Random small networks that use every kind of layer, for tests that compare one form with another."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from ..graph import Graph
from ..graph import notation as keras
from ..kinds import Shape

if TYPE_CHECKING:
    import numpy as np

T = TypeVar("T")
Choose = Callable[[Sequence[Any]], Any]

ACTIVATIONS = (
    "linear", "relu", "relu6", "leaky_relu", "elu", "selu", "gelu", "silu", "sigmoid", "hard_sigmoid",
    "hard_silu", "tanh", "softplus", "softsign", "mish", "exponential",
)  # fmt: skip


def random_network(choose: Choose, *, depth: int = 6, ends: Sequence[str] = ("softmax",)) -> Graph:
    """A random network on a small image; the same answers give the same network.

    Args:
        choose: picks one of a sequence, e.g. ``random.Random(0).choice``, or
            ``lambda options: draw(st.sampled_from(options))`` in a hypothesis strategy.
        depth: how many blocks before the head.
        ends: which activations the last layer may have.

    Example:
        >>> import random
        >>> random_network(random.Random(3).choice).output_shape
        (3,)
    """
    x = inputs = keras.Input((choose((5, 8, 11)), choose((5, 8, 10)), choose((1, 3))))
    shape = lambda tensor: keras.Model(inputs, tensor).output_shape  # noqa: E731
    if choose((True, False)):
        x = keras.layers.Rescaling(*choose(((1 / 255,), (1 / 127.5, -1), (2.0, 0.5))))(x)
    for _ in range(depth):
        x = _block(choose, x, shape(x))
    x = _head(choose, x, shape(x))
    x = keras.layers.Dense(3, activation=choose(tuple(ends)))(x)
    return keras.Model(inputs, x, name="random")


def random_weights(graph: Graph, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Weights that show mistakes: no symmetric kernels, no zero biases, statistics away from 0 and 1."""
    import numpy as np

    found = {}
    for name, weight in graph.weights.items():
        short = name.rpartition("/")[2]
        if "variance" in short or short == "gamma":
            array = rng.uniform(0.5, 1.5, weight.shape)
        elif "kernel" in short:
            array = rng.normal(0, 1 / math.sqrt(max(1, math.prod(weight.shape[:-1]))), weight.shape)
        else:
            array = rng.normal(0, 0.3, weight.shape)
        found[name] = array.astype(np.float32)
    return found


def _convolution(choose: Choose, x: Any, shape: Shape, filters: int | None = None) -> Any:
    settings: dict[str, Any] = {
        "kernel_size": choose((1, 3, (2, 3), 5)),
        "padding": "same",
        "activation": choose(ACTIVATIONS),
        "use_bias": choose((True, False)),
    }
    if filters is None:
        spread = choose(((1, 1), (2, 1), (2, 2), (1, 3)))
        settings |= choose(({"strides": spread[0]}, {"dilation_rate": spread[1]}))
    kind = choose(("plain", "grouped", "depthwise", "separable"))
    if kind == "depthwise" and filters is None:
        return keras.layers.DepthwiseConv2D(depth_multiplier=choose((1, 2)), **settings)(x)
    if kind == "separable":
        return keras.layers.SeparableConv2D(filters or 4, depth_multiplier=choose((1, 2)), **settings)(x)
    groups = shape[-1] if kind == "grouped" and (filters or 6) % (shape[-1] or 1) == 0 else 1
    return keras.layers.Conv2D(filters or 6, groups=groups, **settings)(x)


def _norm(choose: Choose, x: Any) -> Any:
    scale, center = choose(((True, True), (False, True), (True, False)))
    return keras.layers.BatchNormalization(scale=scale, center=center, epsilon=choose((1e-3, 1e-5)))(x)


def _block(choose: Choose, x: Any, shape: Shape) -> Any:
    kind = choose((
        "convolution", "convolution", "norm", "pool", "residual",
        "branches", "gate", "shared", "pad", "small",
    ))  # fmt: skip
    layers = keras.layers
    if kind == "convolution":
        return _convolution(choose, x, shape)
    if kind == "norm":
        made = _convolution(choose, x, shape, filters=4)
        return layers.Activation(choose(ACTIVATIONS))(_norm(choose, choose((made, x))))
    if kind == "pool":
        pool = choose((layers.MaxPooling2D, layers.AveragePooling2D))
        return pool(choose((2, 3, (1, 2))), strides=choose((1, 2)), padding="same")(x)
    if kind == "residual":
        made = _norm(choose, _convolution(choose, x, shape, filters=shape[-1]))
        return layers.ReLU()(layers.Add()(choose(([x, made], [made, x], [made, made]))))
    if kind == "branches":
        return layers.Concatenate(axis=choose((-1, 3)))([x, _convolution(choose, x, shape, filters=2)])
    if kind == "gate":
        pooled = choose((layers.GlobalAveragePooling2D, layers.GlobalMaxPooling2D))(keepdims=True)(x)
        return layers.Multiply()([x, layers.Dense(shape[-1], activation="sigmoid")(pooled)])
    if kind == "shared":
        layer = layers.Conv2D(shape[-1], 3, padding="same", activation="tanh")
        return layer(_norm(choose, layer(x)))
    if kind == "pad":
        padded = layers.ZeroPadding2D(choose((1, ((1, 0), (2, 1)))))(x)
        return layers.Conv2D(4, 2, activation=choose(ACTIVATIONS))(padded)
    return layers.ReLU(*choose(((), (6.0,), (None, 0.1), (2.0, 0.1, 0.5))))(layers.Dropout(0.5)(x))


def _head(choose: Choose, x: Any, shape: Shape) -> Any:
    layers = keras.layers
    kind = choose(("flatten", "flatten", "average", "maximum", "reshape"))
    if kind == "average":
        x = layers.GlobalAveragePooling2D()(x)
    elif kind == "maximum":
        x = layers.GlobalMaxPooling2D()(x)
    elif kind == "reshape":
        x = layers.Flatten()(layers.Reshape((shape[1], shape[0], shape[2]))(x))
    else:
        x = layers.Flatten()(x)
    x = choose((lambda y: y, layers.Dropout(0.3), layers.Activation("relu"), layers.BatchNormalization()))(x)
    if choose((True, False)):
        x = _norm(choose, layers.Dense(5, use_bias=choose((True, False)))(x))
    return x
