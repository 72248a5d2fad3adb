"""Operators of an ONNX file that treat each number alone: activations, and arithmetic between tensors."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ...kinds import Kind
from ...kinds.operation import Operation
from .constant import Constant
from .moved import in_keras_order, made, ordered, unmixed
from .op import Op, Reading
from .value import Value, broadcast

Read = Callable[[Reading, Op], Any]
MOST_INLINE = 4096
"""Numbers of an array that is a setting and no weight."""
FAR = 3.4028234663852886e38
"""The largest float32: an end of a range that the file leaves open."""
LAYERS = {"Add": "Add", "Mul": "Multiply", "Sub": "Subtract", "Max": "Maximum", "Min": "Minimum"}
FUNCTIONS = {**LAYERS, "Div": "TrueDivide", "Pow": "Power"}


def inline(value: Any) -> str:
    """A setting as the canonical JSON that kinds keep."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _plain(make: Callable[[dict[str, Any]], Kind], positive: bool = False) -> Read:
    """An operator on one tensor that is one kind, by its attributes alone."""
    return lambda reader, op: reader.add(op, make(op.a), op.value(), positive=positive)


def _activation(name: str, positive: bool = False) -> Read:
    return _plain(lambda a: made("Activation", name), positive)


def _function(name: str, positive: bool = False) -> Read:
    return _plain(lambda a: Operation(name), positive)


def between(reader: Reading, op: Op) -> Any:
    """Add, Sub, Mul, Div, Pow, and Max and Min of two: between tensors, or with a constant."""
    if len(op.inputs) == 1:
        return op.value()
    if len(op.inputs) > 2:
        return several(reader, op)
    one, other = op.inputs
    if op.opset < 7 and op.a.get("broadcast") and "axis" in op.a:
        rank = len(_sizes(one))
        tail = rank - op.a["axis"] % rank - len(_sizes(other))
        if not isinstance(other, Constant):
            return None
        kept = other
        sizes = (*kept.sizes, *[1] * tail)
        other = Constant(sizes, lambda: kept.array().reshape(sizes), kept.learned, kept.names, kept.kind)
    if isinstance(one, Value) and isinstance(other, Value):
        return _two(reader, op, one, other)
    if isinstance(one, Value) and isinstance(other, Constant):
        return _with(reader, op, one, other, first=True)
    if isinstance(other, Value) and isinstance(one, Constant):
        return _with(reader, op, other, one, first=False)
    return None


def _sizes(item: Any) -> Any:
    return item.dims if isinstance(item, Value) else item.sizes


def _stretched(op: Op, *items: Any) -> Any:
    try:
        return broadcast([_sizes(item) for item in items])
    except ValueError:
        shown = [list(_sizes(item)) for item in items]
        raise op.refuse(f"takes tensors of {shown}"[:300], "sizes that are equal, or 1") from None


def _two(reader: Reading, op: Op, one: Value, other: Value) -> Value:
    dims = _stretched(op, one, other)
    if len(one.dims) != len(other.dims) or one.batch != other.batch or set(one.axes) != set(other.axes):
        return reader.counted(op, dims)
    if one.mixed != other.mixed:
        one, other = unmixed(reader, one), unmixed(reader, other)
    if one.axes != other.axes:
        if (one.total or 0) < (other.total or 0):
            one = ordered(reader, one, other.axes)
        else:
            other = ordered(reader, other, one.axes)
    kind = made(LAYERS[op.type]) if op.type in LAYERS else Operation(f"numpy.{FUNCTIONS[op.type]}")
    name = reader.layer(op.title, kind, [one.node, other.node])
    positive = one.positive and other.positive and op.type != "Sub"
    return replace(one, node=name, dims=dims, positive=positive)


def arranged(value: Value, constant: Constant) -> tuple[tuple[int, ...], Callable[[], Any]]:
    """A constant's sizes and numbers as the Graph has the tensor that it meets, leading ones left out.

    Raises:
        ValueError: where it has a size for the batch.
    """
    rank = len(value.dims)
    whole = (1,) * (rank - len(constant.sizes)) + constant.sizes
    outside = [axis for axis in range(rank) if axis not in value.axes]
    if len(whole) > rank or any(whole[axis] != 1 for axis in outside):
        raise ValueError("a constant for each image of a batch")
    sizes = tuple(whole[axis] for axis in value.axes)
    while len(sizes) > 1 and sizes[0] == 1:
        sizes = sizes[1:]

    def numbers() -> Any:
        array = constant.array().reshape(whole).transpose(*outside, *value.axes).reshape(sizes)
        return in_keras_order(array, *value.mixed) if value.mixed and sizes != (1,) else array

    return sizes, numbers


