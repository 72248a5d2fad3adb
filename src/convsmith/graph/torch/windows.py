"""ATen's convolutions, pools, and changes of an image's size."""

from __future__ import annotations

from typing import Any

from ..onnx.constant import Constant
from ..onnx.moved import channels_last, made
from ..onnx.value import Value
from .call import Call
from .reading import Reader, Rule, listed, whole


def convolution(reader: Reader, call: Call) -> Any:
    """conv1d, conv2d, conv3d; pads are equal on both sides, or named."""
    weight = call.get("weight")
    axes = len(weight.sizes if isinstance(weight, Constant) else weight.dims) - 2
    if call.get("transposed"):
        return transposed(reader, call)
    padding, dilation = call.get("padding", 0), listed(call.get("dilation", 1), axes)
    if isinstance(padding, str):
        kernel = weight.sizes[2:]
        total = [d * (f - 1) if padding == "same" else 0 for f, d in zip(kernel, dilation, strict=True)]
        pads = [n // 2 for n in total] + [n - n // 2 for n in total]
    else:
        pads = listed(padding, axes) * 2
    return reader.worded(
        call, "Conv", [call.x, weight, call.get("bias")], strides=listed(call.get("stride", 1), axes),
        pads=pads, dilations=dilation, group=call.get("groups", 1),
    )  # fmt: skip


def transposed(reader: Reader, call: Call) -> Any:
    """conv_transpose2d and its like."""
    weight = call.get("weight")
    axes = len(weight.sizes) - 2
    return reader.worded(
        call, "ConvTranspose", [call.x, weight, call.get("bias")],
        strides=listed(call.get("stride", 1), axes), pads=listed(call.get("padding", 0), axes) * 2,
        dilations=listed(call.get("dilation", 1), axes), group=call.get("groups", 1),
        output_padding=listed(call.get("output_padding", 0), axes),
    )  # fmt: skip


def _pool(axes: int, kind: str) -> Rule:
    def rule(reader: Reader, call: Call) -> Any:
        kernel = listed(call.get("kernel_size"), axes)
        if call.get("divisor_override") is not None:
            return None
        shared = {
            "kernel_shape": kernel, "strides": listed(call.get("stride") or kernel, axes),
            "pads": listed(call.get("padding", 0), axes) * 2, "ceil_mode": int(call.get("ceil_mode", False)),
        }  # fmt: skip
        if kind == "MaxPool":
            shared["dilations"] = listed(call.get("dilation", 1), axes)
        else:
            shared["count_include_pad"] = int(call.get("count_include_pad", True))
        return reader.worded(call, kind, [call.x], **shared)

    return rule


def _with_places(rule: Rule) -> Rule:
    """An operator that also gives the places of what it takes: they are not read."""
    return lambda reader, call: None if (found := rule(reader, call)) is None else [found, None]


def _to_size(kind: str) -> Rule:
    """Pools that cut the image into so many windows, whatever its size."""

    def rule(reader: Reader, call: Call) -> Any:
        value = call.x
        was = [int(n) for n in value.dims[2:]]
        given = call.get("output_size")
        goal = [n if to is None else to for n, to in zip(was, _each(given, len(was)), strict=True)]
        if goal == [1] * len(was):
            return reader.worded(call, f"Global{kind}", [value])
        if was == goal:
            return value
        if all(n % to == 0 for n, to in zip(was, goal, strict=True)):
            each = [n // to for n, to in zip(was, goal, strict=True)]
            return reader.worded(call, kind, [value], kernel_shape=each, strides=each)
        if len(was) == 2 and all(to % n == 0 for n, to in zip(was, goal, strict=True)):
            each = [to // n for n, to in zip(was, goal, strict=True)]
            return reader.add(
                call, made("UpSampling2D", tuple(each)), channels_last(reader, value), positive=value.positive
            )
        return reader.counted(call, (*value.dims[:2], *goal))

    return rule


def _each(given: Any, count: int) -> list[Any]:
    values = list(given) if isinstance(given, list | tuple) else [given]
    return values * count if len(values) == 1 else values


def _resized(mode: str, how: str = "") -> Rule:
    """Changes of an image's size: to sizes as recorded."""

    def rule(reader: Reader, call: Call) -> Any:
        corners = call.get("align_corners", False)
        return reader.worded(
            call, "Resize", [call.x, None, None, whole(*_as_read(call.x, call.sizes))], mode=mode,
            coordinate_transformation_mode="align_corners" if corners else how or "pytorch_half_pixel",
            nearest_mode="floor" if mode == "nearest" else None,
            antialias=int("_aa" in call.operator), exclude_outside=int("_aa" in call.operator),
            cubic_coeff_a=(-0.5 if "_aa" in call.operator else -0.75) if mode == "cubic" else None,
        )  # fmt: skip

    return rule


def _as_read(value: Value, sizes: tuple[int, ...]) -> list[int]:
    return [1 if place == value.batch else size for place, size in enumerate(sizes)]


RULES: dict[str, Rule] = {
    **dict.fromkeys(("aten.conv1d", "aten.conv2d", "aten.conv3d", "aten.convolution"), convolution),
    **dict.fromkeys(("aten.conv_transpose1d", "aten.conv_transpose2d", "aten.conv_transpose3d"), transposed),
    **{f"aten.max_pool{axes}d": _pool(axes, "MaxPool") for axes in (1, 2, 3)},
    "aten.max_pool2d_with_indices": _with_places(_pool(2, "MaxPool")),
    "aten.max_pool1d_with_indices": _with_places(_pool(1, "MaxPool")),
    **{f"aten.avg_pool{axes}d": _pool(axes, "AveragePool") for axes in (1, 2, 3)},
    **{f"aten.adaptive_avg_pool{axes}d": _to_size("AveragePool") for axes in (1, 2, 3)},
    **{f"aten.adaptive_max_pool{axes}d": _with_places(_to_size("MaxPool")) for axes in (1, 2, 3)},
    "aten.upsample_nearest2d": _resized("nearest", "asymmetric"),
    "aten._upsample_nearest_exact2d": _resized("nearest", "half_pixel"),
    **dict.fromkeys(("aten.upsample_bilinear2d", "aten._upsample_bilinear2d_aa"), _resized("linear")),
    **dict.fromkeys(("aten.upsample_bicubic2d", "aten._upsample_bicubic2d_aa"), _resized("cubic")),
}
