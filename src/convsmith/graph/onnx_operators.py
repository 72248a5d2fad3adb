"""ONNX's operators as kinds: one short function for each form that differs from Keras's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from json import dumps
from typing import Any, Protocol

from ..errors import BadInput
from ..kinds import KINDS, Kind, Shape, window
from ..kinds.operation import Operation
from .onnx.check import called


@dataclass
class Value:
    """One ONNX tensor: the node that makes it, and whether it stands channels last in the file."""

    node: str
    shape: Shape
    last: bool = False


class Reading(Protocol):
    """The walk through a file, by what an operator asks of it."""

    constants: dict[str, Any]
    users: dict[str, list[Any]]
    biased: set[str]

    def add(
        self, output: str, title: str, kind: Kind, sources: tuple[Value, ...], last: bool = False
    ) -> Value: ...
    def array(self, name: str) -> Any: ...
    def numbers(self, name: str) -> list[int | None]: ...
    def dims(self, name: str) -> list[int]: ...


def made(name: str, *settings: Any, **more: Any) -> Kind:
    """A kind by name with its settings."""
    kind: Any = KINDS[name]
    return kind(*settings, **more)


def perm(node: Any) -> list[int]:
    return list(attributes(node).get("perm", [])) if node.op_type == "Transpose" else []


def attributes(node: Any) -> dict[str, Any]:
    from onnx import AttributeProto, helper

    plain = (
        AttributeProto.INT,
        AttributeProto.FLOAT,
        AttributeProto.STRING,
        AttributeProto.INTS,
        AttributeProto.FLOATS,
    )
    found = {}
    for item in node.attribute:
        if item.type in plain:
            value = helper.get_attribute_value(item)
            found[item.name] = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
            if isinstance(value, (list, tuple)) or hasattr(value, "append"):
                found[item.name] = list(value)
    return found


def _padded(
    reader: Reading, title: str, value: Value, a: dict[str, Any], kernel: list[int]
) -> tuple[Value, str]:
    """The tensor with its pads put around it, where they are not Keras's, and the padding's name."""
    strides, dilations = a.get("strides", [1, 1]), a.get("dilations", [1, 1])
    if a.get("auto_pad") == "SAME_UPPER":
        return value, "same"
    top, left, bottom, right = a.get("pads", [0, 0, 0, 0])
    if not any((top, left, bottom, right)) or len(value.shape) != 3 or len(kernel) != 2:
        return value, "valid"
    rows, columns, _ = value.shape
    same = None
    if None not in (rows, columns) or strides == [1, 1]:
        (fh, fw), (sh, sw), (dh, dw) = kernel, strides, dilations
        same = window.pads(rows, columns, (fh, fw), (sh, sw), "same", (dh, dw))
    if same == (top, bottom, left, right):
        return value, "same"
    around = made("ZeroPadding2D", ((top, bottom), (left, right)))
    return reader.add(f"{title} padded", f"{title}_pad", around, (value,)), "valid"


def _convolution(
    reader: Reading, node: Any, a: dict[str, Any], title: str, sources: tuple[Value, ...]
) -> Value:
    filters, inner, *kernel = reader.dims(node.input[1])
    groups, channels = a.get("group", 1), sources[0].shape[-1] or 0
    if a.get("kernel_shape", kernel) != kernel or (len(kernel) == 2 and inner * groups != channels):
        raise BadInput(
            called(node),
            f"its kernel_shape is {a.get('kernel_shape', kernel)}, its groups {groups} and its weights "
            f"{[filters, inner, *kernel]} on {channels} channels",
            "a kernel_shape and groups that are those of the weights",
        )
    bias = len(node.input) > 2 and bool(node.input[2])
    value, padding = _padded(reader, title, sources[0], a, kernel)
    shared = {
        "strides": tuple(a.get("strides", (1, 1))),
        "dilation_rate": tuple(a.get("dilations", (1, 1))),
        "padding": padding,
        "use_bias": bias,
    }
    if groups > 1 and groups == channels and filters % channels == 0 and inner == 1:
        kind = made("DepthwiseConv2D", tuple(kernel), depth_multiplier=filters // channels, **shared)
    else:
        kind = made("Conv2D", filters, tuple(kernel), groups=groups, **shared)
    return reader.add(node.output[0], title, kind, (value,))


def _pool(
    reader: Reading, node: Any, a: dict[str, Any], title: str, sources: tuple[Value, ...]
) -> Value | None:
    if a.get("ceil_mode") or a.get("dilations", [1, 1]) != [1, 1]:
        return None
    value, padding = _padded(reader, title, sources[0], a, a["kernel_shape"])
    name = "MaxPooling2D" if node.op_type == "MaxPool" else "AveragePooling2D"
    kind = made(name, tuple(a["kernel_shape"]), tuple(a.get("strides", (1, 1))), padding)
    return reader.add(node.output[0], title, kind, (value,))


def _dense(
    reader: Reading, node: Any, a: dict[str, Any], title: str, sources: tuple[Value, ...]
) -> Value | None:
    if len(sources) == 2 and node.op_type == "MatMul":
        return reader.add(node.output[0], title, Operation("numpy.Matmul"), sources)
    units = reader.dims(node.input[1])[0 if a.get("transB") else 1]
    bias, output = len(node.input) > 2, node.output[0]
    after = reader.users.get(output, [])
    if node.op_type == "MatMul" and len(after) == 1 and after[0].op_type == "Add" and after[0].name:
        added = [name for name in after[0].input if name in reader.constants]
        if added and reader.dims(added[0]) == [units]:
            reader.biased.add(after[0].name)
            bias, output = True, after[0].output[0]
    return reader.add(output, title, made("Dense", units, use_bias=bias), sources, sources[0].last)


def _between(reader: Reading, node: Any, a: dict[str, Any], title: str, sources: tuple[Value, ...]) -> Value:
    name = {"Add": "Add", "Mul": "Multiply", "Sub": "Subtract", "Max": "Maximum", "Min": "Minimum"}
    layer = name.get(node.op_type)
    if len(sources) > 1 and layer:
        return reader.add(node.output[0], title, made(layer), sources, sources[0].last)
    places = iter(range(len(sources)))
    args: list[Any] = []
    for taken in node.input:
        if taken not in reader.constants:
            args.append({"tensor": next(places)})
            continue
        array = reader.array(taken)
        if len(sources[0].shape) == 3 and array.ndim and not sources[0].last:
            array = array.reshape((1,) * (4 - array.ndim) + array.shape).transpose(0, 2, 3, 1)
        config = {"value": array.tolist(), "dtype": "float32"}
        args.append({"class_name": "__numpy__", "config": config} if array.ndim else float(array))
    function = {**name, "Div": "TrueDivide", "Pow": "Power"}[node.op_type]
    call = dumps({"args": args}, sort_keys=True, separators=(",", ":"))
    return reader.add(
        node.output[0], title, Operation(f"numpy.{function}", "", call), sources[:2], sources[0].last
    )


Read = Callable[[Reading, Any, dict[str, Any], str, tuple[Value, ...]], Value | None]


def _plain(make: Callable[[dict[str, Any]], Kind]) -> Read:
    """An operator on one tensor that is one kind, by its attributes alone; it treats each number alike."""
    return lambda reader, node, a, title, sources: reader.add(
        node.output[0], title, make(a), sources[:1], sources[0].last
    )


def _clip(
    reader: Reading, node: Any, a: dict[str, Any], title: str, sources: tuple[Value, ...]
) -> Value | None:
    low, high = a.get("min"), a.get("max")
    if len(node.input) > 1:
        low, high = (float(reader.array(name)) if name else None for name in (*node.input[1:3], "")[:2])
    return reader.add(node.output[0], title, made("ReLU", high), sources) if low == 0 else None


def _concat(
    reader: Reading, node: Any, a: dict[str, Any], title: str, sources: tuple[Value, ...]
) -> Value | None:
    axis, rank = a["axis"], len(sources[0].shape)
    if len(sources) < len(node.input):
        return None
    if rank == 3 and not sources[0].last:
        axis = (0, 3, 1, 2)[axis]
    return reader.add(node.output[0], title, made("Concatenate", axis), sources, sources[0].last)


def _flat(
    reader: Reading, node: Any, a: dict[str, Any], title: str, sources: tuple[Value, ...]
) -> Value | None:
    """Flatten, and a Reshape or Squeeze that does the same."""
    shape = sources[0].shape
    if node.op_type == "Flatten":
        flat = a.get("axis", 1) == 1
    elif node.op_type == "Reshape":
        target = [int(item) for item in reader.array(node.input[1])]
        flat = len(target) == 2
        if not flat and len(shape) == 1 and len(target) == 4 and target[2:] == [1, 1]:
            return reader.add(node.output[0], title, made("Reshape", (1, 1, shape[0])), sources)
        if sources[0].last or (len(shape) != 3 and len(target) != 4):
            # Channels last, or no channels at all: the numbers stand as in Keras.
            kept = [shape[place - 1] if item == 0 else item for place, item in enumerate(target[1:], 1)]
            return reader.add(node.output[0], title, made("Reshape", tuple(kept)), sources, len(kept) == 3)
    else:
        flat = shape[:2] == (1, 1)
    return reader.add(node.output[0], title, made("Flatten"), sources) if flat else None


def _mean(
    reader: Reading, node: Any, a: dict[str, Any], title: str, sources: tuple[Value, ...]
) -> Value | None:
    axes = a.get("axes") or [int(item) for item in reader.array(node.input[1])]
    images = [1, 2] if sources[0].last else [2, 3]
    if len(sources[0].shape) != 3 or sorted(axis % 4 for axis in axes) != images:
        return None
    keep = bool(a.get("keepdims", 1))
    name = "GlobalMaxPooling2D" if node.op_type == "ReduceMax" else "GlobalAveragePooling2D"
    return reader.add(node.output[0], title, made(name, keepdims=keep), sources, keep and sources[0].last)


def _pad(
    reader: Reading, node: Any, a: dict[str, Any], title: str, sources: tuple[Value, ...]
) -> Value | None:
    pads = a.get("pads") or [int(item) for item in reader.array(node.input[1])]
    if len(pads) != 8 or any((pads[0], pads[1], pads[4], pads[5])) or a.get("mode", "constant") != "constant":
        return None
    around = ((pads[2], pads[6]), (pads[3], pads[7]))
    return reader.add(node.output[0], title, made("ZeroPadding2D", around), sources)


def _slice(
    reader: Reading, node: Any, a: dict[str, Any], title: str, sources: tuple[Value, ...]
) -> Value | None:
    """Rows and columns cut off an image, every one that is left kept."""
    given = [
        a.get(name) or reader.numbers(taken)
        for name, taken in zip(
            ("starts", "ends", "axes", "steps"), [*node.input[1:], "", "", ""], strict=False
        )
        if name in a or taken
    ]
    starts, ends, axes = given[:3]
    if len(sources[0].shape) != 3 or sources[0].last or set(given[3] if len(given) > 3 else (1,)) != {1}:
        return None
    cut = {2: (0, 0), 3: (0, 0)}
    for start, end, axis in zip(starts, ends, axes, strict=True):
        n = sources[0].shape[axis % 4 - 2] if axis % 4 in cut else None
        if n is None:
            return None
        first, last, _ = slice(start, end).indices(n)
        cut[axis % 4] = (first, n - last)
    return reader.add(node.output[0], title, made("Cropping2D", (cut[2], cut[3])), sources)


def _resize(
    reader: Reading, node: Any, a: dict[str, Any], title: str, sources: tuple[Value, ...]
) -> Value | None:
    form = {"nearest": "nearest", "linear": "bilinear", "cubic": "bicubic"}.get(a.get("mode", "nearest"))
    stretched = a.get("keep_aspect_ratio_policy", "stretch") == "stretch"
    if len(sources[0].shape) != 3 or sources[0].last or form is None or not stretched:
        return None
    axes = [axis % 4 for axis in a.get("axes", (0, 1, 2, 3))]
    if len(node.input) > 3 and node.input[3]:
        given = dict(zip(axes, reader.numbers(node.input[3]), strict=True))
        height, width = (given.get(axis, sources[0].shape[axis - 2]) for axis in (2, 3))
        smooth = {"interpolation": form, "antialias": bool(a.get("antialias"))}
        return reader.add(node.output[0], title, made("Resizing", height, width, **smooth), sources[:1])
    given = dict(zip(axes, reader.array(node.input[2 if len(node.input) > 2 else 1]).tolist(), strict=True))
    scales = [given.get(axis, 1) for axis in (0, 1, 2, 3)]
    if scales[:2] != [1, 1] or any(scale != int(scale) for scale in scales[2:]):
        return None
    size = (int(scales[2]), int(scales[3]))
    return reader.add(node.output[0], title, made("UpSampling2D", size, interpolation=form), sources[:1])


def _softmax(
    reader: Reading, node: Any, a: dict[str, Any], title: str, sources: tuple[Value, ...]
) -> Value | None:
    last = len(sources[0].shape) if sources[0].last or len(sources[0].shape) != 3 else 1
    if a.get("axis", -1) not in ((-1, last) if last > 1 or len(sources[0].shape) == 1 else (1,)):
        return None
    return reader.add(node.output[0], title, made("Softmax"), sources, sources[0].last)


def _norm(a: dict[str, Any]) -> Kind:
    return made(
        "BatchNormalization", momentum=float(a.get("momentum", 0.9)), epsilon=float(a.get("epsilon", 1e-5))
    )


def _hard_sigmoid(
    reader: Reading, node: Any, a: dict[str, Any], title: str, sources: tuple[Value, ...]
) -> Value | None:
    """Keras's slope is 1/6; ONNX's own default is 1/5."""
    if abs(a.get("alpha", 0.2) - 1 / 6) > 1e-3:
        return None
    return _activation("hard_sigmoid")(reader, node, a, title, sources)


def _activation(name: str) -> Read:
    return _plain(lambda a: made("Activation", name))


OPERATORS: dict[str, Read] = {
    "Conv": _convolution,
    "MaxPool": _pool,
    "AveragePool": _pool,
    "Gemm": _dense,
    "MatMul": _dense,
    **dict.fromkeys(("Add", "Mul", "Sub", "Div", "Pow", "Max", "Min"), _between),
    "BatchNormalization": _plain(_norm),
    "Relu": _plain(lambda a: made("ReLU")),
    "LeakyRelu": _plain(lambda a: made("LeakyReLU", float(a.get("alpha", 0.01)))),
    "Elu": _plain(lambda a: made("ELU", float(a.get("alpha", 1.0)))),
    "Sigmoid": _activation("sigmoid"),
    "HardSigmoid": _hard_sigmoid,
    "HardSwish": _activation("hard_silu"),
    "Tanh": _activation("tanh"),
    "Softplus": _activation("softplus"),
    "Softsign": _activation("softsign"),
    "Selu": _activation("selu"),
    "Gelu": _activation("gelu"),
    "Exp": _activation("exponential"),
    "Erf": _plain(lambda a: Operation("math.Erf")),
    "Sqrt": _plain(lambda a: Operation("numpy.Sqrt")),
    "Neg": _plain(lambda a: Operation("numpy.Negative")),
    "Reciprocal": _plain(lambda a: Operation("numpy.Reciprocal")),
    "GlobalAveragePool": _plain(lambda a: made("GlobalAveragePooling2D", keepdims=True)),
    "GlobalMaxPool": _plain(lambda a: made("GlobalMaxPooling2D", keepdims=True)),
    "Clip": _clip,
    "Concat": _concat,
    "Flatten": _flat,
    "Reshape": _flat,
    "Squeeze": _flat,
    "ReduceMean": _mean,
    "ReduceMax": _mean,
    "Pad": _pad,
    "Resize": _resize,
    "Slice": _slice,
    "Softmax": _softmax,
}
