"""Operators of an ONNX file that look along axes: normalisations, softmax, means, the largest."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ...kinds.operation import Operation
from .constant import Constant
from .moved import channels_last, in_keras_order, made, ordered, reshaped, unmixed
from .moving import axes_of, axis_of
from .numbers import inline
from .op import Op, Reading
from .sizes import Size, per_image
from .value import Value
from .windows import names_of

_MEANS = {
    "ReduceMean": "numpy.Mean", "ReduceSum": "numpy.Sum", "ReduceMax": "numpy.Max", "ReduceMin": "numpy.Min",
    "ReduceLogSumExp": "math.Logsumexp",
}  # fmt: skip


def _per_channel(op: Op, channels: Any, *constants: Any) -> None:
    for item in constants:
        if isinstance(item, Constant) and isinstance(channels, int) and item.count != channels:
            raise op.refuse(f"has {channels} channels and {list(item.sizes)} numbers", "one for each channel")


def batch_norm(reader: Reading, op: Op) -> Any:
    value, constants = op.value(), op.inputs[1:5]
    given = [item for item in constants if item is not None]
    if len(value.dims) < 2 or not all(isinstance(item, Constant) for item in given) or None in constants[2:]:
        return None
    outputs, training = len(op.node.output), op.a.get("training_mode", 0)
    if op.opset >= 14 and outputs != (3 if training else 1):
        raise op.refuse(
            f"its training_mode is {training} and it has {outputs} outputs", "3 in training, else 1"
        )
    if op.a.get("spatial", 1) == 0 and len(value.dims) > 2:
        return reader.counted(op, value.dims)
    _per_channel(op, value.dims[1], *constants)
    kind = made(
        "BatchNormalization",
        momentum=float(op.a.get("momentum", 0.9)),
        epsilon=float(op.a.get("epsilon", 1e-5)),
        scale=constants[0] is not None,
        center=constants[1] is not None,
    )
    names = ("gamma", "beta", "moving_mean", "moving_variance")
    mixed = value.mixed
    if len(value.dims) > 2:
        value = channels_last(reader, value)
        mixed = None

    def turned(constant: Any) -> Any:
        array = constant.array().reshape(-1)
        return in_keras_order(array, *mixed) if mixed else array

    arrays = {
        name: (lambda constant=constant: turned(constant))
        for name, constant in zip(names, constants, strict=True)
        if constant is not None
    }
    if value.axes[-1:] != (1,):
        return None
    found = reader.add(op, kind, value, (), arrays, (*names_of(*given), mixed) if names_of(*given) else ())
    return [found, *[None] * (len(op.node.output) - 1)]


def instance_norm(reader: Reading, op: Op) -> Any:
    """InstanceNormalization, and GroupNormalization of as many groups as it says."""
    value, scale, bias = op.value(), op.constant(1), op.constant(2)
    channels = value.dims[1] if len(value.dims) > 2 else None
    if not isinstance(channels, int) or scale is None or bias is None or not value.is_plain:
        return None
    groups = op.a["num_groups"] if op.type == "GroupNormalization" else channels
    if channels % groups:
        raise op.refuse(f"has {channels} channels in {groups} groups", "groups that divide them")
    arrays = {}
    for name, item in (("gamma", scale), ("beta", bias)):
        if item.count not in (channels, groups):
            raise op.refuse(f"has {channels} channels and {list(item.sizes)} numbers", "one for each")
        arrays[name] = _repeated(item, channels)
    with_ones = [_is_setting(scale, 1), _is_setting(bias, 0)]
    kind = made(
        "GroupNormalization", groups, epsilon=float(op.a.get("epsilon", 1e-5)), scale=not with_ones[0],
        center=not with_ones[1],
    )  # fmt: skip
    return reader.add(op, kind, channels_last(reader, value), (), arrays, names_of(scale, bias))


def _is_setting(item: Constant, value: float) -> bool:
    """Whether a constant is no weight, but the number that changes nothing."""
    return not item.learned and item.is_small and bool((item.array() == value).all())


def _repeated(item: Constant, channels: int) -> Any:
    return lambda: item.array().reshape(-1).repeat(channels // item.count)


def layer_norm(reader: Reading, op: Op) -> Any:
    value, scale, bias = op.value(), op.constant(1), op.input(2)
    rank = len(value.dims)
    axis = axis_of(op, op.a.get("axis", -1), rank)
    tail = list(range(axis, rank))
    if (
        (scale is None and op.input(1) is not None)
        or isinstance(bias, Value)
        or not set(tail) <= set(value.axes)
        or any(op.node.output[1:])
    ):
        return None
    sizes = tuple(value.dims[place] for place in tail)
    if any(item is not None and item.sizes != sizes and item.sizes != sizes[-1:] for item in (scale, bias)):
        raise op.refuse(f"normalises {list(sizes)} with arrays of other sizes", "one number for each")
    if (scale is not None and scale.sizes != sizes) or (isinstance(bias, Constant) and bias.sizes != sizes):
        return None
    front = [place for place in value.axes if place not in tail]
    value = ordered(reader, value, [*front, *tail])
    axes = tuple(range(-len(tail), 0))
    kind = made(
        "LayerNormalization", axis=-1 if len(axes) == 1 else axes, epsilon=float(op.a.get("epsilon", 1e-5)),
        scale=scale is not None, center=bias is not None,
    )  # fmt: skip
    arrays = {name: item.array for name, item in (("gamma", scale), ("beta", bias)) if item is not None}
    return reader.add(op, kind, value, (), arrays, names_of(scale, bias))


def local_norm(reader: Reading, op: Op) -> Any:
    value = op.value()
    if len(value.dims) != 4 or not value.is_plain:
        return reader.counted(op, value.dims)
    settings = {
        name: float(op.a.get(name, usual)) for name, usual in (("alpha", 1e-4), ("beta", 0.75), ("bias", 1.0))
    }
    kind = made("LocalResponseNormalization", op.a["size"], **settings)
    return reader.add(op, kind, channels_last(reader, value), positive=value.positive)


def softmax(reader: Reading, op: Op) -> Any:
    """Softmax and LogSoftmax: along one axis, or before opset 13 along all from one axis on."""
    value, rank = op.value(), len(op.value().dims)
    axis = axis_of(op, op.a.get("axis", -1 if op.opset >= 13 else 1), rank) if rank else 0
    kind = made("Activation", "log_softmax") if op.type == "LogSoftmax" else made("Softmax")
    if op.opset < 13:
        wide = [place for place in range(axis, rank) if value.dims[place] != 1]
        if len(wide) > 1:
            return _flat_softmax(reader, op, value, axis, kind)
        axis = wide[0] if wide else axis
    if axis not in value.axes or op.type == "Hardmax":
        return reader.counted(op, value.dims)
    if value.mixed is None and value.axes[-1] != axis:
        value = ordered(reader, value, [*(place for place in value.axes if place != axis), axis])
    found = reader.add(op, kind, value, positive=op.type == "Softmax")
    ones = len(value.axes) > 1 and all(per_image(value.dims[place]) == 1 for place in value.axes[:-1])
    return found if not ones else replace(found, axes=value.axes)


def _flat_softmax(reader: Reading, op: Op, value: Value, axis: int, kind: Any) -> Any:
    """All axes from one on as a single row, then back."""
    parts: list[Size] = [*value.dims[:axis], 1]
    total = 1
    for place in range(axis, len(value.dims)):
        n = value.dims[place]
        if not isinstance(n, int):
            return reader.counted(op, value.dims)
        total *= n
    parts[-1] = total
    row = reshaped(reader, unmixed(reader, value), parts, f"{op.title}_flat")
    if row is None or op.type == "Hardmax":
        return reader.counted(op, value.dims)
    if row.mixed is None and row.axes[-1] != axis:
        row = ordered(reader, row, [*(place for place in row.axes if place != axis), axis])
    found = unmixed(reader, reader.add(op, kind, row, positive=op.type == "Softmax"))
    return reshaped(reader, found, value.dims, f"{op.title}_back")


def _reduced(value: Value, axes: list[int], keep: bool) -> list[Size]:
    return [1 if place in axes else n for place, n in enumerate(value.dims) if keep or place not in axes]


def reduce(reader: Reading, op: Op) -> Any:
    """ReduceMean and its like: over an image's rows and columns a global pool."""
    value, rank = op.value(), len(op.value().dims)
    given = op.setting("axes", 1)
    if not given and op.a.get("noop_with_empty_axes"):
        alone = op.type in ("ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceProd")
        return value if alone else reader.counted(op, value.dims)
    axes = axes_of(op, given or range(rank), rank)
    keep = bool(op.a.get("keepdims", 1))
    dims = _reduced(value, axes, keep)
    function = _MEANS.get(op.type)
    if function is None or not set(axes) <= set(value.axes) or not axes:
        return reader.counted(op, dims)
    positive = value.positive and op.type != "ReduceLogSumExp"
    value = unmixed(reader, value)
    images = {2, 3} if value.axes == (2, 3, 1) else {1, 2} if value.axes == (1, 2, 3) else None
    if set(axes) == images and op.type in ("ReduceMean", "ReduceMax"):
        name = "GlobalMaxPooling2D" if op.type == "ReduceMax" else "GlobalAveragePooling2D"
        kind: Any = made(name, keepdims=keep)
    else:
        places = sorted(value.axes.index(axis) + 1 for axis in axes)
        kind = Operation(function, inline({"axis": places, "keepdims": keep}))
    name = reader.layer(op.title, kind, [value.node])
    if keep:
        return replace(value, node=name, dims=tuple(dims), positive=positive)
    left = tuple(axis - sum(gone < axis for gone in axes) for axis in value.axes if axis not in axes)
    return Value(name, tuple(dims), left, None, positive)


