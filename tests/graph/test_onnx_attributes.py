"""Operators with attributes of every sort, sane, contradictory and absurd, against onnxruntime.

What is read is what onnxruntime takes, in its sizes and, where every layer runs, with its numbers; what is
not gets one line. ``CONVSMITH_FUZZ_CASES=20000 pytest tests/graph/test_onnx_attributes.py`` looks longer.
"""

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, defs, helper, numpy_helper

from convsmith.engine.lower import lower
from convsmith.errors import BadInput, ConvsmithError
from convsmith.graph.onnx import with_weights
from convsmith.graph.onnx.operators import OPERATORS
from convsmith.graph.onnx.ranges import ANYWHERE

CASES = int(os.environ.get("CONVSMITH_FUZZ_CASES", "150"))
IMAGES = (7, 4, 6, 5)
"""A batch that no other size shares a factor with."""
INTS = (-(2**40), -5, -2, -1, 0, 1, 1, 2, 2, 3, 4, 2**31, 2**40)
FLOATS = (0.0, 0.1, 0.5, 1.0, 1.0, 2.0, -1.0, 1e30, float("nan"), float("inf"))
WORDS = (
    "NOTSET",
    "SAME_UPPER",
    "SAME_LOWER",
    "VALID",
    "constant",
    "reflect",
    "edge",
    "DCR",
    "CRD",
    "nearest",
    "linear",
    "cubic",
    "asymmetric",
    "half_pixel",
    "align_corners",
    "floor",
    "round_prefer_ceil",
    "tanh",
    "none",
    "forward",
    "bidirectional",
    "stretch",
    "not_larger",
    "",
    "x" * 50,
)
FLOAT = np.float32


def whole(*values: int) -> Any:
    return np.array(values, np.int64)


def noise(*sizes: int) -> Any:
    return np.random.default_rng(sum(sizes)).normal(size=sizes).astype(FLOAT)


