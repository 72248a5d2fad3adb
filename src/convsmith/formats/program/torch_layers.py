"""What each kind of layer is in a PyTorch program, and where its weights go."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np

from ...errors import BadInput
from ...graph import Graph, Node
from ...kinds import window
from ...kinds.operation import Operation
from .terms import Arg, Literal, Term, Weight

EXACT = {"relu": "nn.ReLU", "relu6": "nn.ReLU6", "elu": "nn.ELU", "selu": "nn.SELU", "gelu": "nn.GELU",
         "silu": "nn.SiLU", "swish": "nn.SiLU", "sigmoid": "nn.Sigmoid", "hard_sigmoid": "nn.Hardsigmoid",
         "hard_silu": "nn.Hardswish", "hard_swish": "nn.Hardswish", "tanh": "nn.Tanh", "mish": "nn.Mish",
         "softplus": "nn.Softplus", "softsign": "nn.Softsign", "celu": "nn.CELU"}  # fmt: skip
"""Activations that torch has a module for, with the same constants."""
MERGES = {"Add": "Add", "Multiply": "Multiply", "Concatenate": "Concatenate", "Average": "Average",
          "Maximum": "Maximum", "Minimum": "Minimum", "Subtract": "Subtract"}  # fmt: skip
Rule = Callable[[Graph, Node], list[Term] | None]


def torch_layers(graph: Graph, node: Node) -> list[Term]:
    """A node with one input as modules in a row.

    Raises:
        BadInput: for a kind that no program says.
    """
    rule = RULES.get(node.kind_name)
    if node.owner != node.name:
        raise BadInput(f"layer {node.name}", f"shares the weights of {node.owner}", "a layer of its own")
    found = None if rule is None else rule(graph, node)
    if found is None:
        raise BadInput(
            f"layer {node.name} ({node.kind_name})", "has no form in a program", f"one of {', '.join(RULES)}",
            "an .onnx or .keras file",
        )  # fmt: skip
    return found


def torch_merge(graph: Graph, node: Node) -> str:
    """The class that joins branches as a node does."""
    if node.kind_name == "Concatenate":
        rank = len(graph.shapes[node.name])
        if getattr(node.kind, "axis", -1) not in (-1, rank):
            raise BadInput(f"layer {node.name}", "joins along another axis than the channels", "the channels")
    if node.kind_name in MERGES:
        return MERGES[node.kind_name]
    function = getattr(node.kind, "function", "").removeprefix("numpy.")
    if isinstance(node.kind, Operation) and function in ("Add", "Multiply") and not node.kind.call:
        return function
    raise BadInput(
        f"layer {node.name} ({node.kind.label})", "has no form in a program", f"one of {', '.join(MERGES)}"
    )


def _arg(value: Any, role: str, keyword: str = "", default: Any = None) -> Arg:
    return Arg(value, role, keyword or role, default)


def _channels(graph: Graph, node: Node) -> int:
    return int(graph.input_shapes(node)[0][-1] or 0)


def _one(pair: Any) -> Any:
    return pair[0] if len(set(pair)) == 1 else tuple(pair)


def _sides(pads: tuple[int, int, int, int], fill: str = "nn.ZeroPad2d") -> Term:
    top, bottom, left, right = pads
    value = Arg(top if len(set(pads)) == 1 else (left, right, top, bottom), "sides")
    return Term(fill, (value, Arg(float("-inf"))) if fill == "nn.ConstantPad2d" else (value,))


def _pads(graph: Graph, node: Node) -> window.Pads:
    kind: Any = node.kind
    rows, columns, *_ = graph.input_shapes(node)[0]
    return window.pads(rows, columns, kind.kernel_size, kind.strides, kind.padding, kind.dilation_rate)


def _padding(pads: tuple[int, int, int, int]) -> tuple[list[Term], Any]:
    """A module in front where pads are uneven, and the layer's own padding."""
    top, bottom, left, right = pads
    if top == bottom and left == right:
        return [], _one((top, left))
    return [_sides(pads)], 0


