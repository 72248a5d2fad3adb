"""The course's own CNN: H. Lin and M. Li, "Convolutional Neural Network", 2020 (Keras's MNIST example)."""

from __future__ import annotations

from ..graph import Graph
from ..graph import notation as keras
from .network import Published, enter


def course_cnn(input_shape: tuple[int, ...] = (28, 28, 1), classes: int = 10) -> Graph:
    """Two convolutions, one pool, two dense layers with dropout: 1,199,882 parameters at 28x28x1."""
    x = inputs = keras.Input(input_shape, name="input")
    x = keras.layers.Conv2D(32, (3, 3), activation="relu", name="conv1")(x)
    x = keras.layers.Conv2D(64, (3, 3), activation="relu", name="conv2")(x)
    x = keras.layers.MaxPooling2D((2, 2), name="pool")(x)
    x = keras.layers.Dropout(0.25, name="dropout1")(x)
    x = keras.layers.Flatten(name="flatten")(x)
    x = keras.layers.Dense(128, activation="relu", name="dense1")(x)
    x = keras.layers.Dropout(0.5, name="dropout2")(x)
    x = keras.layers.Dense(classes, activation="softmax", name="softmax")(x)
    return keras.Model(inputs, x, name="course_cnn")


enter(
    "course_cnn",
    course_cnn,
    Published(
        "H. Lin, M. Li, Convolutional Neural Network (a course); Keras's mnist_cnn example",
        2020,
        1_199_882,
        None,
        99.25,
        "Keras's mnist_cnn example, 12 epochs",
        trained_on="MNIST",
    ),
)