LAYERS: dict[str, list[Any]] = {
    "Conv": [noise(6, 2, 3, 2), noise(6)],
    "ConvTranspose": [noise(4, 3, 3, 2), noise(3)],
    "Gemm": [noise(30, 3), noise(3)],
    "MatMul": [noise(5, 3)],
    "BatchNormalization": [noise(4) ** 2] * 4,
    "InstanceNormalization": [noise(4), noise(4)],
    "LayerNormalization": [noise(5), noise(5)],
    "PRelu": [noise(4, 1, 1)],
    "LSTM": [noise(1, 12, 5), noise(1, 12, 3)],
    "GRU": [noise(1, 9, 5), noise(1, 9, 3)],
    "RNN": [noise(1, 3, 5), noise(1, 3, 3)],
    "Add": [noise(4, 1, 1)],
    "Div": [noise(5)],
    "Pow": [noise(1) ** 2],
    "Einsum": [noise(5, 3)],
}
SETTINGS: dict[str, list[tuple[Any, ...]]] = {
    "Reshape": [
        (whole(0, -1),),
        (whole(7, 120),),
        (whole(-1, 4, 30),),
        (whole(0, 0, 30),),
        (whole(3, -1, 2),),
    ],
    "Slice": [
        (whole(1), whole(3), whole(2), whole(1)),
        (whole(-1), whole(-9), whole(3), whole(-1)),
        (whole(0, 1), whole(2**62, 4), whole(2, 3), whole(2, 1)),
        (whole(3), whole(3), whole(2), whole(1)),
        (whole(1), whole(3), whole(7), whole(1)),
        (whole(0), whole(2), whole(1), whole(0)),
    ],
    "Pad": [
        (whole(0, 0, 1, 2, 0, 0, 0, 1), np.array(0.5, FLOAT)),
        (whole(0, 1, 0, 0, 0, 0, 0, -2),),
        (whole(0, 0, 1),),
    ],
    "Unsqueeze": [(whole(1),), (whole(-1, 2),), (whole(9),), (whole(1, 1),)],
    "Squeeze": [(whole(1),), (), (whole(-9),)],
    "Split": [(whole(1, 3),), (whole(2, 2),), (whole(1, 1),), (whole(-1, 5),)],
    "Gather": [(np.array(1),), (whole(0, 2),), (np.array(-9),)],
    "Expand": [(whole(7, 4, 6, 5),), (whole(1, 1),), (whole(2, 1, 1, 1, 1),), (whole(3, 1),)],
    "Tile": [(whole(1, 2, 1, 1),), (whole(1, 1),), (whole(1, 0, 1, 1),)],
    "TopK": [(whole(2),), (whole(99),)],
    "Resize": [
        (None, np.array([1, 1, 2, 2], FLOAT)),
        (None, None, whole(7, 4, 9, 8)),
        (None, np.array([1, 1, 0, 2], FLOAT)),
        (None, np.array([1, 2, 1, 1], FLOAT)),
        (None, np.array([2, 2], FLOAT)),
        (None, np.array([1, 1, 0.5, 3], FLOAT)),
    ],
    "Clip": [(np.array(0, FLOAT), np.array(6, FLOAT)), (np.array(-1, FLOAT),), ()],
    "ReduceMean": [(whole(2, 3),), (whole(1),), (whole(0),), (), (whole(7),)],
    "ReduceSum": [(whole(2, 3),), (whole(-1),), ()],
}
"""The further inputs of an operator, as constants; several to choose from."""
NAMES = sorted(
    {
        "Conv",
        "ConvTranspose",
        "MaxPool",
        "AveragePool",
        "GlobalAveragePool",
        "GlobalMaxPool",
        "Gemm",
        "MatMul",
        "BatchNormalization",
        "InstanceNormalization",
        "LayerNormalization",
        "PRelu",
        "LSTM",
        "GRU",
        "RNN",
        "Add",
        "Div",
        "Pow",
        "Reshape",
        "Slice",
        "Pad",
        "Unsqueeze",
        "Squeeze",
        "Split",
        "Gather",
        "Expand",
        "Tile",
        "TopK",
        "Resize",
        "Clip",
        "ReduceMean",
        "ReduceSum",
        "ReduceMax",
        "Transpose",
        "Flatten",
        "Softmax",
        "LogSoftmax",
        "ArgMax",
        "LRN",
        "DepthToSpace",
        "SpaceToDepth",
        "HardSigmoid",
        "LeakyRelu",
        "Elu",
        "Gelu",
        "Selu",
        "Einsum",
        "Concat",
        "LpPool",
        "GlobalLpPool",
        "Hardmax",
        "CumSum",
        "Trilu",
        "LpNormalization",
        "ReduceL2",
        "Celu",
        "ThresholdedRelu",
        "Shrink",
        "Mish",
        "Erf",
        "Relu",
        "Sign",
        "Softplus",
    }
)


def value_of(kind: Any, rng: random.Random, sane: Any) -> Any:
    """An attribute's value: of the right type mostly, of any size."""
    name = kind.name
    if name == "INT":
        return rng.choice(INTS)
    if name == "FLOAT":
        return rng.choice(FLOATS)
    if name == "STRING":
        return rng.choice(WORDS)
    if name == "INTS":
        if sane is not None and rng.random() < 0.7:
            return list(sane)
        return [rng.choice(INTS[2:-2]) for _ in range(rng.choice((0, 1, 2, 2, 2, 3, 4, 4)))]
    if name == "FLOATS":
        return [rng.choice(FLOATS) for _ in range(rng.choice((0, 2, 4)))]
    return None


