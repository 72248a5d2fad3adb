"""Keras's functions of tensors in torch; every call runs in Keras's layout (channels last)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ._torch_activations import SparsePlus, SparseSigmoid
from ._torch_more import channels_first, channels_last
from .kind import ShapeError
from .patches import patches


class Operation(nn.Module):
    """One call: the tensors go into the places that the call has for them."""

    def __init__(
        self, function: str, options: dict[str, Any], call: tuple[list[Any], dict[str, Any]], output: int
    ) -> None:
        super().__init__()
        self.function, self.options, self.call, self.output = function, options, call, output

    def forward(self, *inputs: Tensor) -> Tensor:
        tensors = [channels_last(x) for x in inputs]
        args, kwargs = (_filled(part, tensors) for part in self.call)
        return channels_first(
            _apply(self.function.partition(".")[2], self.options, args, kwargs, self.output)
        )


def _filled(item: Any, tensors: list[Tensor]) -> Any:
    if isinstance(item, list):
        return [_filled(part, tensors) for part in item]
    if not isinstance(item, dict):
        return item
    if "tensor" in item:
        return tensors[item["tensor"]]
    name, config = item.get("class_name"), item.get("config", {})
    if name in ("__numpy__", "__tensor__"):
        return torch.tensor(config["value"], dtype=getattr(torch, config["dtype"]), device=tensors[0].device)
    if name == "__slice__":
        return slice(*(config.get(part) for part in ("start", "stop", "step")))
    if name == "__ellipsis__":
        return ...
    return {key: _filled(part, tensors) for key, part in item.items()}


_UNARY: dict[str, Any] = {
    "Absolute": torch.abs, "Exp": torch.exp, "Log": torch.log, "Log1p": torch.log1p, "Negative": torch.neg,
    "Reciprocal": torch.reciprocal, "Sqrt": torch.sqrt, "Square": torch.square, "Tanh": torch.tanh,
    "Sin": torch.sin, "Cos": torch.cos, "Rsqrt": torch.rsqrt, "Erf": torch.erf, "Relu": F.relu,
    "Relu6": F.relu6, "Sigmoid": torch.sigmoid, "Silu": F.silu, "Selu": F.selu, "HardSigmoid": F.hardsigmoid,
    "HardSilu": F.hardswish, "Softplus": F.softplus, "Softsign": F.softsign, "LogSigmoid": F.logsigmoid,
    "Identity": lambda x: x, "StopGradient": torch.detach, "TanhShrink": F.tanhshrink, "HardTanh": F.hardtanh,
    "SparsePlus": SparsePlus(), "SparseSigmoid": SparseSigmoid(),
}  # fmt: skip
_BINARY: dict[str, Any] = {
    "Add": torch.add, "Subtract": torch.sub, "Multiply": torch.mul, "Divide": torch.div,
    "TrueDivide": torch.div, "Power": torch.pow, "Maximum": torch.maximum, "Minimum": torch.minimum,
    "Greater": torch.gt, "GreaterEqual": torch.ge, "Less": torch.lt, "LessEqual": torch.le,
}  # fmt: skip


def _apply(name: str, o: dict[str, Any], args: list[Any], kwargs: dict[str, Any], output: int) -> Tensor:
    if name in _UNARY:
        return _UNARY[name](args[0])
    if name in _BINARY:
        device = next(item.device for item in args if isinstance(item, Tensor))
        first, second = (
            item if isinstance(item, Tensor) else torch.tensor(item, device=device, dtype=torch.float32)
            for item in args[:2]
        )
        return _BINARY[name](first, second)
    x, axis = args[0], o.get("axis")
    axes: Any = list(axis) if isinstance(axis, (list, tuple)) else axis
    keep = bool(o.get("keepdims"))
    if name == "Where":
        return torch.where(*args[:3])
    if name in ("Mean", "Sum"):
        return (torch.mean if name == "Mean" else torch.sum)(x, dim=axes, keepdim=keep)
    if name in ("Max", "Min"):
        return (torch.amax if name == "Max" else torch.amin)(x, dim=axes, keepdim=keep)
    if name in ("Var", "Std"):
        return (torch.var if name == "Var" else torch.std)(x, dim=axes, keepdim=keep, correction=0)
    if name == "Logsumexp":
        return torch.logsumexp(x, dim=axes, keepdim=keep)
    if name in ("Softmax", "LogSoftmax"):
        return (torch.softmax if name == "Softmax" else torch.log_softmax)(x, dim=axes)
    if name == "Normalize":
        return F.normalize(x, p=o.get("order") or 2, dim=axes, eps=o.get("epsilon") or 1e-12)
    if name == "Clip":
        return torch.clamp(x, o["x_min"], o["x_max"])
    if name == "Gelu":
        return F.gelu(x, approximate="tanh" if o.get("approximate") else "none")
    if name == "Einsum":
        return torch.einsum(o["subscripts"].replace(" ", ""), *args)
    if name == "ExtractPatches":
        return _patches(x, o)
    if name == "Glu":
        return F.glu(x, axes if axes is not None else -1)
    if name == "Celu":
        return F.celu(x, o.get("alpha", 1.0))
    if name in ("HardShrink", "SoftShrink"):
        return (F.hardshrink if name == "HardShrink" else F.softshrink)(x, o.get("threshold", 0.5))
    if name == "Squareplus":
        return (x + (x.square() + o.get("b", 4)).sqrt()) / 2
    if name == "Threshold":
        return F.threshold(x, o["threshold"], o["default_value"])
    if name == "LeakyRelu":
        return F.leaky_relu(x, o.get("negative_slope", 0.2))
    if name == "Elu":
        return F.elu(x, o.get("alpha", 1.0))
    if name == "Cast":
        return x.to(getattr(torch, o["dtype"]))
    if name == "ReLU":
        from ._torch import ClampedReLU

        return ClampedReLU(o.get("max_value"), o.get("negative_slope", 0.0), o.get("threshold", 0.0))(x)
    if name == "Matmul":
        return torch.matmul(*args[:2])
    return _move(name, o, args, axes, output, kwargs)


def _patches(x: Tensor, options: dict[str, Any]) -> Tensor:
    """Patches in Keras's order: rows, columns, channels of each."""
    found = patches(options, tuple(x.shape[1:]))
    top, bottom, left, right = found.pads
    image = F.pad(x.permute(0, 3, 1, 2), (left, right, top, bottom))
    (high, wide), (down, _) = found.size, found.dilation
    rows = (image.shape[2] - (high - 1) * down - 1) // found.strides[0] + 1
    taken = F.unfold(image, found.size, found.dilation, 0, found.strides)
    taken = taken.reshape(len(x), x.shape[3], high * wide, rows, -1)
    return taken.permute(0, 3, 4, 2, 1).flatten(3)


