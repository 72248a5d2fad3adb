"""What the C of a program calls for each of its operators."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Protocol

from .floats import window_pads
from .integers import (
    FUNCTIONS,
    bounds,
    multiplier,
    nearest_places,
    products,
    ratio,
    resize_weights,
    slopes,
    softmax_scale,
    sum_scales,
    table,
)
from .program import Op, Tensor

if TYPE_CHECKING:
    import numpy as np


class Source(Protocol):
    """What collects the calls."""

    whole: bool
    """Whether the numbers are int8."""

    def call(self, part: str, function: str, *arguments: Any) -> None:
        """A call of a function, which belongs to a part of the C beside this file."""

    def at(self, tensor: int) -> str:
        """The C expression of a tensor."""

    def array(self, data: np.ndarray, kind: str | None = None) -> str:
        """A constant array."""

    def ints(self, numbers: Iterable[int], kind: str = "int") -> str:
        """A small array of integers."""


def as_float(number: Any) -> str:
    """A float32 as C writes it, to the bit."""
    import numpy as np

    shown = repr(float(np.float32(number)))
    if "inf" in shown:
        return "FLT_MAX" if number > 0 else "-FLT_MAX"
    return f"{shown}f" if any(mark in shown for mark in ".e") else f"{shown}.0f"


def _window(op: Op, image: Tensor, kernel: tuple[int, int]) -> tuple[int, ...]:
    top, _, left, _ = window_pads(op, image.shape[1], image.shape[2], kernel)
    return (*op.options["strides"], *op.options.get("dilation", (1, 1)), top, left)


def _scales(made: Source, tensors: list[Tensor], out: Tensor, image: int) -> tuple[str, str]:
    found = products(tensors, out, image, 1)
    return made.ints((item[0] for item in found), "int32"), made.ints((item[1] for item in found), "int8")


def _zeros(image: Tensor, op: Op, out: Tensor) -> tuple[int, ...]:
    assert image.scale is not None
    assert out.scale is not None
    return image.scale.zero_point, out.scale.zero_point, *bounds(op, out)


def _limits(op: Op) -> tuple[str, str]:
    fused = op.options.get("fused") or op.code
    low = "0.0f" if fused in ("RELU", "RELU6") else "-FLT_MAX"
    return low, "6.0f" if fused == "RELU6" else "FLT_MAX"


def _conv(made: Source, op: Op, tensors: list[Tensor], out: Tensor) -> None:
    x, kernel = tensors[0], tensors[1]
    size = kernel.shape[1:3]
    window = _window(op, x, size)  # type: ignore[arg-type]
    head = (made.at(op.inputs[0]), *x.shape[1:], made.at(op.inputs[1]), *size)
    depthwise = op.code == "DEPTHWISE_CONV_2D"
    own = op.options["multiplier"] if depthwise else kernel.shape[3]
    shape = out.shape[1:3] if depthwise else out.shape[1:]
    bias = made.at(op.inputs[2])
    if made.whole:
        scales = _scales(made, tensors, out, 0)
        tail = (bias, *scales, made.at(op.output), *shape, *window, *_zeros(x, op, out))
    else:
        tail = (bias, made.at(op.output), *shape, *window, *_limits(op))
    made.call(op.code, op.code.lower(), *head, own, *tail)


def _transposed(made: Source, op: Op, tensors: list[Tensor], out: Tensor) -> None:
    _, kernel, x, _ = tensors
    (kh, kw), (sh, sw) = kernel.shape[1:3], op.options["strides"]
    top = max((x.shape[1] - 1) * sh + kh - out.shape[1], 0) // 2
    left = max((x.shape[2] - 1) * sw + kw - out.shape[2], 0) // 2
    head = (made.at(op.inputs[2]), *x.shape[1:], made.at(op.inputs[1]), kh, kw, made.at(op.inputs[3]))
    scales = _scales(made, tensors, out, 2) if made.whole else ()
    tail = _zeros(x, op, out) if made.whole else ()
    made.call(
        op.code,
        "transpose_conv",
        *head,
        *scales,
        made.at(op.output),
        *out.shape[1:],
        sh,
        sw,
        top,
        left,
        *tail,
    )


def _fully_connected(made: Source, op: Op, tensors: list[Tensor], out: Tensor) -> None:
    x, kernel, _ = tensors
    head = (made.at(op.inputs[0]), kernel.shape[1], made.at(op.inputs[1]), made.at(op.inputs[2]))
    if made.whole:
        ((whole, shift),) = products(tensors, out, 0, 1)
        tail = (whole, shift, made.at(op.output), kernel.shape[0], *_zeros(x, op, out))
    else:
        tail = (made.at(op.output), kernel.shape[0], *_limits(op))
    made.call(op.code, "fully_connected", *head, *tail)


def _pool(made: Source, op: Op, tensors: list[Tensor], out: Tensor) -> None:
    x, window = tensors[0], op.options["window"]
    top, _, left, _ = window_pads(op, x.shape[1], x.shape[2], window)
    made.call(
        op.code, op.code.lower(), made.at(op.inputs[0]), *x.shape[1:], made.at(op.output), *out.shape[1:3],
        *window, *op.options["strides"], top, left,
    )  # fmt: skip


def _mean(made: Source, op: Op, tensors: list[Tensor], out: Tensor) -> None:
    _, rows, columns, depth = tensors[0].shape
    tail: tuple[int, ...] = ()
    if made.whole:
        count = rows * columns
        whole, shift = ratio(tensors[0], out)
        bits = min(count.bit_length() - 1, 32, 31 + shift)
        tail = ((whole << bits) // count, shift - bits, *_zeros(tensors[0], op, out)[:2])
    made.call(op.code, "mean", made.at(op.inputs[0]), rows * columns, depth, made.at(op.output), *tail)


def _reduce_max(made: Source, op: Op, tensors: list[Tensor], out: Tensor) -> None:
    _, rows, columns, depth = tensors[0].shape
    made.call(op.code, "reduce_max", made.at(op.inputs[0]), rows * columns, depth, made.at(op.output))


def _stretched(made: Source, op: Op, tensors: list[Tensor], out: Tensor) -> tuple[Any, ...]:
    """Two inputs with the steps between their numbers, 0 where a size of 1 stretches."""
    found: list[Any] = []
    for tensor, held in zip(op.inputs, tensors, strict=True):
        shape = (1,) * (4 - len(held.shape)) + held.shape
        steps = [0 if size == 1 else math.prod(shape[at + 1 :]) for at, size in enumerate(shape)]
        found += [made.at(tensor), made.ints(steps)]
    return (*found, made.at(op.output), made.ints((1,) * (4 - len(out.shape)) + out.shape))


def _zero(tensor: Tensor) -> int:
    assert tensor.scale is not None
    return tensor.scale.zero_point


def _add(made: Source, op: Op, tensors: list[Tensor], out: Tensor) -> None:
    first, second, last = sum_scales(tensors[0], tensors[1], out)
    made.call(
        "ADD", "add", *_stretched(made, op, tensors, out), *first, _zero(tensors[0]), *second,
        _zero(tensors[1]), 1 if op.code == "ADD" else -1, *last, _zero(out), *bounds(op, out),
    )  # fmt: skip


def _mul(made: Source, op: Op, tensors: list[Tensor], out: Tensor) -> None:
    a, b = tensors
    assert a.scale is not None
    assert b.scale is not None
    assert out.scale is not None
    scale = multiplier(a.scale.scales[0] * b.scale.scales[0] / out.scale.scales[0])
    made.call(
        "MUL", "mul", *_stretched(made, op, tensors, out), _zero(a), _zero(b), *scale, _zero(out),
        *bounds(op, out),
    )  # fmt: skip


def _extreme(made: Source, op: Op, tensors: list[Tensor], out: Tensor) -> None:
    made.call("extreme", "extreme", *_stretched(made, op, tensors, out), int(op.code == "MAXIMUM"))


def _prelu(made: Source, op: Op, tensors: list[Tensor], out: Tensor) -> None:
    above, below = slopes(op, tensors, out)
    made.call(
        "PRELU",
        "prelu",
        *_stretched(made, op, tensors, out),
        *map(_zero, tensors),
        *above,
        *below,
        _zero(out),
    )


def _requantized(made: Source, op: Op, tensors: list[Tensor], out: Tensor) -> None:
    above, below = slopes(op, tensors, out)
    made.call(
        "requantize", "requantize", made.at(op.inputs[0]), out.size, made.at(op.output), _zero(tensors[0]),
        *above, *below, _zero(out), *bounds(op, out),
    )  # fmt: skip


def _lookup(made: Source, op: Op, tensors: list[Tensor], out: Tensor) -> None:
    answers = made.ints(table(op, tensors[0], out), "int8")
    made.call("lookup", "lookup", made.at(op.inputs[0]), out.size, made.at(op.output), answers)


def _softmax(made: Source, op: Op, tensors: list[Tensor], out: Tensor) -> None:
    scale = tensors[0].scale
    tail = softmax_scale(scale.scales[0]) if scale is not None else ()
    made.call("SOFTMAX", "softmax", made.at(op.inputs[0]), out.size, out.shape[-1], made.at(op.output), *tail)


def _bilinear(made: Source, op: Op, tensors: list[Tensor], out: Tensor) -> None:
    x = tensors[0]
    if made.whole:
        down, right = (
            made.ints((n for row in resize_weights(x.shape[i], out.shape[i]) for n in row), "int16")
            for i in (1, 2)
        )
        made.call(
            op.code, "resize_bilinear", made.at(op.inputs[0]), *x.shape[2:], made.at(op.output),
            *out.shape[1:3], down, right,
        )  # fmt: skip
    else:
        made.call(
            op.code,
            "resize_bilinear",
            made.at(op.inputs[0]),
            *x.shape[1:],
            made.at(op.output),
            *out.shape[1:3],
        )


def _between(what: str) -> Form:
    def form(made: Source, op: Op, tensors: list[Tensor], out: Tensor) -> None:
        limits = _limits(op)
        made.call("between", "between", f"'{what}'", *_stretched(made, op, tensors, out), *limits)

    return form


def _each(part: str, function: str) -> Form:
    def form(made: Source, op: Op, tensors: list[Tensor], out: Tensor) -> None:
        tail: tuple[str, ...] = _limits(op) if part == "clip" else ()
        tail = (as_float(op.options["alpha"]),) if part == "LEAKY_RELU" else tail
        made.call(part, function, made.at(op.inputs[0]), out.size, made.at(op.output), *tail)

    return form


def _copy(made: Source, op: Op, tensors: list[Tensor], out: Tensor) -> None:
    made.call("copy", "copy", made.at(op.inputs[0]), out.size, made.at(op.output))


def _pad(made: Source, op: Op, tensors: list[Tensor], out: Tensor) -> None:
    sides = tensors[1].data
    assert sides is not None
    (top, bottom), (left, right) = sides[1].tolist(), sides[2].tolist()
    value = _zero(out) if made.whole else "0.0f"
    made.call(
        "pad", "pad", made.at(op.inputs[0]), *tensors[0].shape[1:], made.at(op.output), top, bottom, left,
        right, value,
    )  # fmt: skip


def _slice(made: Source, op: Op, tensors: list[Tensor], out: Tensor) -> None:
    begin = tensors[1].data
    assert begin is not None
    made.call(
        "slice", "slice", made.at(op.inputs[0]), *tensors[0].shape[2:], made.at(op.output), int(begin[1]),
        int(begin[2]), *out.shape[1:3],
    )  # fmt: skip


def _concatenate(made: Source, op: Op, tensors: list[Tensor], out: Tensor) -> None:
    axis = op.options["axis"]
    whole, start = math.prod(out.shape[axis:]), 0
    for tensor, held in zip(op.inputs, tensors, strict=True):
        length = math.prod(held.shape[axis:])
        made.call(
            "concatenate", "concatenate", made.at(tensor), math.prod(held.shape[:axis]), length,
            f"{made.at(op.output)} + {start}", whole,
        )  # fmt: skip
        start += length


def _transpose(made: Source, op: Op, tensors: list[Tensor], out: Tensor) -> None:
    shape, order = tensors[0].shape, tensors[1].data
    assert order is not None
    steps = [math.prod(shape[int(axis) + 1 :]) for axis in order]
    ahead = (1,) * (4 - len(shape))
    made.call(
        "transpose", "transpose", made.at(op.inputs[0]), made.at(op.output), made.ints(ahead + out.shape),
        made.ints([0] * len(ahead) + steps),
    )  # fmt: skip


def _nearest(made: Source, op: Op, tensors: list[Tensor], out: Tensor) -> None:
    x = tensors[0]
    places = (
        made.ints(nearest_places(x.shape[i], out.shape[i], op.options["half_pixel"]).tolist(), "int16")
        for i in (1, 2)
    )
    made.call(
        "nearest",
        "nearest",
        made.at(op.inputs[0]),
        *x.shape[2:],
        made.at(op.output),
        *out.shape[1:3],
        *places,
    )


Form = Callable[[Source, Op, list[Tensor], Tensor], None]
SHARED: dict[str, Form] = {
    "AVERAGE_POOL_2D": _pool,
    "CONV_2D": _conv,
    "DEPTHWISE_CONV_2D": _conv,
    "FULLY_CONNECTED": _fully_connected,
    "MAX_POOL_2D": _pool,
    "MEAN": _mean,
    "REDUCE_MAX": _reduce_max,
    "RESIZE_BILINEAR": _bilinear,
    "SOFTMAX": _softmax,
    "TRANSPOSE_CONV": _transposed,
}
MOVES: dict[str, Form] = {
    "CONCATENATION": _concatenate,
    "PAD": _pad,
    "RESHAPE": _copy,
    "RESIZE_NEAREST_NEIGHBOR": _nearest,
    "SLICE": _slice,
    "TRANSPOSE": _transpose,
}
INT8: dict[str, Form] = SHARED | {
    "ADD": _add,
    "LEAKY_RELU": _requantized,
    "MAXIMUM": _extreme,
    "MINIMUM": _extreme,
    "MUL": _mul,
    "PRELU": _prelu,
    "QUANTIZE": _requantized,
    "RELU": _requantized,
    "RELU6": _requantized,
    "SUB": _add,
    **dict.fromkeys(FUNCTIONS, _lookup),
}
FLOAT: dict[str, Form] = SHARED | {
    "ADD": _between("+"),
    "ELU": _each("ELU", "elu"),
    "HARD_SWISH": _each("HARD_SWISH", "hard_swish"),
    "LEAKY_RELU": _each("LEAKY_RELU", "leaky_relu"),
    "LOGISTIC": _each("LOGISTIC", "logistic"),
    "MAXIMUM": _between(">"),
    "MINIMUM": _between("<"),
    "MUL": _between("*"),
    "PRELU": _between("p"),
    "RELU": _each("clip", "clip"),
    "RELU6": _each("clip", "clip"),
    "SUB": _between("-"),
    "TANH": _each("TANH", "hyperbolic"),
}