SANE = {
    "kernel_shape": (3, 2),
    "strides": (2, 1),
    "dilations": (1, 2),
    "pads": (1, 0, 1, 1),
    "perm": (0, 2, 3, 1),
    "axes": (2, 3),
    "output_padding": (1, 0),
    "output_shape": (12, 6),
}
ALWAYS: dict[str, dict[str, Any]] = {
    "MaxPool": {"kernel_shape": [3, 2]},
    "AveragePool": {"kernel_shape": [2, 3]},
    "LpPool": {"kernel_shape": [2, 2]},
    "Conv": {"group": 2},
    "LSTM": {"hidden_size": 3},
    "GRU": {"hidden_size": 3},
    "RNN": {"hidden_size": 3},
    "LRN": {"size": 3},
    "DepthToSpace": {"blocksize": 2},
    "SpaceToDepth": {"blocksize": 1},
    "Einsum": {"equation": "nchw,wd->nchd"},
    "Concat": {"axis": 1},
}


def made(name: str, rng: random.Random, opset: int) -> tuple[Any, Any]:
    """A model of one operator with attributes by chance, and its input."""
    schema = defs.get_schema(name, opset, "")
    attributes = dict(ALWAYS.get(name, {}))
    for key, found in schema.attributes.items():
        if rng.random() < (0.35 if key in attributes else 0.3):
            value = value_of(found.type, rng, SANE.get(key))
            if value is not None:
                attributes[key] = helper.make_attribute(key, value, attr_type=found.type.value)
    x = noise(*IMAGES)
    if name == "Gemm":
        x = noise(7, 30)
    elif name in ("LSTM", "GRU", "RNN"):
        x = noise(7, 4, 5)
    given: list[Any] = list(LAYERS.get(name, ())) or list(rng.choice(SETTINGS.get(name, [()])))
    if name == "CumSum":
        given = [np.array(1)]
    if schema.max_input < 1 + len(given):
        given = []
    inputs, constants = ["x"], []
    for place, array in enumerate(given):
        inputs.append("" if array is None else f"c{place}")
        if array is not None:
            constants.append(numpy_helper.from_array(np.asarray(array), f"c{place}"))
    if name == "Concat":
        inputs += ["x"]
    outputs = (
        ["y", "z"] if name in ("TopK", "Split") else ["", "y"] if name in ("LSTM", "GRU", "RNN") else ["y"]
    )
    node = helper.make_node(name, inputs, outputs, "op")
    for key, value in attributes.items():
        own = isinstance(value, onnx.AttributeProto)
        node.attribute.append(value if own else helper.make_attribute(key, value))
    if rng.random() < 0.05 and node.attribute:
        item = rng.choice(node.attribute)
        item.CopyFrom(helper.make_attribute(item.name, rng.choice([1.5, "text", [1, 2], [0.5]])))
    numbers = TensorProto.INT64 if name == "ArgMax" else TensorProto.FLOAT
    graph = helper.make_graph(
        [node],
        "one",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)],
        [helper.make_tensor_value_info("y", numbers, None)],
        initializer=constants,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8), x