def _with(reader: Reading, op: Op, value: Value, constant: Constant, first: bool) -> Value | None:
    """Arithmetic with a constant, the tensor coming first or second."""
    dims = _stretched(op, value, constant)
    if constant.count == 1 and len(constant.sizes) <= len(value.dims) and not constant.parameter:
        number = float(constant.array().reshape(-1)[0])
        if number == {"Mul": 1, "Add": 0}.get(op.type):
            return value
        positive = value.positive and number >= 0 and (op.type in ("Add", "Mul", "Max", "Pow") or first)
        positive = positive and op.type != "Sub"
        return _operation(reader, op, value, number, first, positive)
    if dims != value.dims:
        return reader.counted(op, dims)
    sizes, numbers = arranged(value, constant)
    if constant.learned and op.type in ("Add", "Sub", "Mul", "Div") and (first or op.type != "Div"):
        if op.type == "Sub" and not first:
            value = reader.add(op, Operation("numpy.Negative"), value)
        return _scale(reader, op, value, sizes, numbers, constant, first)
    if constant.count > MOST_INLINE or constant.kind == "object":
        return reader.counted(op, dims)
    nothing = {"Mul": 1, "Add": 0}.get(op.type)
    if nothing is not None and bool((constant.array() == nothing).all()):
        return value
    array = {"value": numbers()[None].tolist(), "dtype": "float32"}
    return _operation(reader, op, value, {"class_name": "__numpy__", "config": array}, first, False)


def _operation(reader: Reading, op: Op, value: Value, constant: Any, first: bool, positive: bool) -> Value:
    tensor = {"tensor": 0}
    call = inline({"args": [tensor, constant] if first else [constant, tensor]})
    return reader.add(op, Operation(f"numpy.{FUNCTIONS[op.type]}", "", call), value, positive=positive)


def _scale(
    reader: Reading, op: Op, value: Value, sizes: tuple[int, ...], numbers: Callable[[], Any],
    constant: Constant, first: bool,
) -> Value:  # fmt: skip
    """A learned array as the layer that it is: factors or offsets."""
    key = "gamma" if op.type in ("Mul", "Div") else "beta"
    turn = numbers
    if op.type == "Div":
        turn = lambda: 1 / numbers()  # noqa: E731
    elif op.type == "Sub" and first:
        turn = lambda: -numbers()  # noqa: E731
    kind = made("Scale", sizes, scale=key == "gamma", center=key == "beta")
    shared = (op.type, constant.names, value.mixed) if constant.names else ()
    return reader.add(op, kind, value, (), {key: turn}, shared)


def several(reader: Reading, op: Op) -> Any:
    """Sum, Mean, Max and Min of any number of tensors."""
    name = {"Sum": "Add", "Mean": "Average", "Max": "Maximum", "Min": "Minimum"}.get(op.type)
    if len(op.inputs) == 1:
        return op.value()
    if len(op.inputs) == 2 and op.type != "Mean":
        op.type = "Add" if op.type == "Sum" else op.type
        return between(reader, op)
    dims = _stretched(op, *op.inputs)
    values = op.values
    alike = all(len(v.dims) == len(dims) and set(v.axes) == set(values[0].axes) for v in values)
    if name is None or len(values) < len(op.inputs) or not alike:
        return reader.counted(op, dims)
    values = [ordered(reader, value, values[0].axes) for value in values]
    found = reader.layer(op.title, made(name), [value.node for value in values])
    return replace(values[0], node=found, dims=dims, positive=all(value.positive for value in values))


def _clip(reader: Reading, op: Op) -> Any:
    ends = []
    for name, place, otherwise in (("min", 1, -FAR), ("max", 2, FAR)):
        given = op.setting(name, place)
        ends.append(float(given[0]) if given else otherwise)
    low, high = (max(-FAR, min(FAR, end)) for end in ends)
    if low == 0 and high > 0:
        kind = made("ReLU", None if high == FAR else high)
    else:
        kind = Operation("numpy.Clip", inline({"x_min": low, "x_max": high}))
    return reader.add(op, kind, op.value(), positive=low >= 0)


def _prelu(reader: Reading, op: Op) -> Any:
    value, slope = op.value(), op.constant(1)
    if slope is None:
        return None
    if len(slope.sizes) == 1 and op.opset < 7 and len(value.dims) > 2 and slope.count > 1:
        kept, sizes = slope, (slope.count, *[1] * (len(value.dims) - 2))
        slope = Constant(sizes, lambda: kept.array().reshape(sizes), True, kept.names, kept.kind)
    if _stretched(op, value, slope) != value.dims:
        return None
    value = unmixed(reader, value)
    sizes, numbers = arranged(value, slope)
    whole = (1,) * (len(value.axes) - len(sizes)) + sizes
    shared = tuple(axis for axis, n in enumerate(whole, 1) if n == 1)
    if any(n not in (1, own) for n, own in zip(whole, value.shape, strict=True)):
        return None
    kind = made("PReLU", shared_axes=shared or None)
    return reader.add(op, kind, value, (), {"alpha": lambda: numbers().reshape(whole)}, (slope.names,))


