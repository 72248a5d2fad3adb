"""ONNX files read as Graphs: against the Graphs that were written, and what runs."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from convsmith.errors import BadInput
from convsmith.formats.onnx import export_onnx
from convsmith.graph import Graph, read
from convsmith.graph.onnx import from_onnx
from convsmith.testing.random_networks import random_network, random_weights
from convsmith.zoo import network


def saved(
    path: Path, nodes: list[Any], constants: dict[str, Any], shape: tuple[Any, ...], out: str = "y"
) -> Path:
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(out, TensorProto.FLOAT, None)],
        initializer=[numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    path.write_bytes(model.SerializeToString())
    return path


def count(graph: Graph) -> tuple[Any, Any, Any]:
    return graph.params, graph.macs, graph.output_shape


@pytest.mark.parametrize("name", ["lenet5", "course_cnn"])
def test_a_written_network_comes_back_with_its_figures(name: str, tmp_path: Path) -> None:
    graph = network(name)
    weights = {key: np.zeros(weight.shape, np.float32) for key, weight in graph.weights.items()}
    export_onnx(graph, weights, tmp_path / "net.onnx")
    assert count(read(tmp_path / "net.onnx")) == count(graph)


@pytest.mark.parametrize("seed", range(12))
def test_random_networks_come_back_with_their_macs(seed: int, tmp_path: Path) -> None:
    graph = random_network(random.Random(seed).choice)
    export_onnx(graph, random_weights(graph, np.random.default_rng(seed)), tmp_path / "net.onnx")
    found = from_onnx(tmp_path / "net.onnx")
    assert not found.unknown
    if found.macs is not None:  # a Reshape of an image is not a kind: its order of numbers is ONNX's
        assert found.macs == graph.macs
    assert found.input_shape == graph.input_shape
    assert found.output_shape == graph.output_shape


def test_a_network_with_torch_s_pads(tmp_path: Path) -> None:
    """ResNet-like: pads that are not Keras's, batch norm, a skip, a pool with pads, and a head by Flatten."""
    rng = np.random.default_rng(0)
    weight = lambda *shape: rng.normal(0, 1, shape).astype(np.float32)  # noqa: E731
    constants = {
        "w1": weight(8, 3, 7, 7), "w2": weight(8, 1, 3, 3), "w3": weight(8, 4, 1, 1), "w4": weight(10, 8),
        "b4": weight(10), **{f"n{i}": weight(8) ** 2 for i in range(4)},
    }  # fmt: skip
    node = helper.make_node
    nodes = [
        node("Conv", ["x", "w1"], ["a"], "conv1", kernel_shape=[7, 7], strides=[2, 2], pads=[3, 3, 3, 3]),
        node("BatchNormalization", ["a", "n0", "n1", "n2", "n3"], ["b"], "bn1", epsilon=1e-5),
        node("Relu", ["b"], ["c"], "relu1"),
        node("MaxPool", ["c"], ["d"], "pool1", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]),
        node("Conv", ["d", "w2"], ["e"], "dw", group=8, pads=[1, 1, 1, 1]),
        node("Conv", ["e", "w3"], ["f"], "grouped", group=2),
        node("Clip", ["f", "low", "high"], ["g"], "relu6"),
        node("Add", ["g", "d"], ["h"], "skip"),
        node("Sigmoid", ["h"], ["s"], "gate"),
        node("Mul", ["h", "s"], ["t"], "times"),
        node("GlobalAveragePool", ["t"], ["i"], "gap"),
        node("Flatten", ["i"], ["j"], "flat"),
        node("Gemm", ["j", "w4", "b4"], ["k"], "fc", transB=1),
        node("Softmax", ["k"], ["y"], "softmax", axis=1),
    ]
    constants |= {"low": np.float32(0), "high": np.float32(6)}
    graph = read(saved(tmp_path / "net.onnx", nodes, constants, ("N", 3, 64, 64)))
    assert graph.params == 8 * 3 * 49 + 4 * 8 + 8 * 9 + 8 * 4 + 8 * 10 + 10
    assert graph.macs == 32 * 32 * 8 * 3 * 49 + 16 * 16 * 8 * 9 + 16 * 16 * 8 * 4 + 80
    assert graph.shapes["pool1"] == (16, 16, 8)
    assert graph.shapes["conv1_pad"] == (70, 70, 3)
    assert graph["dw"].kind_name == "DepthwiseConv2D"
    assert graph["dw"].kind.padding == "same"  # type: ignore[attr-defined]
    assert graph.output_shape == (10,)