def _move(
    name: str, o: dict[str, Any], args: list[Any], axis: Any, output: int, kwargs: dict[str, Any]
) -> Tensor:
    x = args[0]
    if name == "Reshape":
        return x.reshape(x.shape[0], *o["newshape"][1:])
    if name == "Transpose":
        return x.permute(*o["axes"])
    if name in ("Concatenate", "Stack"):
        return (torch.cat if name == "Concatenate" else torch.stack)(
            x if isinstance(x, list) else args, dim=axis
        )
    if name == "Squeeze":
        return x.squeeze(tuple(axis) if isinstance(axis, list) else axis)
    if name == "ExpandDims":
        return x.unsqueeze(axis)
    if name == "GetItem":
        return x[tuple(args[1]) if isinstance(args[1], list) else args[1]]
    if name == "Flip":
        return torch.flip(x, [axis] if isinstance(axis, int) else axis)
    if name == "Repeat":
        return x.repeat_interleave(o["repeats"], dim=axis)
    if name == "Split":
        where = o["indices_or_sections"]
        return torch.tensor_split(x, tuple(where) if isinstance(where, list) else where, dim=axis)[output]
    if name == "Pad" and o.get("mode", "constant") == "constant":
        sides = [side for pair in reversed(o["pad_width"]) for side in pair]
        fill = args[1] if len(args) > 1 else kwargs.get("constant_values")
        return F.pad(x, sides, value=None if fill is None else float(fill))
    raise ShapeError(f"the operation {name}", "one that has a torch form")