def largest(reader: Reading, op: Op) -> Any:
    """ArgMax and ArgMin: the place of the largest or smallest number."""
    value = op.value()
    axis = axis_of(op, op.a.get("axis", 0), len(value.dims))
    dims = _reduced(value, [axis], bool(op.a.get("keepdims", 1)))
    return replace(reader.counted(op, dims), numbers="int64")


def top(reader: Reading, op: Op) -> Any:
    """TopK: the largest numbers and their places."""
    value = op.value()
    axis = axis_of(op, op.a.get("axis", -1), len(value.dims))
    count = op.setting("k", 1)
    dims = list(value.dims)
    dims[axis] = count[0] if count and isinstance(count[0], int) else None
    n = value.dims[axis]
    if isinstance(n, int) and isinstance(dims[axis], int) and not 1 <= dims[axis] <= n:  # type: ignore[operator]
        raise op.refuse(f"takes the {dims[axis]} largest of {n}", f"1 to {n}")
    return [reader.counted(op, dims), replace(reader.counted(op, dims), numbers="int64")]


def same_sizes(reader: Reading, op: Op) -> Any:
    """An operator whose output has its input's sizes."""
    value = op.value()
    if "axis" in op.a:
        axis_of(op, op.a["axis"], len(value.dims))
    return reader.counted(op, value.dims, axes=value.axes if value.mixed is None else None)


OPERATORS = {
    "BatchNormalization": batch_norm, "InstanceNormalization": instance_norm,
    "GroupNormalization": instance_norm, "LayerNormalization": layer_norm, "LRN": local_norm,
    "Softmax": softmax, "LogSoftmax": softmax, "Hardmax": softmax,
    **dict.fromkeys(
        ("ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceLogSumExp", "ReduceProd", "ReduceL1",
         "ReduceL2", "ReduceSumSquare", "ReduceLogSum"), reduce,
    ),
    "ArgMax": largest, "ArgMin": largest, "TopK": top,
    **dict.fromkeys(
        ("LpNormalization", "MeanVarianceNormalization", "RMSNormalization", "CumSum", "CumProd", "Trilu",
         "ScatterND", "ScatterElements", "Scatter", "ReverseSequence", "Bernoulli", "RotaryEmbedding",
         "ThresholdedRelu", "Shrink", "Celu", "Sign", "Floor", "Ceil", "Round", "RandomNormalLike",
         "RandomUniformLike"), same_sizes,
    ),
}  # fmt: skip