def answer(model: Any, x: Any) -> Any:
    """onnxruntime's output; None where it has no code for the operator, an error where it refuses."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level, options.intra_op_num_threads = 4, 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    try:
        run = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        return run.run(None, {"x": x})[0]
    except Exception as error:
        if "NOT_IMPLEMENTED" in str(error) or "size_ % 2" in str(error):  # no LRN of even sizes there
            return None
        return error


def differs(model: Any, x: Any, path: Path) -> str:
    """What is wrong with what is read of a model; empty where nothing is."""
    path.write_bytes(model.SerializeToString())
    try:
        graph, weights = with_weights(path)
    except BadInput as error:
        text = str(error)
        return "" if "\n" not in text and "is not a usable" not in text else text
    expected = answer(model, x)
    if expected is None:
        return ""
    if isinstance(expected, Exception):
        return f"figures for what onnxruntime refuses: {expected}"[:400]
    shape = graph.output_shape
    total = int(np.prod([n or 0 for n in shape]))
    if None not in shape and expected.size not in (total, total * IMAGES[0]):
        return f"{shape} for {expected.shape}"
    try:
        module = lower(graph, weights)
    except ConvsmithError:
        return ""
    with torch.no_grad():
        found = module(torch.from_numpy(x))
    found = (found[0] if isinstance(found, tuple) else found).numpy()
    expected = as_the_graph_has_it(expected, found.shape)
    if found.shape != expected.shape:
        return f"{found.shape} for {expected.shape}"
    near = 1e-4 * (1 + np.nanmax(np.abs(expected[np.isfinite(expected)]), initial=0))
    close = np.isclose(found, expected, rtol=1e-3, atol=near, equal_nan=True)
    return "" if close.all() else f"other numbers: {np.abs(found - expected).max()}"


def as_the_graph_has_it(expected: Any, shape: tuple[int, ...]) -> Any:
    """The batch first and alone, volumes with their channels last."""
    batch = IMAGES[0]
    if batch in expected.shape:
        expected = np.moveaxis(expected, expected.shape.index(batch), 0)
    elif expected.ndim and expected.shape[0] % batch == 0:
        expected = expected.reshape(batch, -1, *expected.shape[1:])
    if expected.shape != shape and expected.ndim == 4:
        expected = expected.transpose(0, 3, 1, 2)
    return np.moveaxis(expected, 1, -1) if expected.ndim == 5 else expected


@pytest.mark.parametrize("opset", [13, 17, 22])
def test_attributes_by_chance(opset: int, tmp_path: Path) -> None:
    rng, wrong = random.Random(opset), []
    for _ in range(CASES):
        name = rng.choice(NAMES)
        try:
            model, x = made(name, rng, opset)
        except defs.SchemaError:
            continue
        said = differs(model, x, tmp_path / "net.onnx")
        if said:
            found = {a.name: helper.get_attribute_value(a) for a in model.graph.node[0].attribute}
            wrong.append(f"{name} {found} {list(model.graph.node[0].input)}: {said}")
    assert not wrong, "\n".join(wrong[:20])


def test_every_attribute_has_a_range() -> None:
    """Each attribute of each operator that is read is checked, or any value of it is fine."""
    free = {
        "value",
        "saturate",
        "seed",
        "sample_size",
        "stash_type",
        "activations",
        "equation",
        "dtype",
        "to",
    }
    open_ = {
        (schema.name, key)
        for schema in defs.get_all_schemas_with_history()
        if schema.name in OPERATORS and schema.domain == ""
        for key in schema.attributes
        if key not in ANYWHERE and key not in free
    }
    known = {
        "consumed_inputs",
        "mode",
        "paddings",
        "min",
        "max",
        "p",
        "round_mode",
        "output_sequence",
        "precision",
        "output_dtype",
        "block_size",
        "num_heads",
        "rotary_embedding_dim",
        "interleaved",
        "k",
        "ratio",
        "reduction",
    }
    assert {key for _, key in open_} <= known, open_


def test_sizes_by_factors_are_those_that_run(tmp_path: Path) -> None:
    """Rows times a rounded quotient: onnxruntime's number, not the one that was meant."""
    path, less = tmp_path / "net.onnx", 0
    for n, to in [(11, 13), *((n, to) for n in (3, 7, 10, 13, 21, 29) for to in (5, 11, 23, 31, 49))]:
        model, _ = made("Resize", random.Random(0), 17)
        del model.graph.node[0].attribute[:]
        del model.graph.initializer[:]
        model.graph.node[0].input[:] = ["x", "", "c1"]
        scales = np.array([1, 1, to / n, 1], FLOAT)
        model.graph.initializer.append(numpy_helper.from_array(scales, "c1"))
        model.graph.input[0].type.tensor_type.shape.dim[2].dim_value = n
        path.write_bytes(model.SerializeToString())
        graph, _ = with_weights(path)
        expected = answer(model, noise(7, 4, n, 5))
        assert graph.output_shape[0] == expected.shape[2], (n, to)
        less += expected.shape[2] < to
    assert less > 0