def activation(graph: Graph, node: Node, name: str | None) -> list[Term] | None:
    """The module of an activation by Keras's name."""
    if name in (None, "linear"):
        return []
    if name == "leaky_relu":
        return [Term("nn.LeakyReLU", (Arg(0.2, "slope"),))]
    if name in ("softmax", "log_softmax"):
        last = "nn.Softmax" if name == "softmax" else "nn.LogSoftmax"
        return [Term(last, (_arg(1, "dim"),))] if len(graph.shapes[node.name]) in (1, 3) else None
    return [Term(EXACT[name])] if name in EXACT else None


def _with_activation(rule: Rule) -> Rule:
    def whole(graph: Graph, node: Node) -> Any:
        made, more = rule(graph, node), activation(graph, node, getattr(node.kind, "activation", None))
        return None if made is None or more is None else made + more

    return whole


def _convolution(graph: Graph, node: Node) -> list[Term]:
    kind: Any = node.kind
    before, padding = _padding(_pads(graph, node))
    channels = _channels(graph, node)
    deep = node.kind_name == "DepthwiseConv2D"
    width = channels * kind.depth_multiplier if deep else kind.filters

    def turned(kernel: Any) -> Any:
        if deep:
            return kernel.transpose(2, 3, 0, 1).reshape(width, 1, *kernel.shape[:2])
        return kernel.transpose(3, 2, 0, 1)

    return [*before, _window(node, "nn.Conv2d", channels, width, kind.kernel_size, turned, (
        _arg(_one(kind.strides), "stride", default=1), _arg(padding, "padding", default=0),
        _arg(_one(kind.dilation_rate), "dilation", default=1),
        _arg(channels if deep else kind.groups, "groups", default=1),
    ))]  # fmt: skip


def _window(
    node: Node, name: str, channels: int, width: int, kernel: Any, turn: Callable[[Any], Any], more: Any
) -> Term:
    bias = bool(getattr(node.kind, "use_bias", True))
    weights: tuple[Weight, ...] = (Weight("weight", f"{node.name}/kernel", turn),)
    weights += (Weight("bias", f"{node.name}/bias"),) if bias else ()
    args = (Arg(channels, "channels"), Arg(width, "width"), Arg(_one(kernel), "kernel"))
    return Term(name, (*args, *more, _arg(bias, "bias", default=True)), weights)


def _separable(graph: Graph, node: Node) -> list[Term]:
    kind: Any = node.kind
    before, padding = _padding(_pads(graph, node))
    channels = _channels(graph, node)
    inner = channels * kind.depth_multiplier
    deep = Weight(
        "weight", f"{node.name}/depthwise_kernel",
        lambda kernel: kernel.transpose(2, 3, 0, 1).reshape(inner, 1, *kernel.shape[:2]),
    )  # fmt: skip
    first = Term("nn.Conv2d", (
        Arg(channels, "channels"), Arg(inner, "inner"), Arg(_one(kind.kernel_size), "kernel"),
        _arg(_one(kind.strides), "stride", default=1), _arg(padding, "padding", default=0),
        _arg(_one(kind.dilation_rate), "dilation", default=1), _arg(channels, "groups", default=1),
        _arg(False, "bias"),
    ), (deep,))  # fmt: skip
    point = Weight("weight", f"{node.name}/pointwise_kernel", lambda kernel: kernel.transpose(3, 2, 0, 1))
    bias = (Weight("bias", f"{node.name}/bias"),) if kind.use_bias else ()
    second = Term("nn.Conv2d", (
        Arg(inner, "inner"), Arg(kind.filters, "width"), Arg(1, "kernel"),
        _arg(kind.use_bias, "bias", default=True),
    ), (point, *bias))  # fmt: skip
    return [*before, first, second]


