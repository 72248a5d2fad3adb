"""Activation: a function of each number alone, by Keras's name; also the table of those functions."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..errors import BadInput, BadName
from .kind import KINDS, Kind, OnnxWriter, Shape, kind
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

    from . import _torch

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
    }
    if name not in table:
        raise BadName("activation", name, table)
    return table[name]()


def activation_onnx(write: OnnxWriter, name: str, value: str, shape: Shape) -> str:
    """The activation as ONNX operators; returns the output's name.

    Args:
        value: the name of the tensor that it is applied to.
        shape: that tensor's shape, without the batch, channels last.

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
    raise BadName("activation", name, [*simple, "relu6", "silu", "swish", "mish", "gelu", "linear"])
