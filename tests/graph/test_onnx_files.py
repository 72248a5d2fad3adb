"""ONNX files as they come: quantised pairs, branches, functions, other files, open sizes, foreign domains."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from convsmith.engine.lower import lower
from convsmith.errors import BadInput
from convsmith.graph import read
from convsmith.graph.onnx import with_weights
from convsmith.ledger.ledger import size

node = helper.make_node
WEIGHT = np.random.default_rng(0).normal(size=(4, 3, 3, 3)).astype(np.float32)


def model(nodes: list[Any], constants: dict[str, Any], shape: Any = ("n", 3, 8, 8), **more: Any) -> Any:
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        initializer=[numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()],
    )
    more.setdefault("opset_imports", [helper.make_opsetid("", 17)])
    return helper.make_model(graph, **more)


def saved(path: Path, *args: Any, **more: Any) -> Path:
    path.write_bytes(model(*args, **more).SerializeToString())
    return path


def test_a_shape_that_the_file_computes(tmp_path: Path) -> None:
    """From Shape to Reshape by way of ten other operators, with an open batch."""
    constants = {
        "zero": np.array(0),
        "axes": np.array([0]),
        "minus": np.array([-1]),
        "start": np.array([1]),
        "end": np.array([3]),
        "one": np.ones((1, 1, 1), np.float32),
    }
    nodes = [
        node("Shape", ["x"], ["s"]),
        node("Gather", ["s", "zero"], ["b"], axis=0),
        node("Unsqueeze", ["b", "axes"], ["b1"]),
        node("Slice", ["s", "start", "end", "axes"], ["ch"]),
        node("ReduceProd", ["ch"], ["chp"], keepdims=1),
        node("Cast", ["chp"], ["f"], to=TensorProto.FLOAT),
        node("Cast", ["f"], ["i"], to=TensorProto.INT64),
        node("Concat", ["b1", "i", "minus"], ["t"], axis=0),
        node("Reshape", ["x", "t"], ["r"]),
        node("Shape", ["r"], ["s2"]),
        node(
            "ConstantOfShape", ["s2"], ["zeros"], value=numpy_helper.from_array(np.array([2.0], np.float32))
        ),
        node("Expand", ["one", "s2"], ["ones"]),
        node("Mul", ["r", "zeros"], ["m"]),
        node("Add", ["m", "ones"], ["y"]),
    ]
    graph = read(saved(tmp_path / "net.onnx", nodes, constants))
    assert graph.output_shape == (24, 8)
    assert (graph.params, graph.macs) == (0, 0)


def test_sizes_from_the_command_line(tmp_path: Path) -> None:
    nodes = [
        node("Conv", ["x", "w"], ["c"], "conv", strides=[2, 2]),
        node("Flatten", ["c"], ["f"]),
        node("Gemm", ["f", "g"], ["y"], "fc"),
    ]
    constants = {"w": WEIGHT, "g": np.ones((4 * 3 * 4, 5), np.float32)}
    path = saved(tmp_path / "net.onnx", nodes, constants, ("n", 3, "h", "w"))
    assert size(str(path), input_shape=(8, 10, 3)).totals.macs == 3 * 4 * 4 * 27 + 48 * 5
    with pytest.raises(BadInput, match="multiplies 64 numbers by weights of 48 rows"):
        read(path, input_shape=(10, 10, 3))
    with pytest.raises(BadInput, match="channels"):
        read(path, input_shape=(8, 10, 4))
    with pytest.raises(BadInput, match="rows, columns and channels"):
        read(path, input_shape=(8, 10))
    with pytest.raises(BadInput, match=r"follows a shape of unknown size.*--input 32x32x3"):
        read(path)


def test_pairs_of_quantisation_are_passed_through(tmp_path: Path) -> None:
    scale, zero = np.array([0.1, 0.2, 0.3, 0.4], np.float32), np.zeros(4, np.int8)
    whole = np.random.default_rng(0).integers(-100, 100, (4, 3, 3, 3)).astype(np.int8)
    nodes = [
        node("QuantizeLinear", ["x", "s", "z"], ["q"]),
        node("DequantizeLinear", ["q", "s", "z"], ["d"]),
        node("DequantizeLinear", ["w", "ws", "wz"], ["wd"], axis=0),
        node("Conv", ["d", "wd"], ["y"], "conv"),
    ]
    constants = {"s": np.float32(0.05), "z": np.int8(0), "w": whole, "ws": scale, "wz": zero}
    graph, weights = with_weights(saved(tmp_path / "net.onnx", nodes, constants))
    assert (graph.params, graph.macs) == (108, 36 * 4 * 27)
    expected = (whole * scale.reshape(4, 1, 1, 1)).transpose(2, 3, 1, 0)
    np.testing.assert_allclose(weights["conv/kernel"], expected, rtol=1e-6)


def test_whole_number_convolutions_count(tmp_path: Path) -> None:
    nodes = [
        node("QuantizeLinear", ["x", "s", "z"], ["q"]),
        node("QLinearConv", ["q", "s", "z", "w", "s", "z", "s", "z"], ["c"], "conv"),
        node("DequantizeLinear", ["c", "s", "z"], ["y"]),
    ]
    constants = {"s": np.float32(0.1), "z": np.int8(0), "w": np.ones((4, 3, 3, 3), np.int8)}
    graph = read(saved(tmp_path / "net.onnx", nodes, constants))
    assert (graph.params, graph.macs, graph.unknown) == (108, 36 * 4 * 27, ())


@pytest.mark.parametrize("chosen", [True, False])
def test_an_if_with_a_constant_condition(chosen: bool, tmp_path: Path) -> None:
    output = [helper.make_tensor_value_info("b", TensorProto.FLOAT, None)]
    branches = [
        helper.make_graph([node("Conv", ["x", "w"], ["b"], "conv")], "then", [], output),
        helper.make_graph([node("Relu", ["x"], ["b"], "relu")], "else", [], output),
    ]
    nodes = [
        node("Shape", ["x"], ["s"]),
        node("Size", ["s"], ["n"]),
        node("Equal", ["n", "four"], ["same"]),
        node("If", ["same"], ["y"], then_branch=branches[0], else_branch=branches[1]),
    ]
    constants = {"four": np.array(4 if chosen else 3), "w": WEIGHT}
    graph = read(saved(tmp_path / "net.onnx", nodes, constants))
    assert graph.params == (108 if chosen else 0)
    assert graph.output_shape == ((6, 6, 4) if chosen else (8, 8, 3))


def test_an_if_that_the_images_decide_is_unknown(tmp_path: Path) -> None:
    output = [helper.make_tensor_value_info("b", TensorProto.FLOAT, None)]
    branch = helper.make_graph([node("Relu", ["x"], ["b"])], "then", [], output)
    nodes = [
        node("ReduceMax", ["x"], ["m"], keepdims=0),
        node("Cast", ["m"], ["c"], to=TensorProto.BOOL),
        node("If", ["c"], ["y"], "choice", then_branch=branch, else_branch=branch),
    ]
    made = model(nodes, {})
    made.graph.node[-1].attribute[1].g.node[0].output[0] = "b2"
    made.graph.node[-1].attribute[1].g.output[0].name = "b2"
    (tmp_path / "net.onnx").write_bytes(made.SerializeToString())
    graph = read(tmp_path / "net.onnx")
    assert graph.macs is None
    assert any(each.kind_name == "Unknown" for each in graph.nodes)


def test_the_files_own_functions_are_put_in_their_places(tmp_path: Path) -> None:
    function = helper.make_function(
        "own", "Block", ["a", "k"], ["c"],
        [
            node("Conv", ["a", "k"], ["t"], "conv", pads=[1, 1, 1, 1]),
            node("LeakyRelu", ["t"], ["c"], "act"),
        ],
        [helper.make_opsetid("", 17)], ["slope"],
    )  # fmt: skip
    reference = function.node[1].attribute.add()
    reference.name, reference.ref_attr_name, reference.type = "alpha", "slope", onnx.AttributeProto.FLOAT
    nodes = [
        node("Block", ["x", "w1"], ["m"], "one", domain="own", slope=0.25),
        node("Block", ["m", "w2"], ["y"], "two", domain="own", slope=0.5),
    ]
    constants = {"w1": WEIGHT, "w2": np.ones((2, 4, 3, 3), np.float32)}
    imports = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]
    path = saved(tmp_path / "net.onnx", nodes, constants, functions=[function], opset_imports=imports)
    graph = read(path)
    assert (graph.params, graph.macs) == (108 + 72, 64 * (108 + 72))
    slopes = [each.kind.negative_slope for each in graph.nodes if each.kind_name == "LeakyReLU"]  # type: ignore[attr-defined]
    assert slopes == [0.25, 0.5]


def test_a_function_that_calls_itself_is_refused(tmp_path: Path) -> None:
    function = helper.make_function(
        "own", "Loop", ["a"], ["b"], [node("Loop", ["a"], ["b"], "again", domain="own")],
        [helper.make_opsetid("own", 1)],
    )  # fmt: skip
    imports = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]
    nodes = [node("Loop", ["x"], ["y"], "first", domain="own")]
    path = saved(tmp_path / "net.onnx", nodes, {}, functions=[function], opset_imports=imports)
    with pytest.raises(BadInput, match="function"):
        read(path)


def test_an_operator_of_another_domain_is_listed_by_name(tmp_path: Path) -> None:
    nodes = [
        node("Conv", ["x", "w"], ["c"], "conv"),
        node("Secret", ["c", "v"], ["s"], "own", domain="com.example"),
        node("Relu", ["s"], ["y"], "relu"),
    ]
    imports = [helper.make_opsetid("", 17), helper.make_opsetid("com.example", 1)]
    made = model(nodes, {"w": WEIGHT, "v": np.ones(7, np.float32)}, opset_imports=imports)
    made.graph.value_info.append(helper.make_tensor_value_info("s", TensorProto.FLOAT, ("n", 4, 6, 6)))
    (tmp_path / "net.onnx").write_bytes(made.SerializeToString())
    ledger = size(str(tmp_path / "net.onnx"))
    assert ledger.graph.unknown == ("own",)
    assert ledger.graph.output_shape == (6, 6, 4)
    assert "com.example.Secret (unknown)" in ledger.text
    assert "at least 108 parameters; at least 3.89k MACs" in ledger.text


def test_constants_of_one_weight_are_counted_once(tmp_path: Path) -> None:
    nodes = [
        node("Conv", ["x", "w"], ["a"], "one", pads=[1, 1, 1, 1]),
        node("Relu", ["a"], ["b"]),
        node("Conv", ["b", "w"], ["y"], "two", pads=[1, 1, 1, 1]),
    ]
    graph = read(saved(tmp_path / "net.onnx", nodes, {"w": np.ones((3, 3, 3, 3), np.float32)}))
    assert (graph.params, graph.macs) == (81, 2 * 64 * 81)
    assert graph["two"].owner == "one"


def outside(path: Path, location: str, **more: Any) -> None:
    made = onnx.load(path, load_external_data=False)
    tensor = made.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in {"location": location, **more}.items():
        tensor.external_data.add(key=key, value=str(value))
    path.write_bytes(made.SerializeToString())


def test_weights_in_a_file_beside_it_when_asked(tmp_path: Path) -> None:
    path = saved(tmp_path / "net.onnx", [node("Conv", ["x", "w"], ["y"], "conv")], {"w": WEIGHT})
    (tmp_path / "net.data").write_bytes(b"head" + WEIGHT.tobytes())
    outside(path, "net.data", offset=4, length=432)
    assert read(path).params == 108
    with pytest.raises(BadInput, match=r"lie in another file.*beside=True"):
        with_weights(path)
    _, weights = with_weights(path, beside=True)
    np.testing.assert_array_equal(weights["conv/kernel"], WEIGHT.transpose(2, 3, 1, 0))


@pytest.mark.parametrize(
    "location", ["../secret", "/etc/passwd", "sub/net.data", "", "link", "none", "short"]
)
def test_weights_from_anywhere_else_are_refused(location: str, tmp_path: Path) -> None:
    folder = tmp_path / "net"
    (folder / "sub").mkdir(parents=True)
    for place in (tmp_path / "secret", folder / "sub" / "net.data"):
        place.write_bytes(WEIGHT.tobytes())
    (folder / "short").write_bytes(WEIGHT.tobytes()[:-1])
    os.symlink(tmp_path / "secret", folder / "link")
    path = saved(folder / "net.onnx", [node("Conv", ["x", "w"], ["y"], "conv")], {"w": WEIGHT})
    outside(path, location)
    with pytest.raises(BadInput, match="tensor 'w'"):
        with_weights(path, beside=True)


def test_an_embedding_and_a_class_token_are_counted(tmp_path: Path) -> None:
    nodes = [
        node("Gather", ["table", "x"], ["e"], "embedding"),
        node("Concat", ["token", "e"], ["y"], "join", axis=1),
    ]
    constants = {"table": np.ones((50, 6), np.float32), "token": np.ones((1, 1, 6), np.float32)}
    made = model(nodes, constants, (1, 9))
    made.graph.input[0].type.tensor_type.elem_type = TensorProto.INT64
    (tmp_path / "net.onnx").write_bytes(made.SerializeToString())
    graph = read(tmp_path / "net.onnx")
    assert (graph.params, graph.macs, graph.output_shape) == (306, 0, (10, 6))


def test_tails_are_read(tmp_path: Path) -> None:
    nodes = [
        node("GlobalAveragePool", ["x"], ["p"]), node("Flatten", ["p"], ["f"]),
        node("LogSoftmax", ["f"], ["l"], axis=1), node("ArgMax", ["l"], ["a"], axis=1, keepdims=0),
        node("TopK", ["l", "k"], ["v", "i"]), node("Cast", ["a"], ["y"], to=TensorProto.FLOAT),
    ]  # fmt: skip
    made = model(nodes, {"k": np.array([2])})
    made.graph.output.append(helper.make_tensor_value_info("v", TensorProto.FLOAT, None))
    (tmp_path / "net.onnx").write_bytes(made.SerializeToString())
    graph = read(tmp_path / "net.onnx")
    assert (graph.params, graph.macs, graph.unknown) == (0, 0, ())
    assert [graph.shapes[name] for name in graph.outputs] == [(), (2,)]


def test_a_network_that_keeps_images_channels_last(tmp_path: Path) -> None:
    """As converters from TensorFlow write it: a Transpose in front, one behind, none between."""
    nodes = [
        node("Div", ["x", "by"], ["d"]), node("Transpose", ["d"], ["t"], perm=[0, 3, 1, 2]),
        node("Conv", ["t", "w"], ["c"], "conv"), node("Relu", ["c"], ["r"]),
        node("Transpose", ["r"], ["b"], perm=[0, 2, 3, 1]), node("Add", ["b", "bias"], ["y"], "bias"),
    ]  # fmt: skip
    constants = {"by": np.float32(255), "w": WEIGHT, "bias": np.arange(4, dtype=np.float32)}
    graph, weights = with_weights(saved(tmp_path / "net.onnx", nodes, constants, ("n", 8, 9, 3)))
    assert graph.input_shape == (8, 9, 3)
    assert not any(each.kind_name == "Permute" for each in graph.nodes)
    x = torch.randn(2, 3, 8, 9)
    expected = torch.relu(torch.nn.functional.conv2d(x / 255, torch.from_numpy(WEIGHT)))
    expected = expected + torch.arange(4).reshape(4, 1, 1)
    torch.testing.assert_close(lower(graph, weights)(x), expected, rtol=1e-4, atol=1e-5)
