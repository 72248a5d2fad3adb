"""ONNX files that contradict themselves: one clear line with the true reason, and never a figure."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from convsmith.errors import BadInput
from convsmith.graph import Graph, read

node = helper.make_node
WEIGHT = np.ones((4, 3, 3, 3), np.float32)


def model(
    nodes: list[Any], constants: dict[str, Any] | None = None, *, opset: int = 17, shape: Any = (1, 3, 8, 8)
) -> Any:
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        initializer=[numpy_helper.from_array(np.asarray(v), k) for k, v in (constants or {}).items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])


def read_of(made: Any, folder: Path) -> Graph:
    path = folder / "net.onnx"
    path.write_bytes(made.SerializeToString())
    return read(path)


def refusal(made: Any, folder: Path) -> str:
    with pytest.raises(BadInput) as caught:
        read_of(made, folder)
    text = str(caught.value)
    assert "\n" not in text
    assert len(text) < 1500
    return text


def conv(**attributes: Any) -> Any:
    return model([node("Conv", ["x", "w"], ["y"], "conv", **attributes)], {"w": WEIGHT})


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({"kernel_shape": [5, 5]}, r"its kernel_shape is \[5, 5\] and its weights are \[4, 3, 3, 3\]"),
        ({"kernel_shape": [0, 3]}, r"its kernel_shape is \[0, 3\]; expected whole numbers of at least 1"),
        ({"kernel_shape": [3, 3], "strides": [1]}, r"kernel_shape is \[3, 3\] and its strides \[1\]"),
        ({"auto_pad": "SAME"}, "its auto_pad is 'SAME'; expected NOTSET or SAME_UPPER"),
        ({"auto_pad": "VALID", "pads": [1, 1, 1, 1], "kernel_shape": [3, 3]}, "expected one of them"),
        ({"pads": [1, 1], "kernel_shape": [3, 3]}, "two pads for each axis"),
        ({"pads": [-1, 0, 0, 0]}, r"its pads is \[-1, 0, 0, 0\]"),
        ({"strides": [0, 1]}, "its strides is"),
        ({"dilations": [1, 2**40]}, "its dilations is"),
        ({"group": 0}, "its group is 0"),
        ({"group": 2}, r"weights of \[4, 3, 3, 3\] in 2 groups on 3 channels"),
        ({"group": "2"}, "its group is of type STRING; expected type INT"),
        ({"kernel": [3, 3]}, "has the attribute 'kernel'; expected those of opset 17"),
    ],
)  # fmt: skip
def test_attributes_of_a_convolution(attributes: dict[str, Any], reason: str, tmp_path: Path) -> None:
    text = refusal(conv(**attributes), tmp_path)
    assert "operator conv (Conv)" in text
    assert re.search(reason, text), text


def test_a_tensor_is_made_once(tmp_path: Path) -> None:
    relu = node("Relu", ["x"], ["y"], "one")
    text = refusal(model([relu, node("Tanh", ["x"], ["y"], "two")]), tmp_path)
    assert "operator two (Tanh): writes over 'y', which operator one (Relu) makes" in text
    for name in ("x", "w"):
        text = refusal(model([node("Relu", ["x"], [name], "r"), relu], {"w": WEIGHT}), tmp_path)
        assert f"writes over '{name}', which is an input or a constant" in text


def test_types_and_sizes_that_cannot_be(tmp_path: Path) -> None:
    made = conv()
    made.graph.initializer[0].data_type = 99
    assert "initializer 'w': is of data type 99" in refusal(made, tmp_path)
    made = conv()
    made.graph.initializer[0].dims[0] = 2**40
    assert "holds 432 of" in refusal(made, tmp_path)
    made = conv()
    made.graph.input[0].type.tensor_type.elem_type = 77
    assert "input 'x': is of data type 77" in refusal(made, tmp_path)
    made = conv()
    made.graph.input[0].type.tensor_type.shape.dim[2].dim_value = -4
    assert "input 'x': has the sizes" in refusal(made, tmp_path)
    made = conv()
    made.graph.initializer.append(made.graph.initializer[0])
    assert "initializer 'w': is there twice" in refusal(made, tmp_path)
    made = conv()
    del made.opset_import[:]
    assert "does not say its operators' version" in refusal(made, tmp_path)
    assert "is of opset 999" in refusal(model([node("Relu", ["x"], ["y"])], opset=999), tmp_path)
    assert "has 1 inputs; expected 2 to 3" in refusal(model([node("Conv", ["x"], ["y"])]), tmp_path)
    assert "leaves its input W out" in refusal(model([node("Conv", ["x", ""], ["y"])]), tmp_path)
    assert "no longer an operator" in refusal(model([node("Upsample", ["x", "w"], ["y"])]), tmp_path)


@pytest.mark.parametrize(
    ("form", "value", "operator", "shape"),
    [
        ("value_floats", [2.0] * 8, "Div", (8, 8, 3)),
        ("value_float", 6.0, "Mul", (8, 8, 3)),
        ("value_ints", [0, 192], "Reshape", (192,)),
        ("value_int", 2, "Pow", (8, 8, 3)),
    ],
)
def test_constants_in_every_form(
    form: str, value: Any, operator: str, shape: tuple[int, ...], tmp_path: Path
) -> None:
    nodes = [node("Constant", [], ["c"], **{form: value}), node(operator, ["x", "c"], ["y"])]
    assert read_of(model(nodes), tmp_path).output_shape == shape


def test_text_constants_are_no_reason_to_refuse(tmp_path: Path) -> None:
    nodes = [node("Constant", [], ["c"], value_strings=[b"a", b"b"]), node("Relu", ["x"], ["y"])]
    assert read_of(model(nodes), tmp_path).macs == 0


def test_a_sparse_weight(tmp_path: Path) -> None:
    made = model([node("Conv", ["x", "w"], ["y"], "conv")])
    values = numpy_helper.from_array(np.array([1.0, 2.0], np.float32), "w")
    places = numpy_helper.from_array(np.array([3, 100]))
    made.graph.sparse_initializer.append(helper.make_sparse_tensor(values, places, [4, 3, 3, 3]))
    assert read_of(made, tmp_path).params == 108
    made.graph.sparse_initializer[0].indices.CopyFrom(numpy_helper.from_array(np.array([3, 108])))
    assert "has a place outside its sizes" in refusal(made, tmp_path)
    made.graph.sparse_initializer[0].indices.CopyFrom(numpy_helper.from_array(np.array([3])))
    assert "has 2 values and places [1]" in refusal(made, tmp_path)


def chain(count: int) -> Any:
    """Operators that nobody knows, each with a declared shape."""
    nodes = [
        node("Secret", [f"t{i}" if i else "x"], [f"t{i + 1}"], f"n{i}", domain="own") for i in range(count)
    ]
    made = model([*nodes, node("Relu", [f"t{count}"], ["y"])])
    made.graph.value_info.extend(
        helper.make_tensor_value_info(f"t{i + 1}", TensorProto.FLOAT, (1, 3, 8, 8)) for i in range(count)
    )
    made.opset_import.append(helper.make_opsetid("own", 1))
    return made


def test_the_work_grows_with_the_operators_and_not_faster(tmp_path: Path) -> None:
    """Calls of Python's and the libraries' functions, of 250 and of 1,000 operators."""
    counted = []
    for count in (250, 1000):
        path, calls = tmp_path / f"{count}.onnx", 0
        path.write_bytes(chain(count).SerializeToString())
        read(path)

        def seen(frame: Any, event: str, what: Any) -> None:
            nonlocal calls
            calls += event in ("call", "c_call")

        sys.setprofile(seen)
        try:
            assert len(read(path).nodes) == count + 2
        finally:
            sys.setprofile(None)
        counted.append(calls)
    assert counted[1] < 4.4 * counted[0], counted


def test_names_of_any_length_are_shown_short(tmp_path: Path) -> None:
    long = "n" * 100_000
    made = model([node(long, ["x"], ["y"], long, domain="own")])
    made.opset_import.append(helper.make_opsetid("own", 1))
    from convsmith.ledger.ledger import size

    path = tmp_path / "net.onnx"
    path.write_bytes(made.SerializeToString())
    for text in (str(size(str(path))), size(str(path)).markdown, size(str(path)).html, size(str(path)).latex):
        assert "n" * 200 not in text
    text = refusal(model([node("Relu", [long], ["y"], long)]), tmp_path)
    assert len(text) < 400
    text = refusal(model([node("Conv", ["x", "w"], ["y"], long, group=0)], {"w": WEIGHT}), tmp_path)
    assert len(text) < 400
    assert onnx.__version__
