"""Keras's functions of tensors as ONNX operators (opset 18); images come and go as NCHW."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from .activation import activation_onnx
from .kind import OnnxWriter, Shape, ShapeError, image
from .patches import patches

_SAME = {
    "Absolute": "Abs", "Exp": "Exp", "Log": "Log", "Negative": "Neg", "Reciprocal": "Reciprocal",
    "Sqrt": "Sqrt", "Sin": "Sin", "Cos": "Cos", "Erf": "Erf", "Identity": "Identity",
    "StopGradient": "Identity",
}  # fmt: skip
_ACTIVATIONS = {
    "Tanh": "tanh", "Relu": "relu", "Relu6": "relu6", "Sigmoid": "sigmoid", "Silu": "silu", "Gelu": "gelu",
    "Selu": "selu", "HardSigmoid": "hard_sigmoid", "HardSilu": "hard_silu", "Softplus": "softplus",
    "Softsign": "softsign", "LogSigmoid": "log_sigmoid", "TanhShrink": "tanh_shrink", "HardTanh": "hard_tanh",
    "SparsePlus": "sparse_plus", "SparseSigmoid": "sparse_sigmoid",
}  # fmt: skip
_BETWEEN = {
    "Add": "Add", "Subtract": "Sub", "Multiply": "Mul", "Divide": "Div", "TrueDivide": "Div", "Power": "Pow",
    "Maximum": "Max", "Minimum": "Min",
}  # fmt: skip
_OVER = {"Mean": "ReduceMean", "Max": "ReduceMax", "Min": "ReduceMin", "Sum": "ReduceSum"}


class OperationLike(Protocol):
    """What is written: an `Operation`, by what is asked of it."""

    @property
    def function(self) -> str: ...
    @property
    def output(self) -> int: ...
    @property
    def options(self) -> dict[str, Any]: ...
    def arguments(self, count: int) -> tuple[list[Any], dict[str, Any]]: ...
    def shape(self, *inputs: Shape) -> Shape: ...
    def _axes(self, axis: Any, rank: int) -> set[int]: ...


def write_operation(which: OperationLike, write: OnnxWriter, names: list[str], inputs: list[Shape]) -> str:
    """The operation as ONNX operators; the name of its output."""
    name, options = which.function.partition(".")[2], which.options
    args, _ = which.arguments(len(names))
    image = len(inputs[0]) == 3
    if name in _SAME:
        return write.node(_SAME[name], names)
    if name in _ACTIVATIONS and not options.get("approximate"):
        return activation_onnx(write, _ACTIVATIONS[name], names[0], inputs[0])
    if name in _BETWEEN:
        values = [_value(item, write, names, len(inputs[0])) for item in args[:2]]
        return write.node(_BETWEEN[name], values)
    if name == "Square":
        return write.node("Mul", [names[0], names[0]])
    if name == "Rsqrt":
        return write.node("Reciprocal", [write.node("Sqrt", names)])
    if name == "LeakyRelu":
        return write.node("LeakyRelu", names, alpha=float(options.get("negative_slope", 0.2)))
    if name in ("HardShrink", "SoftShrink"):
        edge = float(options.get("threshold", 0.5))
        return write.node("Shrink", names, lambd=edge, bias=edge if name == "SoftShrink" else 0.0)
    if name == "Celu":
        return write.node("Celu", names, alpha=float(options.get("alpha", 1.0)))
    if name == "Squareplus" and options.get("b", 4) == 4:
        return activation_onnx(write, "squareplus", names[0], inputs[0])
    if name == "Glu" and options.get("axis", -1) in (-1, len(inputs[0])):
        return activation_onnx(write, "glu", names[0], inputs[0])
    if name == "Elu":
        return write.node("Elu", names, alpha=float(options.get("alpha", 1.0)))
    if name == "Clip":
        ends = [_number(write, options["x_min"]), _number(write, options["x_max"])]
        return write.node("Clip", [names[0], *ends])
    if name == "ReLU":
        from .re_lu import ReLU

        kind = ReLU(
            options.get("max_value"), options.get("negative_slope", 0.0), options.get("threshold", 0.0)
        )
        return kind.onnx(write, names, inputs, {})
    if name in ("Softmax", "LogSoftmax") and options.get("axis") in (-1, len(inputs[0])):
        return activation_onnx(write, "softmax" if name == "Softmax" else "log_softmax", names[0], inputs[0])
    if name == "ExtractPatches":
        return _patches(options, write, names[0], inputs[0])
    ins = [_last(write, item, shape) for item, shape in zip(names, inputs, strict=True)]
    out = _in_keras_layout(which, name, options, write, ins, inputs)
    return _first(write, out, which.shape(*inputs)) if image or len(which.shape(*inputs)) == 3 else out


def _in_keras_layout(
    which: OperationLike,
    name: str,
    o: dict[str, Any],
    write: OnnxWriter,
    names: list[str],
    inputs: list[Shape],
) -> str:
    axis, rank = o.get("axis"), len(inputs[0])
    shape = which.shape(*inputs)
    if name in _OVER:
        axes = sorted(place + 1 for place in which._axes(axis, rank))
        return write.node(_OVER[name], [names[0], _whole(write, axes)], keepdims=int(bool(o.get("keepdims"))))
    if name == "Einsum":
        return write.node("Einsum", names, equation=o["subscripts"].replace(" ", ""))
    if name == "Matmul":
        return write.node("MatMul", names)
    if name == "Concatenate":
        return write.node("Concat", names, axis=axis)
    if name == "Transpose":
        return write.node("Transpose", names, perm=list(o["axes"]))
    if name in ("Reshape", "Squeeze", "ExpandDims") and None not in shape:
        return write.node("Reshape", [names[0], _whole(write, [0, *shape])])
    if name == "Split" and None not in inputs[0]:
        (place,) = which._axes(axis, rank)
        where = o["indices_or_sections"]
        n = inputs[0][place] or 0
        edges = (
            [0, *where, n] if isinstance(where, list) else [n // where * part for part in range(where + 1)]
        )
        limits = [[edges[which.output]], [edges[which.output + 1]], [place + 1]]
        return write.node("Slice", [names[0], *(_whole(write, item) for item in limits)])
    raise ShapeError(f"the operation {name}", "one that has an ONNX form")


def _patches(options: dict[str, Any], write: OnnxWriter, name: str, shape: Shape) -> str:
    """Patches as a convolution of kernels that are 1 at one place and 0 elsewhere."""
    found, (_, _, channels) = patches(options, shape), image(shape, "extract_patches")
    high, wide = found.size
    ones = np.eye(high * wide * channels, dtype=np.float32)
    kernel = ones.reshape(-1, high, wide, channels).transpose(0, 3, 1, 2)
    top, bottom, left, right = found.pads
    return write.node(
        "Conv", [name, write.constant(np.ascontiguousarray(kernel))], kernel_shape=[high, wide],
        strides=list(found.strides), dilations=list(found.dilation), pads=[top, left, bottom, right],
    )  # fmt: skip


def _last(write: OnnxWriter, name: str, shape: Shape) -> str:
    return write.node("Transpose", [name], perm=[0, 2, 3, 1]) if len(shape) == 3 else name


def _first(write: OnnxWriter, name: str, shape: Shape) -> str:
    return write.node("Transpose", [name], perm=[0, 3, 1, 2]) if len(shape) == 3 else name


def _whole(write: OnnxWriter, values: Any) -> str:
    return write.constant(np.array(values, dtype=np.int64))


def _number(write: OnnxWriter, value: Any) -> str:
    return write.constant(np.asarray(value, dtype=np.float32))


def _value(item: Any, write: OnnxWriter, names: list[str], rank: int) -> str:
    """A tensor's name, or a constant brought into the tensors' layout."""
    if isinstance(item, dict) and "tensor" in item:
        return names[item["tensor"]]
    value = np.asarray(item["config"]["value"] if isinstance(item, dict) else item, dtype=np.float32)
    if rank == 3 and value.ndim:
        value = value.reshape((1,) * (4 - value.ndim) + value.shape).transpose(0, 3, 1, 2)
    return write.constant(value)
