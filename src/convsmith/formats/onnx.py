"""A network as an ONNX model, written from its Graph in milliseconds: no tracing, batch norm folded."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import __version__
from ..errors import BadInput
from ..graph import Graph, Node
from ..graph.fold import by_owner, fold
from ..kinds import Shape, of_layer
from ..kinds.activation import ACROSS, Activation, activation_onnx
from ..kinds.conv2d import Conv2D
from ..kinds.dense import Dense
from ..kinds.flatten import Flatten
from ..kinds.re_lu import ReLU

if TYPE_CHECKING:
    import numpy as np
    import onnx

    Weights = dict[str, np.ndarray]

OPSET, IR_VERSION = 18, 8
"""Taken by ONNX Runtime since 1.14 (2023), the browser's and the phones' included."""
INPUT = "image"
LARGEST = 2_000_000_000


def to_onnx(
    graph: Graph, weights: Weights, *, classes: Sequence[str] = (), about: Mapping[str, str] | None = None
) -> onnx.ModelProto:
    """The network as an ONNX model.

    The input is called ``image`` and is what Keras's is: float32, (N, rows, columns, channels), raw pixel
    values; N is free. The output is called ``probabilities`` where the network ends in softmax or sigmoid,
    else ``output``. Networks with several inputs or outputs keep their nodes' names. Inside, images are NCHW:
    there is one Transpose at the front, and none before a dense layer (its kernel is permuted instead).

    Args:
        graph: the network.
        weights: full name -> float32 array in Keras's layout.
        classes: the classes' names in order; they go into the metadata.
        about: further entries of the metadata.

    Raises:
        BadInput: for a missing weight, a layer without an ONNX form, or more than 2 GB.

    Example:
        >>> import numpy as np
        >>> from convsmith.zoo import network
        >>> graph = network("lenet5")
        >>> model = to_onnx(graph, {name: np.zeros(w.shape, "f4") for name, w in graph.weights.items()})
        >>> [node.op_type for node in model.graph.node][:4], model.graph.output[0].name
        (['Transpose', 'Conv', 'Relu', 'MaxPool'], 'probabilities')
    """
    from onnx import helper

    missing = [name for name in graph.weights if name not in weights]
    if missing:
        raise BadInput(f"network '{graph.name}'", f"no weights for {missing[0]}", "an array for each weight")
    size = 4 * sum(weight.size for weight in graph.weights.values())
    if size > LARGEST:
        raise BadInput(f"network '{graph.name}'", f"{size:,} bytes of weights", "less than 2 GB")
    small, arrays = fold(graph, weights)
    owned = by_owner(arrays)
    write = _Writer()
    values: dict[str, str] = {}
    inputs = [_input(small, name) for name in small.inputs]
    for node in small.nodes:
        write.begin(node)
        values[node.name] = _write_node(write, small, node, values, owned)
    outputs = [_output(write, small, name, values[name]) for name in small.outputs]
    made = helper.make_graph(write.nodes, graph.name, inputs, outputs, initializer=write.constants)
    model = helper.make_model(
        made,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="convsmith",
        producer_version=__version__,
    )
    helper.set_model_props(model, _metadata(graph, classes) | dict(about or {}))
    return model


def export_onnx(
    graph: Graph,
    weights: Weights,
    path: str | Path,
    *,
    classes: Sequence[str] = (),
    about: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Write the network to an ``.onnx`` file, whole; see `to_onnx`.

    Returns:
        What was written: file, bytes, opset, input and output names, operators.
    """
    from ..runs.files import write_whole

    model = to_onnx(graph, weights, classes=classes, about=about)
    found = model.SerializeToString(deterministic=True)
    write_whole(Path(path), found)
    return {
        "file": Path(path).name,
        "bytes": len(found),
        "opset": OPSET,
        "inputs": [item.name for item in model.graph.input],
        "outputs": [item.name for item in model.graph.output],
        "operators": len(model.graph.node),
    }


class _Writer:
    """Collects operators and constants; names them after the layer that they come from."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self._arrays: dict[str, np.ndarray] = {}
        self._node, self._owner = "", ""
        self._made = self._kept = 0

    def begin(self, node: Node) -> None:
        """What follows belongs to this node."""
        self._node, self._owner, self._made, self._kept = node.name, node.owner, 0, 0

    def node(self, op: str, inputs: list[str], **attributes: Any) -> str:
        """Add one operator and return its output's name."""
        from onnx import helper

        name = f"{self._node}/{op}" + (f"_{self._made}" if self._made else "")
        self._made += 1
        self.nodes.append(helper.make_node(op, inputs, [name], name=name, **attributes))
        return name

    def rename(self, value: str, called: str) -> None:
        """Give the tensor the name of an output of the model."""
        from onnx import helper

        makers = [node for node in self.nodes if value in node.output]
        if makers and not any(value in node.input for node in self.nodes):
            makers[0].output[0] = called
        else:
            self.nodes.append(helper.make_node("Identity", [value], [called], name=f"{called}/Identity"))

    def constant(self, array: np.ndarray) -> str:
        """Add a constant array and return its name; the uses of a shared layer share theirs."""
        import numpy as np
        from onnx import helper

        array = np.ascontiguousarray(array) if array.ndim else array
        name = f"{self._owner}/constant_{self._kept}"
        self._kept += 1
        if name in self._arrays:
            if np.array_equal(self._arrays[name], array):
                return name
            name = f"{self._node}/constant_{self._kept - 1}"
        self._arrays[name] = array
        kind = helper.np_dtype_to_tensor_dtype(array.dtype)
        self.constants.append(helper.make_tensor(name, kind, array.shape, array.tobytes(), raw=True))
        return name


