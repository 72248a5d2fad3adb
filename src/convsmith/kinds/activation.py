"""Activation: a function of each number alone, by Keras's name; also the table of those functions."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..errors import BadInput, BadName
from .kind import KINDS, Kind, OnnxWriter, Shape, ShapeError, kind
from .origin import is_keras, title

if TYPE_CHECKING:
    import numpy as np
    import torch


@kind
class Activation(Kind):
    """Keras's Activation."""

    activation: str | None = "linear"

    def module(self, *inputs: Shape) -> torch.nn.Module:
        from torch import nn

        return nn.Identity()

    def onnx(
        self, write: OnnxWriter, names: list[str], inputs: list[Shape], weights: dict[str, np.ndarray]
    ) -> str:
        return names[0]


ACROSS = ("softmax", "log_softmax", "glu")
"""Activations that look at all channels of a place together; all others treat each number alone."""


def activated(shape: Shape, activation: str | None) -> Shape:
    """The shape behind an activation: "glu" halves the channels, all others keep the shape.

    Raises:
        ShapeError: where the channels have no halves.

    Example:
        >>> activated((5, 8), "glu"), activated((5, 8), "relu")
        ((5, 4), (5, 8))
    """
    if activation != "glu":
        return shape
    if not shape or (shape[-1] is not None and shape[-1] % 2):
        raise ShapeError(f"glu of the shape {shape}", "an even number of channels", "twice as many")
    return (*shape[:-1], None if shape[-1] is None else shape[-1] // 2)


LAYERS_AS_ACTIVATION = ("ReLU", "LeakyReLU", "ELU", "Softmax")
"""Keras's layers without weights that are given as an activation, e.g. ``Dense(8, activation=ReLU(6.0))``."""


def activation_layer(setting: str) -> Kind | None:
    """The layer that was given as an activation; None for an activation by name.

    Raises:
        BadInput: for a function or a layer that is not Keras's own.
    """
    if not setting.startswith("{"):
        return None
    entry = json.loads(setting)
    name = entry.get("class_name")
    if name not in LAYERS_AS_ACTIVATION or not is_keras(entry, "layers"):
        raise BadInput(
            "activation",
            f"got {title(entry)} of the program's own, whatever its name",
            "one of keras.activations",
            "a layer of its own behind it, taught as docs/how-to/add-a-layer-kind.md shows",
        )
    return KINDS[name].from_config(entry.get("config") or {})


def activation_module(name: str) -> torch.nn.Module:
    """The torch module of an activation by Keras's name, with Keras's constants.

    Args:
        name: the name, or a layer given as an activation as canonical JSON.

    Raises:
        BadName: for a name that is not in the table.
        BadInput: for a function or a layer that is not Keras's own.
    """
    layer = activation_layer(name)
    if layer is not None:
        return layer.module((None,))
    from torch import nn

    from . import _torch, _torch_activations

    table: dict[str, Callable[[], torch.nn.Module]] = {
        "linear": nn.Identity,
        "relu": nn.ReLU,
        "relu6": nn.ReLU6,
        "leaky_relu": lambda: nn.LeakyReLU(0.2),
        "elu": nn.ELU,
        "selu": nn.SELU,
        "gelu": nn.GELU,
        "silu": nn.SiLU,
        "swish": nn.SiLU,
        "sigmoid": nn.Sigmoid,
        "hard_sigmoid": _torch.HardSigmoid,
        "hard_silu": nn.Hardswish,
        "hard_swish": nn.Hardswish,
        "tanh": nn.Tanh,
        "softplus": nn.Softplus,
        "softsign": nn.Softsign,
        "mish": nn.Mish,
        "exponential": _torch.Exponential,
        "softmax": _torch.Softmax,
        "log_softmax": lambda: _torch.Softmax(log=True),
        "celu": nn.CELU,
        "log_sigmoid": nn.LogSigmoid,
        "hard_shrink": nn.Hardshrink,
        "soft_shrink": nn.Softshrink,
        "tanh_shrink": nn.Tanhshrink,
        "hard_tanh": nn.Hardtanh,
        "squareplus": _torch_activations.SquarePlus,
        "sparse_plus": _torch_activations.SparsePlus,
        "sparse_sigmoid": _torch_activations.SparseSigmoid,
        "glu": _torch_activations.GLU,
    }
    if name not in table:
        raise BadName("activation", name, table)
    return table[name]()


def activation_onnx(write: OnnxWriter, name: str, value: str, shape: Shape) -> str:
    """The activation as ONNX operators; returns the output's name.

    Args:
        value: the name of the tensor that it is applied to.
        shape: that tensor's shape before the activation, without the batch, channels last.

    Raises:
        BadName: for a name that is not in the table.
    """
    import numpy as np

    axis = 1 if len(shape) == 3 else -1
    simple: dict[str, tuple[str, dict[str, Any]]] = {
        "relu": ("Relu", {}),
        "leaky_relu": ("LeakyRelu", {"alpha": 0.2}),
        "elu": ("Elu", {"alpha": 1.0}),
        "selu": ("Selu", {}),
        "sigmoid": ("Sigmoid", {}),
        "hard_sigmoid": ("HardSigmoid", {"alpha": 1 / 6, "beta": 0.5}),
        "hard_silu": ("HardSwish", {}),
        "hard_swish": ("HardSwish", {}),
        "tanh": ("Tanh", {}),
        "softplus": ("Softplus", {}),
        "softsign": ("Softsign", {}),
        "exponential": ("Exp", {}),
        "softmax": ("Softmax", {"axis": axis}),
        "log_softmax": ("LogSoftmax", {"axis": axis}),
        "celu": ("Elu", {"alpha": 1.0}),
        "hard_shrink": ("Shrink", {"lambd": 0.5, "bias": 0.0}),
        "soft_shrink": ("Shrink", {"lambd": 0.5, "bias": 0.5}),
    }
    number = lambda x: write.constant(np.asarray(x, dtype=np.float32))  # noqa: E731
    if name in ("linear", None):
        return value
    layer = activation_layer(name)
    if layer is not None:
        return layer.onnx(write, [value], [shape], {})
    if name in simple:
        operator, attributes = simple[name]
        return write.node(operator, [value], **attributes)
    if name == "relu6":
        return write.node("Clip", [value, number(0), number(6)])
    if name in ("silu", "swish"):
        return write.node("Mul", [value, write.node("Sigmoid", [value])])
    if name == "mish":
        return write.node("Mul", [value, write.node("Tanh", [write.node("Softplus", [value])])])
    if name == "gelu":
        scaled = write.node("Mul", [value, number(0.5**0.5)])
        gate = write.node("Add", [write.node("Erf", [scaled]), number(1)])
        return write.node("Mul", [write.node("Mul", [value, number(0.5)]), gate])
    if name == "log_sigmoid":
        return write.node("Neg", [write.node("Softplus", [write.node("Neg", [value])])])
    if name == "tanh_shrink":
        return write.node("Sub", [value, write.node("Tanh", [value])])
    if name == "hard_tanh":
        return write.node("Clip", [value, number(-1), number(1)])
    if name == "squareplus":
        root = write.node("Sqrt", [write.node("Add", [write.node("Mul", [value, value]), number(4)])])
        return write.node("Mul", [write.node("Add", [value, root]), number(0.5)])
    if name in ("sparse_plus", "sparse_sigmoid"):
        near = write.node("Add", [write.node("Clip", [value, number(-1), number(1)]), number(1)])
        if name == "sparse_sigmoid":
            return write.node("Mul", [near, number(0.5)])
        curve = write.node("Mul", [write.node("Mul", [near, near]), number(0.25)])
        return write.node("Add", [curve, write.node("Relu", [write.node("Sub", [value, number(1)])])])
    if name == "glu":
        return _glu_onnx(write, value, shape, axis)
    others = ("relu6", "silu", "swish", "mish", "gelu", "linear", "log_sigmoid", "tanh_shrink", "hard_tanh",
              "squareplus", "sparse_plus", "sparse_sigmoid", "glu")  # fmt: skip
    raise BadName("activation", name, [*simple, *others])


def _glu_onnx(write: OnnxWriter, value: str, shape: Shape, axis: int) -> str:
    import numpy as np

    half = activated(shape, "glu")[-1]
    if half is None:
        raise ShapeError("glu of unknown channels", "a known number of channels")
    part = lambda *ends: write.node(  # noqa: E731
        "Slice", [value, *(write.constant(np.array([end], dtype=np.int64)) for end in (*ends, axis))]
    )
    return write.node("Mul", [part(0, half), write.node("Sigmoid", [part(half, 2 * half)])])
