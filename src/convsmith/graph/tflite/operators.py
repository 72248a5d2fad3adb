"""Operators of LiteRT as layers: one function each, from an operator with what it takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...kinds import Kind
from ...kinds.activation import Activation
from ...kinds.add import Add
from ...kinds.average_pooling2d import AveragePooling2D
from ...kinds.concatenate import Concatenate
from ...kinds.conv2d import Conv2D
from ...kinds.conv2d_transpose import Conv2DTranspose
from ...kinds.dense import Dense
from ...kinds.depthwise_conv2d import DepthwiseConv2D
from ...kinds.flatten import Flatten
from ...kinds.global_average_pooling2d import GlobalAveragePooling2D
from ...kinds.global_max_pooling2d import GlobalMaxPooling2D
from ...kinds.leaky_re_lu import LeakyReLU
from ...kinds.max_pooling2d import MaxPooling2D
from ...kinds.maximum import Maximum
from ...kinds.minimum import Minimum
from ...kinds.multiply import Multiply
from ...kinds.p_re_lu import PReLU
from ...kinds.permute import Permute
from ...kinds.reshape import Reshape
from ...kinds.resizing import Resizing
from ...kinds.softmax import Softmax
from ...kinds.subtract import Subtract
from ...kinds.zero_padding2d import ZeroPadding2D
from .step import Refused, Step

_FUSED = {0: None, 1: "relu", 3: "relu6", 4: "tanh"}
_PADDINGS = {0: "same", 1: "valid"}


def _fused(step: Step, slot: int) -> str | None:
    number = step.option(slot, "b")
    if number not in _FUSED:
        raise Refused
    return _FUSED[number]


def _then(kind: Kind, fused: str | None) -> list[Kind]:
    return [kind] if fused is None else [kind, Activation(fused)]


def _padding(step: Step) -> str:
    return _PADDINGS.get(step.option(0, "b"), "valid")


def _strides(step: Step) -> tuple[int, int]:
    return step.option(2, "i", 1), step.option(1, "i", 1)


def _convolution(step: Step) -> list[Kind]:
    filters, rows, columns, channels = step.constant(1).shape
    groups, left = divmod(step.shapes[0][-1] or 0, channels)
    if left or not groups:
        raise Refused
    return [
        Conv2D(
            filters, (rows, columns), _strides(step), _padding(step),
            dilation_rate=(step.option(5, "i", 1), step.option(4, "i", 1)), groups=groups,
            activation=_fused(step, 3), use_bias=step.has_bias,
        )
    ]  # fmt: skip


def _depthwise(step: Step) -> list[Kind]:
    _, rows, columns, outputs = step.constant(1).shape
    multiplier, left = divmod(outputs, step.shapes[0][-1] or 1)
    if left or not multiplier:
        raise Refused
    return [
        DepthwiseConv2D(
            (rows, columns), _strides(step), _padding(step), multiplier,
            dilation_rate=(step.option(6, "i", 1), step.option(5, "i", 1)),
            activation=_fused(step, 4), use_bias=step.has_bias,
        )
    ]  # fmt: skip


def _transposed(step: Step) -> list[Kind]:
    filters, rows, columns, _ = step.constant(1).shape  # the sizes of the output come first
    bias = len(step.tensors) > 3 and step.tensors[3] is not None
    kind = Conv2DTranspose(filters, (rows, columns), _strides(step), _padding(step), use_bias=bias)
    return [kind]


def _dense(step: Step) -> list[Kind]:
    units, taken = step.constant(1).shape
    shape = step.shapes[0]
    dense = Dense(units, activation=_fused(step, 0), use_bias=step.has_bias)
    return [dense] if shape[-1] == taken and len(step.output.shape) == len(shape) + 1 else [Flatten(), dense]


def _pool(kind: type[Kind]) -> Callable[[Step], list[Kind]]:
    def made(step: Step) -> list[Kind]:
        window = step.option(4, "i", 1), step.option(3, "i", 1)
        return _then(kind(window, _strides(step), _padding(step)), _fused(step, 5))  # type: ignore[call-arg]

    return made


def _over_pixels(kind: type[Kind]) -> Callable[[Step], list[Kind]]:
    def made(step: Step) -> list[Kind]:
        if len(step.shapes[0]) != 3 or sorted(step.constant(1).ints() or ()) != [1, 2]:
            raise Refused
        return [kind(keepdims=len(step.output.shape) == 4)]  # type: ignore[call-arg]

    return made


def _both(kind: type[Kind], slot: int | None = 0) -> Callable[[Step], list[Kind]]:
    def made(step: Step) -> list[Kind]:
        if len(step.shapes) < 2:
            raise Refused  # one of them is a constant
        return _then(kind(), None if slot is None else _fused(step, slot))

    return made


def _activation(name: str) -> Callable[[Step], list[Kind]]:
    return lambda step: [Activation(name)]


def _concatenate(step: Step) -> list[Kind]:
    axis, rank = step.option(0, "i"), len(step.output.shape)
    if not step.shapes or len(step.shapes) != len(step.tensors) or axis % rank == 0:
        raise Refused
    return _then(Concatenate(axis=axis % rank), _fused(step, 1))


def _reshape(step: Step) -> list[Kind]:
    shape = step.output.shape[1:]
    return [Flatten()] if len(shape) == 1 else [Reshape(shape)]


def _pad(step: Step) -> list[Kind]:
    pads = step.constant(1).ints() or ()
    if len(pads) != 8 or any(pads[:2]) or any(pads[6:]):
        raise Refused
    return [ZeroPadding2D(((pads[2], pads[3]), (pads[4], pads[5])))]


def _resize(interpolation: str) -> Callable[[Step], list[Kind]]:
    def made(step: Step) -> list[Kind]:
        rows, columns = step.output.shape[1:3]
        return [Resizing(rows, columns, interpolation)]

    return made


def _permute(step: Step) -> list[Kind]:
    order = step.constant(1).ints() or ()
    if not order or order[0] != 0:
        raise Refused
    return [Permute(tuple(order[1:]))]


def _prelu(step: Step) -> list[Kind]:
    alpha, shape = step.constant(1).shape, step.shapes[0]
    sizes = (1,) * (len(shape) - len(alpha)) + alpha[-len(shape) :]
    shared = tuple(axis for axis, (a, size) in enumerate(zip(sizes, shape, strict=True), 1) if a != size)
    return [PReLU(shared_axes=shared or None)]


def _leaky(step: Step) -> list[Kind]:
    return [LeakyReLU(float(step.option(0, "f", 0.0)))]


OPERATORS: dict[str, Callable[[Step], list[Any]]] = {
    "ADD": _both(Add), "AVERAGE_POOL_2D": _pool(AveragePooling2D), "CONCATENATION": _concatenate,
    "CONV_2D": _convolution, "DEPTHWISE_CONV_2D": _depthwise, "ELU": _activation("elu"),
    "EXP": _activation("exponential"), "FULLY_CONNECTED": _dense, "GELU": _activation("gelu"),
    "HARD_SWISH": _activation("hard_silu"), "LEAKY_RELU": _leaky, "LOGISTIC": _activation("sigmoid"),
    "LOG_SOFTMAX": _activation("log_softmax"), "MAXIMUM": _both(Maximum, None),
    "MAX_POOL_2D": _pool(MaxPooling2D), "MEAN": _over_pixels(GlobalAveragePooling2D),
    "MINIMUM": _both(Minimum, None), "MUL": _both(Multiply), "PAD": _pad, "PRELU": _prelu,
    "REDUCE_MAX": _over_pixels(GlobalMaxPooling2D), "RELU": _activation("relu"),
    "RELU6": _activation("relu6"), "RESHAPE": _reshape, "RESIZE_BILINEAR": _resize("bilinear"),
    "RESIZE_NEAREST_NEIGHBOR": _resize("nearest"), "SOFTMAX": lambda step: [Softmax()],
    "SQUEEZE": _reshape, "SUB": _both(Subtract), "TANH": _activation("tanh"), "TRANSPOSE": _permute,
    "TRANSPOSE_CONV": _transposed,
}  # fmt: skip
"""Operator -> the layers that do the same; `Refused` where none do."""