def _write_node(
    write: _Writer, graph: Graph, node: Node, values: dict[str, str], weights: dict[str, Weights]
) -> str:
    if node.name in graph.inputs:
        name = INPUT if len(graph.inputs) == 1 else node.name
        return (
            write.node("Transpose", [name], perm=[0, 3, 1, 2]) if len(graph.shapes[node.name]) == 3 else name
        )
    own = dict(weights.get(node.owner, {}))
    names, shapes, kind = [values[source] for source in node.inputs], graph.input_shapes(node), node.kind
    if isinstance(kind, Flatten) and len(shapes[0]) == 3 and _only_dense_after(graph, node):
        return write.node("Flatten", names)
    if isinstance(kind, Dense) and len(shapes[0]) == 1:
        own["kernel"] = _in_channels_first(own["kernel"], _flattened_from(graph, node))
    if (
        isinstance(kind, Dense) and len(shapes[0]) == 3
    ):  # the same as a 1x1 convolution, without two Transposes
        kind = Conv2D(kind.units, (1, 1), activation=kind.activation, use_bias=kind.use_bias)
        own["kernel"] = own["kernel"][None, None]
    activation = getattr(kind, "activation", None) or "linear"
    try:
        out = kind.onnx(write, names, list(shapes), own)
        return activation_onnx(write, activation, out, node.kind.shape(*shapes))
    except BadInput as error:
        raise of_layer(error, node.name, node.kind) from None


def _each_alone(node: Node) -> bool:
    """True where every number is treated alone, wherever it stands."""
    if isinstance(node.kind, Activation):
        return node.kind.activation not in ACROSS
    return isinstance(node.kind, ReLU)


def _only_dense_after(graph: Graph, node: Node) -> bool:
    """True where nobody but dense layers of their own can tell in which order the features stand."""
    if node.name in graph.outputs:
        return False
    return all(
        (isinstance(taker.kind, Dense) and sum(other.owner == taker.owner for other in graph.nodes) == 1)
        or (_each_alone(taker) and _only_dense_after(graph, taker))
        for taker in graph.consumers(node.name)
    )


def _flattened_from(graph: Graph, node: Node) -> Shape | None:
    """The image shape whose features come to this dense layer in NCHW order, if they do."""
    node = graph[node.inputs[0]]
    while _each_alone(node):
        node = graph[node.inputs[0]]
    if (
        isinstance(node.kind, Flatten)
        and len(graph.input_shapes(node)[0]) == 3
        and _only_dense_after(graph, node)
    ):
        return graph.input_shapes(node)[0]
    return None


def _in_channels_first(kernel_IO: np.ndarray, image: Shape | None) -> np.ndarray:
    if image is None:
        return kernel_IO
    units = kernel_IO.shape[1]
    return kernel_IO.reshape(*image, units).transpose(2, 0, 1, 3).reshape(-1, units)  # type: ignore[arg-type]


def _input(graph: Graph, name: str) -> Any:
    from onnx import TensorProto, helper

    sizes = [
        item if item is not None else f"{name}_{axis}" for axis, item in enumerate(graph.shapes[name], 1)
    ]
    called = INPUT if len(graph.inputs) == 1 else name
    return helper.make_tensor_value_info(called, TensorProto.FLOAT, ["N", *sizes])


def _output(write: _Writer, graph: Graph, name: str, value: str) -> Any:
    from onnx import TensorProto, helper

    shape = graph.shapes[name]
    called = name
    if len(graph.outputs) == 1:
        shares = _ends_in(graph[name]) in ("softmax", "sigmoid")
        called = "probabilities" if shares else "output"
    if len(shape) == 3:
        value = write.node("Transpose", [value], perm=[0, 2, 3, 1])
    write.rename(value, called)
    sizes = [item if item is not None else f"{name}_{axis}" for axis, item in enumerate(shape, 1)]
    return helper.make_tensor_value_info(called, TensorProto.FLOAT, ["N", *sizes])


def _ends_in(node: Node) -> str:
    return "softmax" if node.kind_name == "Softmax" else getattr(node.kind, "activation", None) or "linear"


def _metadata(graph: Graph, classes: Sequence[str]) -> dict[str, str]:
    found = {
        "convsmith": __version__,
        "network": graph.name,
        "fingerprint": graph.fingerprint,
        "input": "raw pixel values 0 to 255, rows x columns x channels",
    }
    if classes:
        found["classes"] = json.dumps(list(classes), ensure_ascii=False)
    return found