def test_shapes_are_those_that_run(tmp_path: Path) -> None:
    """Every tensor's shape against onnx's own reference evaluator."""
    from onnx.reference import ReferenceEvaluator

    graph = random_network(random.Random(3).choice, depth=8)
    export_onnx(graph, random_weights(graph, np.random.default_rng(1)), tmp_path / "net.onnx")
    model = onnx.load(tmp_path / "net.onnx")
    ends = {node.output[0]: node.name for node in model.graph.node}
    model.graph.output.extend(
        helper.make_tensor_value_info(name, TensorProto.FLOAT, None)
        for name in ends
        if name not in ("probabilities",)
    )
    image = np.zeros((1, *graph.input_shape), np.float32)
    names = [item.name for item in model.graph.output]
    ran = dict(zip(names, ReferenceEvaluator(model).run(None, {"image": image}), strict=True))
    found = from_onnx(tmp_path / "net.onnx")
    checked = 0
    for output, name in ends.items():
        if name in found and output in ran:
            shape = ran[output].shape[1:]
            # Between two Transposes a tensor stands channels last in the file too.
            assert found.shapes[name] in (shape, (*shape[1:], shape[0])), name
            checked += 1
    assert checked > 8


def test_an_operator_without_a_kind_is_unknown_and_counts_for_nothing(tmp_path: Path) -> None:
    node = helper.make_node
    nodes = [node("LRN", ["x"], ["a"], "norm", size=5), node("Secret", ["a", "w"], ["y"], "own")]
    path = saved(tmp_path / "net.onnx", nodes, {"w": np.zeros((3, 3), np.float32)}, (1, 3, 8, 8))
    graph = read(path)
    assert graph.unknown == ("own",)
    assert graph.params is None


def test_a_quantized_network_is_sized(tmp_path: Path) -> None:
    node = helper.make_node
    nodes = [
        node("QuantizeLinear", ["x", "s", "z"], ["xq"], "q"),
        node("DequantizeLinear", ["xq", "s", "z"], ["xd"], "d"),
        node("DequantizeLinear", ["w", "s", "z"], ["wd"], "dw"),
        node("Conv", ["xd", "wd"], ["y"], "conv"),
    ]
    constants = {"s": np.float32(0.1), "z": np.int8(0), "w": np.zeros((4, 3, 3, 3), np.int8)}
    assert read(saved(tmp_path / "net.onnx", nodes, constants, (1, 3, 8, 8))).params == 4 * 27


def test_weights_in_other_files_are_not_opened(tmp_path: Path) -> None:
    path = saved(
        tmp_path / "net.onnx", [helper.make_node("Conv", ["x", "w"], ["y"], "conv")],
        {"w": np.zeros((4, 3, 3, 3), np.float32)}, (1, 3, 8, 8),
    )  # fmt: skip
    model = onnx.load(path)
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../../../etc/passwd")
    path.write_bytes(model.SerializeToString())
    assert read(path).params == 4 * 27


def test_files_that_are_not_onnx(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    for data in (b"", b"hello, world, this is not a protobuf", bytes(range(256)) * 20):
        path.write_bytes(data)
        with pytest.raises(BadInput, match=r"net\.onnx"):
            read(path)
    data = saved(path, [helper.make_node("Relu", ["x"], ["y"], "relu")], {}, (1, 3, 8, 8)).read_bytes()
    path.write_bytes(data.replace(b"relu", b"re\xb3u"))
    with pytest.raises(BadInput, match="not text"):
        read(path)
    node = helper.make_node("Conv", ["x", "w"], ["y"], "conv", kernel_shape=[9, 9])
    saved(path, [node], {"w": np.zeros((4, 3, 9, 9), np.float32)}, (1, 3, 8, 8))
    with pytest.raises(BadInput, match=r"layer conv \(Conv2D\): kernel 9 on a 8-pixel input"):
        read(path)
    saved(path, [helper.make_node("Relu", ["ghost"], ["y"], "relu")], {}, (1, 3, 8, 8))
    with pytest.raises(BadInput, match="ghost"):
        read(path)
