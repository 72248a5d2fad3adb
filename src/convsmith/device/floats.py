"""A program in floating-point numbers, in torch: what integers are measured against, and their ranges."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..kinds.window import pads
from .program import Op, Program

if TYPE_CHECKING:
    import numpy as np
    import torch
    from torch import Tensor


def run_floats(
    program: Program, x_NHWC: np.ndarray, *, see: Callable[[int, Tensor], None] | None = None
) -> np.ndarray:
    """What a floating-point program answers to a batch of images.

    Args:
        program: of floating-point operators and one input.
        x_NHWC: raw pixels, (N, rows, columns, channels).
        see: called with every tensor that is not constant, its number first, as soon as it is known.

    Returns:
        The first output, (N, ...).

    Example:
        >>> import numpy as np
        >>> from convsmith.device.program import Op, Tensor
        >>> tensors = (Tensor("x", (1, 2, 2, 1)), Tensor("y", (1, 2, 2, 1)))
        >>> program = Program("net", tensors, (Op("RELU", (0,), 1),), (0,), (1,))
        >>> run_floats(program, np.full((1, 2, 2, 1), -3.0)).ravel()
        array([0., 0., 0., 0.], dtype=float32)
    """
    import numpy as np
    import torch

    with torch.inference_mode():
        values: list[Tensor | None] = [None] * len(program.tensors)
        values[program.inputs[0]] = torch.from_numpy(np.ascontiguousarray(x_NHWC, dtype=np.float32))
        last = {tensor: place for place, op in enumerate(program.ops) for tensor in op.inputs}
        if see is not None:
            see(program.inputs[0], values[program.inputs[0]])  # type: ignore[arg-type]
        constants: dict[int, Tensor] = {}
        for place, op in enumerate(program.ops):
            given = []
            for tensor in op.inputs:
                held = program.tensors[tensor].data
                if held is None:
                    given.append(values[tensor])
                else:
                    given.append(constants.setdefault(tensor, torch.from_numpy(held)))
            out = _RUN[op.code](op, *given)
            values[op.output] = out = _cut(out, op.options.get("fused"))
            if see is not None:
                see(op.output, out)
            for tensor in op.inputs:
                if last.get(tensor) == place and tensor not in program.outputs:
                    values[tensor] = None
        found = values[program.outputs[0]]
        assert found is not None
        return found.numpy()


def _cut(x: Tensor, fused: str | None) -> Tensor:
    return x if fused is None else x.clamp(min=0) if fused == "RELU" else x.clamp(0, 6)


def _first(x_NHWC: Tensor) -> Tensor:
    return x_NHWC.permute(0, 3, 1, 2)


def _last(x_NCHW: Tensor) -> Tensor:
    return x_NCHW.permute(0, 2, 3, 1)


def window_pads(op: Op, rows: int, columns: int, kernel: tuple[int, int]) -> tuple[int, int, int, int]:
    """Pixels that an operator with a window adds at the top, bottom, left and right."""
    return pads(
        rows, columns, kernel, op.options["strides"], op.options["padding"].lower(),
        op.options.get("dilation", (1, 1)),
    )  # fmt: skip


def _padded(op: Op, x: Tensor, kernel: tuple[int, int], value: float = 0.0) -> Tensor:
    from torch.nn import functional

    top, bottom, left, right = window_pads(op, x.shape[1], x.shape[2], kernel)
    return functional.pad(_first(x), (left, right, top, bottom), value=value)


def _conv(op: Op, x: Tensor, kernel: Tensor, bias: Tensor) -> Tensor:
    from torch.nn import functional

    size = (kernel.shape[1], kernel.shape[2])
    groups = x.shape[3] // kernel.shape[3]
    out = functional.conv2d(
        _padded(op, x, size), _first(kernel), bias, op.options["strides"], 0, op.options["dilation"], groups
    )
    return _last(out)


def _depthwise(op: Op, x: Tensor, kernel: Tensor, bias: Tensor) -> Tensor:
    from torch.nn import functional

    size = (kernel.shape[1], kernel.shape[2])
    out = functional.conv2d(
        _padded(op, x, size), kernel.permute(3, 0, 1, 2), bias, op.options["strides"], 0,
        op.options["dilation"], x.shape[3],
    )  # fmt: skip
    return _last(out)


def _transposed(op: Op, size: Tensor, kernel: Tensor, x: Tensor, bias: Tensor) -> Tensor:
    from torch.nn import functional

    full = functional.conv_transpose2d(_first(x), kernel.permute(3, 0, 1, 2), None, op.options["strides"])
    rows, columns = int(size[1]), int(size[2])
    (kh, kw), (sh, sw) = kernel.shape[1:3], op.options["strides"]
    top = max((x.shape[1] - 1) * sh + kh - rows, 0) // 2
    left = max((x.shape[2] - 1) * sw + kw - columns, 0) // 2
    more = (0, max(left + columns - full.shape[3], 0), 0, max(top + rows - full.shape[2], 0))
    full = functional.pad(full, more)
    return _last(full[:, :, top : top + rows, left : left + columns] + bias[:, None, None])


def _max_pool(op: Op, x: Tensor) -> Tensor:
    from torch.nn import functional

    padded = _padded(op, x, op.options["window"], float("-inf"))
    return _last(functional.max_pool2d(padded, op.options["window"], op.options["strides"]))


def _average_pool(op: Op, x: Tensor) -> Tensor:
    import torch
    from torch.nn import functional

    def pooled(x: Tensor) -> Tensor:
        return functional.avg_pool2d(
            _padded(op, x, op.options["window"]), op.options["window"], op.options["strides"]
        )

    return _last(pooled(x) / pooled(torch.ones_like(x[:1, :, :, :1])))


def _resize(mode: str) -> Callable[..., Tensor]:
    def resize(op: Op, x: Tensor, size: Tensor) -> Tensor:
        from torch.nn import functional

        form = f"{mode}-exact" if mode == "nearest" and op.options["half_pixel"] else mode
        return _last(functional.interpolate(_first(x), tuple(map(int, size)), mode=form))

    return resize


def _pad(op: Op, x: Tensor, sides: Tensor) -> Tensor:
    from torch.nn import functional

    return functional.pad(x, [int(item) for pair in reversed(sides.tolist()) for item in pair])


def _slice(op: Op, x: Tensor, begin: Tensor, sizes: Tensor) -> Tensor:
    _, top, left, _ = begin.tolist()
    _, rows, columns, _ = sizes.tolist()
    return x[:, top : top + rows, left : left + columns]


def _reduce(name: str) -> Callable[..., Tensor]:
    def reduce(op: Op, x: Tensor, axes: Tensor) -> Tensor:
        import torch

        return getattr(torch, name)(x, dim=tuple(axes.tolist()), keepdim=op.options["keep_dims"])

    return reduce


def _function(of: Callable[[Any], Callable[[Tensor], Tensor]]) -> Callable[..., Tensor]:
    def apply(op: Op, x: Tensor) -> Tensor:
        from torch.nn import functional

        return of(functional)(x)

    return apply


def _softmax(op: Op, x: Tensor) -> Tensor:
    return x.softmax(-1)


def _between(name: str) -> Callable[..., Tensor]:
    def apply(op: Op, a: Tensor, b: Tensor) -> Tensor:
        import torch

        return getattr(torch, name)(a, b)

    return apply


def _concatenation(op: Op, *x: Tensor) -> Tensor:
    import torch

    return torch.cat(x, op.options["axis"])


def _leaky(op: Op, x: Tensor) -> Tensor:
    import torch

    return torch.where(x > 0, x, x * op.options["alpha"])


def _prelu(op: Op, x: Tensor, alpha: Tensor) -> Tensor:
    import torch

    return torch.where(x > 0, x, x * alpha)


def _fully_connected(op: Op, x: Tensor, kernel: Tensor, bias: Tensor) -> Tensor:
    return x @ kernel.T + bias


def _reshape(op: Op, x: Tensor, shape: Tensor) -> Tensor:
    return x.reshape(x.shape[0], *shape.tolist()[1:])


def _transpose(op: Op, x: Tensor, order: Tensor) -> Tensor:
    return x.permute(order.tolist())


def _quantize(op: Op, x: Tensor) -> Tensor:
    return x


_RUN: dict[str, Callable[..., torch.Tensor]] = {
    "ADD": _between("add"),
    "AVERAGE_POOL_2D": _average_pool,
    "CONCATENATION": _concatenation,
    "CONV_2D": _conv,
    "DEPTHWISE_CONV_2D": _depthwise,
    "ELU": _function(lambda f: f.elu),
    "FULLY_CONNECTED": _fully_connected,
    "HARD_SWISH": _function(lambda f: f.hardswish),
    "LEAKY_RELU": _leaky,
    "LOGISTIC": _function(lambda f: f.sigmoid),
    "MAXIMUM": _between("maximum"),
    "MAX_POOL_2D": _max_pool,
    "MEAN": _reduce("mean"),
    "MINIMUM": _between("minimum"),
    "MUL": _between("mul"),
    "PAD": _pad,
    "PRELU": _prelu,
    "QUANTIZE": _quantize,
    "REDUCE_MAX": _reduce("amax"),
    "RELU": _function(lambda f: f.relu),
    "RELU6": _function(lambda f: f.relu6),
    "RESHAPE": _reshape,
    "RESIZE_BILINEAR": _resize("bilinear"),
    "RESIZE_NEAREST_NEIGHBOR": _resize("nearest"),
    "SLICE": _slice,
    "SOFTMAX": _softmax,
    "SUB": _between("sub"),
    "TANH": _function(lambda f: f.tanh),
    "TRANSPOSE": _transpose,
    "TRANSPOSE_CONV": _transposed,
}
"""LiteRT's operators in torch; images are N x rows x columns x channels."""
