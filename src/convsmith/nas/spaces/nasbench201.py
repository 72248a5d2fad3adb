"""The cell of NAS-Bench-201: six edges, five operations, 15,625 cells; the network around it is fixed.

Node 0 takes the cell's input; each later node adds up what the edges from the earlier ones bring; node 3 is
the output. Fifteen cells of 16, 32 and 64 channels stand in three stages, with a residual block that halves
the image between them. Learned parameters and multiply-adds are those of the published table.

Source: X. Dong, Y. Yang, "NAS-Bench-201: Extending the Scope of Reproducible Neural Architecture Search",
ICLR 2020.
"""

from __future__ import annotations

from typing import Any

from convsmith.graph import Graph
from convsmith.graph import notation as keras
from convsmith.graph.places import place
from convsmith.zoo._cells import Mixture

from ..choose import Choose
from ..relaxed import weighed
from . import SPACES

OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
EDGES = ("e01", "e02", "e12", "e03", "e13", "e23")
"""From the first number's node to the second's, in the order of the table."""
CELLS = 5
FILTERS = 16


@SPACES.register()
def nasbench201(choose: Choose, input_shape: tuple[int, int, int], classes: int) -> Graph:
    """The 15,625 cells of NAS-Bench-201 in the paper's network: six edges, five operations.

    Args:
        choose: answers each edge.
        input_shape: rows, columns, channels; the table's is (32, 32, 3).
        classes: how many classes.
    """
    cell = {edge: weighed(choose, edge, OPERATIONS, nothing="none") for edge in EDGES}
    x = inputs = keras.Input(input_shape)
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(x)
    with place("stem"):
        x = _norm(keras.layers.Conv2D(FILTERS, 3, padding="same", use_bias=False)(x))
    for stage in range(3):
        filters = FILTERS << stage
        if stage:
            with place(f"halving_{stage}"):
                x = _halved(x, filters)
        for number in range(CELLS):
            with place(f"cell_{stage}_{number}"):
                x = _cell(x, cell, filters)
    with place("head"):
        x = keras.layers.GlobalAveragePooling2D()(keras.layers.Activation("relu")(_norm(x)))
        x = keras.layers.Dense(classes, activation="softmax")(x)
    return keras.Model(inputs, x, name="nasbench201")


def _cell(x: Any, cell: dict[str, Any], filters: int) -> Any:
    nodes = [x]
    for node in range(1, 4):
        brought = []
        for start in range(node):
            with place(f"e{start}{node}"):
                brought.append(_edge(nodes[start], cell[f"e{start}{node}"], filters))
        nodes.append(keras.layers.Add()(brought) if node > 1 else brought[0])
    return nodes[-1]


def _edge(x: Any, operation: str | Mixture, filters: int) -> Any:
    if isinstance(operation, Mixture):
        return operation.of(lambda one: _edge(x, one, filters))
    if operation == "none":
        return keras.layers.Rescaling(0.0)(x)  # zeros; what lies before it stays part of the network
    if operation == "skip_connect":
        return x
    if operation == "avg_pool_3x3":
        return keras.layers.AveragePooling2D(3, strides=1, padding="same")(x)
    with place(operation):
        return _convolve(x, filters, 3 if operation == "nor_conv_3x3" else 1)


def _convolve(x: Any, filters: int, kernel: int, stride: int = 1) -> Any:
    """ReLU, convolution, batch norm."""
    x = keras.layers.Activation("relu")(x)
    if stride > 1:  # padded as in the original; "same" would put the odd pixel at the end
        x = keras.layers.ZeroPadding2D(kernel // 2)(x)
        return _norm(keras.layers.Conv2D(filters, kernel, strides=stride, use_bias=False)(x))
    return _norm(keras.layers.Conv2D(filters, kernel, padding="same", use_bias=False)(x))


def _halved(x: Any, filters: int) -> Any:
    """Two convolutions, the first strided, beside a pooled shortcut."""
    shortcut = keras.layers.AveragePooling2D(2, padding="same")(x)
    shortcut = keras.layers.Conv2D(filters, 1, use_bias=False)(shortcut)
    return keras.layers.Add()([_convolve(_convolve(x, filters, 3, 2), filters, 3), shortcut])


def _norm(x: Any) -> Any:
    return keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(x)