def _dense(graph: Graph, node: Node) -> list[Term] | None:
    rank, channels = len(graph.input_shapes(node)[0]), _channels(graph, node)
    kind: Any = node.kind
    if rank == 3:
        turned = lambda kernel: kernel.T[:, :, None, None]  # noqa: E731
        return [_window(node, "nn.Conv2d", channels, kind.units, (1, 1), turned, ())]
    if rank != 1:
        return None
    weights: tuple[Weight, ...] = (Weight("weight", f"{node.name}/kernel", np.transpose),)
    weights += (Weight("bias", f"{node.name}/bias"),) if kind.use_bias else ()
    args = (Arg(channels, "channels"), Arg(kind.units, "width"), _arg(kind.use_bias, "bias", default=True))
    return [Term("nn.Linear", args, weights)]


def _norm(graph: Graph, node: Node) -> list[Term] | None:
    kind: Any = node.kind
    rank, channels = len(graph.input_shapes(node)[0]), _channels(graph, node)
    if rank not in (1, 3) or kind.axis not in (-1, rank) or kind.scale != kind.center:
        return None
    places = (("weight", "gamma"), ("bias", "beta")) if kind.scale else ()
    weights = tuple(Weight(name, f"{node.name}/{source}") for name, source in places)
    affine = _arg(kind.scale, "affine", default=True)
    if node.kind_name == "GroupNormalization":
        groups = channels if kind.groups == -1 else kind.groups
        epsilon = _arg(kind.epsilon, "eps", default=1e-5)
        args = (Arg(groups, "groups"), Arg(channels, "channels"), epsilon, affine)
        return [Term("nn.GroupNorm", args, weights)]
    weights += tuple(
        Weight(name, f"{node.name}/{source}")
        for name, source in (("running_mean", "moving_mean"), ("running_var", "moving_variance"))
    )
    weights += (Weight("num_batches_tracked", "", lambda _: np.zeros((), np.int64)),)
    momentum = round(1 - kind.momentum, 12)
    epsilon, speed = _arg(kind.epsilon, "eps", default=1e-5), _arg(momentum, "momentum", default=0.1)
    name = "nn.BatchNorm2d" if rank == 3 else "nn.BatchNorm1d"
    return [Term(name, (Arg(channels, "channels"), epsilon, speed, affine), weights)]


def _pool(graph: Graph, node: Node) -> list[Term] | None:
    kind: Any = node.kind
    pads = kind.pads(graph.input_shapes(node)[0])
    largest = node.kind_name == "MaxPooling2D"
    even = pads[0] == pads[1] and pads[2] == pads[3] and 2 * max(pads) <= min(kind.pool_size)
    before, padding = ([], _one((pads[0], pads[2]))) if even else ([_sides(pads, "nn.ConstantPad2d")], 0)
    if not even and not largest:
        return None
    size, steps = _one(kind.pool_size), _one(kind.steps)
    args = (Arg(size, "kernel"), Arg(steps, "stride"), _arg(padding, "padding", default=0))
    more = () if largest or padding == 0 else (_arg(False, "count_include_pad"),)
    return [*before, Term("nn.MaxPool2d" if largest else "nn.AvgPool2d", (*args, *more))]


def _global_pool(graph: Graph, node: Node) -> list[Term]:
    largest = node.kind_name == "GlobalMaxPooling2D"
    pool = Term("nn.AdaptiveMaxPool2d" if largest else "nn.AdaptiveAvgPool2d", (Arg(1),))
    return [pool] if getattr(node.kind, "keepdims", False) else [pool, Term("nn.Flatten")]


def _flatten(graph: Graph, node: Node) -> list[Term] | None:
    shape = graph.input_shapes(node)[0]
    if len(shape) == 1:
        return []
    if len(shape) != 3:
        return None
    return [Term("nn.Flatten" if shape[:2] == (1, 1) else "ChannelsLast")]


def _relu(graph: Graph, node: Node) -> list[Term] | None:
    kind: Any = node.kind
    if kind.threshold:
        return None
    if kind.max_value is None:
        slope = (Arg(kind.negative_slope, "slope"),)
        return [Term("nn.LeakyReLU", slope) if kind.negative_slope else Term("nn.ReLU")]
    if kind.negative_slope:
        return None
    return [Term("nn.ReLU6")] if kind.max_value == 6 else [Term("nn.Hardtanh", (Arg(0), Arg(kind.max_value)))]