def _hard_sigmoid(reader: Reading, op: Op) -> Any:
    """Keras's slope is 1/6; ONNX's own default is 1/5."""
    alpha, beta = op.a.get("alpha", 0.2), op.a.get("beta", 0.5)
    if abs(alpha - 1 / 6) < 1e-6 and beta == 0.5:
        return _activation("hard_sigmoid", positive=True)(reader, op)
    value, title = op.value(), op.title
    for name, number in (("Multiply", alpha), ("Add", beta)):
        op.title = f"{title}_{name.lower()}"
        call = inline({"args": [{"tensor": 0}, number]})
        value = reader.add(op, Operation(f"numpy.{name}", "", call), value)
    op.title = title
    kind = Operation("numpy.Clip", inline({"x_min": 0.0, "x_max": 1.0}))
    return reader.add(op, kind, value, positive=True)


def _selu(reader: Reading, op: Op) -> Any:
    usual = (
        abs(op.a.get("alpha", 1.67326) - 1.67326) < 1e-3 and abs(op.a.get("gamma", 1.0507) - 1.0507) < 1e-3
    )
    return _activation("selu")(reader, op) if usual else None


def _gelu(reader: Reading, op: Op) -> Any:
    if op.a.get("approximate") == "tanh":
        return reader.add(op, Operation("nn.Gelu", inline({"approximate": True})), op.value())
    return _activation("gelu")(reader, op)


def _swish(reader: Reading, op: Op) -> Any:
    return _activation("silu")(reader, op) if op.a.get("alpha", 1.0) == 1.0 else None


def _same(reader: Reading, op: Op) -> Any:
    """Passed on: the network's numbers stay what they are."""
    return op.value()


def _cast(reader: Reading, op: Op) -> Any:
    """Numbers of another type: the same, but where fractions are cut off."""
    from onnx import helper

    value = op.value()
    target = "float32" if op.type == "CastLike" else str(helper.tensor_dtype_to_np_dtype(op.a["to"]))
    if "float" in value.numbers and "float" not in target:
        return replace(reader.counted(op, value.dims, axes=None), numbers=target)
    return replace(value, numbers=target)


def _dropout(reader: Reading, op: Op) -> Any:
    given = op.setting("ratio", 1)
    rate = float(given[0]) if given else 0.5
    if not 0 <= rate < 1:
        raise op.refuse(f"its ratio is {rate}", "at least 0 and less than 1")
    return [reader.add(op, made("Dropout", rate), op.value(), positive=op.value().positive), None]


def _dynamic(reader: Reading, op: Op) -> Any:
    """Numbers as whole numbers, with the scale and the zero point that they have."""
    return [op.value(), reader.counted(op, ()), reader.counted(op, ())]


OPERATORS: dict[str, Read] = {
    **dict.fromkeys(("Add", "Mul", "Sub", "Div", "Pow"), between),
    **dict.fromkeys(("Sum", "Mean", "Max", "Min"), several),
    "Relu": _plain(lambda a: made("ReLU"), positive=True),
    "LeakyRelu": _plain(lambda a: made("LeakyReLU", float(a.get("alpha", 0.01)))),
    "Elu": _plain(lambda a: made("ELU", float(a.get("alpha", 1.0)))),
    "Sigmoid": _activation("sigmoid", positive=True), "HardSigmoid": _hard_sigmoid,
    "HardSwish": _activation("hard_silu"), "Tanh": _activation("tanh"),
    "Softplus": _activation("softplus", positive=True), "Softsign": _activation("softsign"),
    "Selu": _selu, "Gelu": _gelu, "Swish": _swish, "Mish": _activation("mish"),
    "Exp": _activation("exponential", positive=True), "Erf": _function("math.Erf"),
    "Sqrt": _function("numpy.Sqrt", positive=True), "Neg": _function("numpy.Negative"),
    "Reciprocal": _function("numpy.Reciprocal"), "Abs": _function("numpy.Absolute", positive=True),
    "Log": _function("numpy.Log"), "Sin": _function("numpy.Sin"), "Cos": _function("numpy.Cos"),
    "Clip": _clip, "PRelu": _prelu, "Identity": _same, "Cast": _cast, "CastLike": _cast,
    "Dropout": _dropout, "QuantizeLinear": _same, "DequantizeLinear": _same,
    "DynamicQuantizeLinear": _dynamic,
}  # fmt: skip
