"""LeNet-5 as the course draws it.

Y. LeCun et al., "Gradient-based learning applied to document recognition", 1998.

Max-pooling, ReLU and softmax in place of the original's subsampling, tanh and radial-basis outputs.
"""

from __future__ import annotations

from ..graph import Graph
from ..graph import notation as keras
from .network import Published, enter


def lenet5(input_shape: tuple[int, ...] = (32, 32, 1), classes: int = 10) -> Graph:
    """LeNet-5, the modern form: 61,706 parameters at 32x32x1."""
    x = inputs = keras.Input(input_shape, name="input")
    x = keras.layers.Conv2D(6, 5, activation="relu", name="conv1")(x)
    x = keras.layers.MaxPooling2D(2, name="pool1")(x)
    x = keras.layers.Conv2D(16, 5, activation="relu", name="conv2")(x)
    x = keras.layers.MaxPooling2D(2, name="pool2")(x)
    x = keras.layers.Flatten(name="flatten")(x)
    x = keras.layers.Dense(120, activation="relu", name="fc3")(x)
    x = keras.layers.Dense(84, activation="relu", name="fc4")(x)
    x = keras.layers.Dense(classes, activation="softmax", name="softmax")(x)
    return keras.Model(inputs, x, name="lenet5")


enter(
    "lenet5",
    lenet5,
    Published(
        "H. Lin, M. Li, Convolutional Neural Network (a course), after Y. LeCun et al., 1998",
        2020,
        61_706,
        416_520,
        source="derived by hand: the course's table has five wrong cells",
        trained_on="MNIST",
    ),
)