def _rescaling(graph: Graph, node: Node) -> list[Term] | None:
    kind: Any = node.kind
    if len(graph.input_shapes(node)[0]) != 3:
        return None
    return [
        Term("Rescale", (Arg(_of_channels(kind.scale), "scale"), Arg(_of_channels(kind.offset), "offset")))
    ]


def _of_channels(value: Any) -> Any:
    """A number, or one for each channel; nine digits tell float32 numbers apart."""
    if isinstance(value, int | float):
        return value
    return Literal(f"torch.tensor([{', '.join(f'{item:.9g}' for item in value)}]).view(-1, 1, 1)")


def _resizing(graph: Graph, node: Node) -> list[Term]:
    kind: Any = node.kind
    mode = {"nearest": "nearest-exact"}.get(kind._form(), kind._form())
    args = (Arg((kind.height, kind.width), "size"), Arg(mode, "mode"))
    return [Term("Resize", (*args, _arg(kind.antialias, "antialias", default=False)))]


def _upsampling(graph: Graph, node: Node) -> list[Term] | None:
    kind: Any = node.kind
    if kind.interpolation not in ("nearest", "bilinear"):
        return None
    args = (_arg(_one(kind.size), "scale_factor"), _arg(kind.interpolation, "mode", default="nearest"))
    return [Term("nn.Upsample", args)]


def _cropping(graph: Graph, node: Node) -> list[Term]:
    (top, bottom), (left, right) = node.kind.cropping  # type: ignore[attr-defined]
    return [_sides((-top, -bottom, -left, -right))]


def _pad(graph: Graph, node: Node) -> list[Term]:
    (top, bottom), (left, right) = node.kind.padding  # type: ignore[attr-defined]
    return [_sides((top, bottom, left, right))]


def _operation(graph: Graph, node: Node) -> list[Term] | None:
    kind: Any = node.kind
    options = json.loads(kind.configuration or "{}")
    over = options.get("axis")
    rank = len(graph.input_shapes(node)[0])
    if kind.function == "numpy.Mean" and over in (-1, rank) and options.get("keepdims") and rank == 3:
        return [Term("Grey")]
    return None


def _dropout(graph: Graph, node: Node) -> list[Term]:
    name = "nn.Dropout2d" if node.kind_name == "SpatialDropout2D" else "nn.Dropout"
    return [Term(name, (Arg(node.kind.rate, "rate"),))]  # type: ignore[attr-defined]


def _activation(graph: Graph, node: Node) -> list[Term] | None:
    return activation(graph, node, getattr(node.kind, "activation", None))


def _softmax(graph: Graph, node: Node) -> list[Term] | None:
    along_channels = getattr(node.kind, "axis", None) == -1
    return activation(graph, node, "softmax") if along_channels else None


def _one_number(name: str, setting: str) -> Callable[[Graph, Node], list[Term]]:
    """A module of one number, which is a setting of the layer."""
    return lambda graph, node: [Term(name, (Arg(getattr(node.kind, setting)),))]


RULES: dict[str, Callable[[Graph, Node], Any]] = {
    "Conv2D": _with_activation(_convolution), "DepthwiseConv2D": _with_activation(_convolution),
    "SeparableConv2D": _with_activation(_separable), "Dense": _with_activation(_dense),
    "BatchNormalization": _norm, "GroupNormalization": _norm,
    "MaxPooling2D": _pool, "AveragePooling2D": _pool,
    "GlobalAveragePooling2D": _global_pool, "GlobalMaxPooling2D": _global_pool, "Flatten": _flatten,
    "Activation": _activation, "ReLU": _relu, "LeakyReLU": _one_number("nn.LeakyReLU", "negative_slope"),
    "ELU": _one_number("nn.ELU", "alpha"), "Softmax": _softmax,
    "Dropout": _dropout, "SpatialDropout2D": _dropout, "Rescaling": _rescaling, "Resizing": _resizing,
    "UpSampling2D": _upsampling, "ZeroPadding2D": _pad, "Cropping2D": _cropping, "Operation": _operation,
    "Identity": lambda graph, node: [],
}  # fmt: skip
