"""Convolutions and pools of an ONNX file as layers: their pads, strides and weights."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ...kinds import size, window
from ...kinds.operation import Operation
from .constant import Constant
from .moved import channels_last, made
from .numbers import inline
from .op import Op, Reading
from .sizes import Size
from .value import Value

LOWEST = -3.4028234663852886e38
"""The lowest float32: what a max-pool's pads hold."""
FLOATS = ("float", "bfloat", "int8", "uint8", "object")


def spatial(op: Op, count: int) -> tuple[list[int], list[int]]:
    """Strides and dilations of a window over so many axes.

    Raises:
        BadInput: where the file says them for another number of axes.
    """
    found = []
    for name in ("strides", "dilations"):
        given = op.a.get(name, [1] * count)
        if len(given) != count:
            raise op.refuse(f"its {name} are {given} and its window has {count} axes", "as many of each")
        found.append(given)
    return found[0], found[1]


def pads_of(
    op: Op, sizes: Sequence[int | None], kernel: list[int], strides: list[int], dilations: list[int]
) -> list[tuple[int, int]] | None:
    """Pads before and after along each axis; None where they follow from a size that is not known."""
    auto, given = op.a.get("auto_pad", "NOTSET"), op.a.get("pads")
    if auto == "VALID" or (auto == "NOTSET" and given is None):
        return [(0, 0)] * len(kernel)
    if auto == "NOTSET":
        half, given = len(kernel), given or []
        if len(given) != 2 * half:
            raise op.refuse(f"its pads are {given} and its window has {half} axes", "two pads for each axis")
        return list(zip(given[:half], given[half:], strict=True))
    found = []
    for n, f, s, d in zip(sizes, kernel, strides, dilations, strict=True):
        seen = (f - 1) * d + 1
        if n is None and s != 1:
            return None
        total = seen - 1 if n is None else max((-(-n // s) - 1) * s + seen - n, 0)
        less, more = total // 2, total - total // 2
        found.append((less, more) if auto == "SAME_UPPER" else (more, less))
    return found


def lengths(
    op: Op,
    sizes: Sequence[int | None],
    kernel: list[int],
    strides: list[int],
    dilations: list[int],
    pads: list[tuple[int, int]] | None,
) -> list[int | None]:
    """How many places a window has along each axis.

    Raises:
        BadInput: where the window is larger than what it slides over.
    """
    found: list[int | None] = []
    for place, n in enumerate(sizes):
        seen = (kernel[place] - 1) * dilations[place] + 1
        if n is None or pads is None:
            found.append(None if n is None else -(-n // strides[place]))
            continue
        room = n + sum(pads[place]) - seen
        if room < 0:
            raise op.refuse(
                f"its window of {seen} slides over {n} and pads of {pads[place]}", "a window that fits"
            )
        rounded = -(-room // strides[place]) if op.a.get("ceil_mode") else room // strides[place]
        if op.a.get("ceil_mode") and rounded * strides[place] >= n + pads[place][0]:
            rounded -= 1  # a window may not begin beyond the image
        found.append(rounded + 1)
    return found


def _sides(pads: list[tuple[int, int]], value: Value) -> Any:
    return made("ZeroPadding2D", (pads[0], pads[1]))


def padded(reader: Reading, op: Op, value: Value, pads: list[tuple[int, int]], fill: float = 0.0) -> Value:
    """An image with rows and columns around it: zeros, or another number."""
    if not any(map(any, pads)):
        return value
    kind: Any = _sides(pads, value)
    if fill:
        width = [[0, 0], *map(list, pads), [0, 0]]
        call = {"args": [{"tensor": 0}], "kwargs": {"constant_values": fill}}
        kind = Operation("numpy.Pad", inline({"pad_width": width, "mode": "constant"}), inline(call))
    title, op.title = op.title, f"{op.title}_pad"
    found = reader.add(op, kind, value, positive=value.positive and fill >= 0)
    op.title = title
    return found


def _keras_pads(
    value: Value, kernel: list[int], strides: list[int], dilations: list[int], pads: list[tuple[int, int]]
) -> bool:
    """Whether the pads are those of Keras's "same"."""
    rows, columns = (n if isinstance(n, int) else None for n in value.dims[2:4])
    if (rows is None or columns is None) and strides != [1, 1]:
        return False
    same = window.pads(
        rows, columns, (kernel[0], kernel[1]), (strides[0], strides[1]), "same", (dilations[0], dilations[1])
    )
    return same == (*pads[0], *pads[1])


def weight(op: Op, place: int, what: str) -> Constant | None:
    """A constant that is a weight.

    Raises:
        BadInput: where its numbers are of a type that no weights have.
    """
    found = op.constant(place)
    if found is not None and not found.kind.startswith(FLOATS):
        raise op.refuse(f"its {what} are of type {found.kind}", "numbers of a floating type")
    return found


def convolution(reader: Reading, op: Op) -> Value | None:
    """Conv; also those of whole numbers, whose weights stand at the same place."""
    at, bias_at = (3, 8) if op.type == "QLinearConv" else (1, None if op.type == "ConvInteger" else 2)
    value, kernel = op.value(), weight(op, at, "weights")
    bias = None if bias_at is None else op.input(bias_at)
    if kernel is None:
        return _moving_weights(reader, op, value, op.value(at))
    if len(kernel.sizes) != len(value.dims) or len(kernel.sizes) < 3:
        raise op.refuse(
            f"takes a tensor of {len(value.dims)} axes with weights of the sizes {list(kernel.sizes)}",
            "as many axes of each, the batch and the channels among them",
        )
    filters, inner, *sizes = kernel.sizes
    groups, channels = op.a.get("group", 1), value.dims[1]
    if op.a.get("kernel_shape", sizes) != sizes:
        raise op.refuse(
            f"its kernel_shape is {op.a['kernel_shape']} and its weights are {list(kernel.sizes)}",
            "a kernel_shape that is that of the weights",
        )
    if not isinstance(channels, int):
        raise op.refuse("follows a tensor of unknown channels", "a known number of channels")
    if inner * groups != channels or filters % groups or not filters:
        raise op.refuse(
            f"has weights of {list(kernel.sizes)} in {groups} groups on {channels} channels",
            "channels that are the weights' times the groups, and filters that the groups divide",
        )
    if isinstance(bias, Constant) and bias.count != filters:
        raise op.refuse(f"has {filters} filters and a bias of {list(bias.sizes)}", "a bias for each filter")
    strides, dilations = spatial(op, len(sizes))
    over = [n if isinstance(n, int) else None for n in value.dims[2:]]
    pads = pads_of(op, over, sizes, strides, dilations)
    if pads is None and op.a.get("auto_pad") == "SAME_LOWER":
        pads = None
    if len(sizes) != 2 or not value.is_plain or isinstance(bias, Value):
        out = lengths(op, over, sizes, strides, dilations, pads)
        dims: list[Size] = [value.dims[0], filters, *out]
        return _counted(reader, op, dims, inner * math.prod(sizes))
    upper = op.a.get("auto_pad") == "SAME_UPPER"
    if pads is None and not upper:
        return None
    value = channels_last(reader, value)
    same = upper or (
        pads is not None and any(map(any, pads)) and _keras_pads(value, sizes, strides, dilations, pads)
    )
    if not same and pads is not None:
        value = padded(reader, op, value, pads)
    shared = {
        "strides": tuple(strides), "dilation_rate": tuple(dilations),
        "padding": "same" if same else "valid", "use_bias": bias is not None,
    }  # fmt: skip
    if groups > 1 and groups == channels and inner == 1:
        multiplier = filters // channels
        kind = made("DepthwiseConv2D", tuple(sizes), depth_multiplier=multiplier, **shared)
        turn = lambda: kernel.array().reshape(channels, multiplier, *sizes).transpose(2, 3, 0, 1)  # noqa: E731
    else:
        kind = made("Conv2D", filters, tuple(sizes), groups=groups, **shared)
        turn = lambda: kernel.array().transpose(2, 3, 1, 0)  # noqa: E731
    arrays = {"kernel": turn}
    if bias is not None:
        arrays["bias"] = lambda: bias.array().reshape(-1)  # type: ignore[union-attr]
    return reader.add(op, kind, value, (), arrays, names_of(kernel, bias))


def names_of(*constants: Any) -> tuple[Any, ...]:
    """What layers with the same weights have in common; empty where one of them has no name."""
    found = tuple(item.names for item in constants if isinstance(item, Constant))
    return found if found and all(found) else ()


def _counted(reader: Reading, op: Op, dims: list[Size], each: int) -> Value:
    """A window operator that is counted: so many multiply-adds for each number of its output."""
    out = size(Value("", tuple(dims), tuple(range(len(dims)))).shape)
    return reader.counted(op, dims, None if out is None else out * each)


def _moving_weights(reader: Reading, op: Op, value: Value, kernel: Value) -> Value | None:
    """A convolution by weights that the network computes."""
    sizes = [n if isinstance(n, int) else None for n in kernel.dims]
    if None in sizes or len(sizes) != len(value.dims):
        return None
    filters, inner, *window_ = (n or 0 for n in sizes)
    strides, dilations = spatial(op, len(window_))
    over = [n if isinstance(n, int) else None for n in value.dims[2:]]
    pads = pads_of(op, over, window_, strides, dilations)
    out = lengths(op, over, window_, strides, dilations, pads)
    return _counted(reader, op, [value.dims[0], filters, *out], inner * math.prod(window_))


def transposed_convolution(reader: Reading, op: Op) -> Value | None:
    """ConvTranspose: Keras's without padding, and then what the pads cut off."""
    value, kernel, bias = op.value(), weight(op, 1, "weights"), op.input(2)
    if kernel is None:
        return None
    channels, inner, *sizes = kernel.sizes
    groups = op.a.get("group", 1)
    if op.a.get("kernel_shape", sizes) != sizes or channels != value.dims[1] or channels % groups:
        raise op.refuse(
            f"has weights of {list(kernel.sizes)}, a kernel_shape of {op.a.get('kernel_shape', sizes)} and "
            f"{groups} groups on {value.dims[1]} channels",
            "a kernel_shape, groups and channels that are those of the weights",
        )
    strides, dilations = spatial(op, len(sizes))
    more = op.a.get("output_padding", [0] * len(sizes))
    over = [n if isinstance(n, int) else None for n in value.dims[2:]]
    seen = [(f - 1) * d + 1 for f, d in zip(sizes, dilations, strict=True)]
    given, wanted = op.a.get("pads", [0] * 2 * len(sizes)), op.a.get("output_shape")
    counts = len(given), len(more), len(sizes if wanted is None else wanted)
    if counts != (2 * len(sizes), len(sizes), len(sizes)):
        raise op.refuse(f"its window has {len(sizes)} axes", "two pads and one size for each")
    if any(n >= max(s, d) for n, s, d in zip(more, strides, dilations, strict=True)):
        raise op.refuse(
            f"its output_padding is {more}, its strides {strides} and its dilations {dilations}",
            "less than a stride or a dilation",
        )
    auto = op.a.get("auto_pad", "NOTSET")
    cuts: list[tuple[int, int]] = []
    out: list[int | None] = []
    for place, n in enumerate(over):
        before, after = given[place], given[place + len(sizes)]
        if n is None:
            cuts.append((before, after - more[place]))
            out.append(None)
            continue
        whole = (n - 1) * strides[place] + seen[place] + more[place]
        goal = wanted[place] if wanted else n * strides[place] if auto.startswith("SAME") else None
        if goal is not None:
            total = whole - goal
            less = total // 2
            before, after = (total - less, less) if auto == "SAME_LOWER" else (less, total - less)
        cuts.append((before, after - more[place]))
        out.append(whole - before - after)
        if out[-1] is not None and out[-1] < 1:
            raise op.refuse(f"its pads leave {out[-1]} of {whole}", "at least 1")
    filters = inner * groups
    plain = len(sizes) == 2 and value.is_plain and groups == 1 and not isinstance(bias, Value)
    fits = all(f >= s for f, s in zip(seen, strides, strict=True)) and all(
        n >= 0 for cut in cuts for n in cut
    )
    if not plain or not fits:
        taken = size(value.shape)
        dims: list[Size] = [value.dims[0], filters, *out]
        return reader.counted(op, dims, None if taken is None else taken * inner * math.prod(sizes))
    kind = made(
        "Conv2DTranspose", filters, tuple(sizes), tuple(strides), dilation_rate=tuple(dilations),
        use_bias=bias is not None,
    )  # fmt: skip
    arrays = {"kernel": lambda: kernel.array().transpose(2, 3, 1, 0)}
    if bias is not None:
        arrays["bias"] = lambda: bias.array().reshape(-1)  # type: ignore[union-attr]
    found = reader.add(op, kind, channels_last(reader, value), (), arrays, names_of(kernel, bias))
    if any(map(any, cuts)):
        op.title += "_cut"
        found = reader.add(op, made("Cropping2D", (cuts[0], cuts[1])), found)
    return found


def pool(reader: Reading, op: Op) -> Any:
    """MaxPool, AveragePool and LpPool."""
    value, kernel = op.value(), list(op.a["kernel_shape"])
    if len(kernel) != len(value.dims) - 2:
        raise op.refuse(
            f"its kernel_shape is {kernel} on a tensor of {len(value.dims)} axes", "one for each but two"
        )
    strides, dilations = spatial(op, len(kernel))
    over = [n if isinstance(n, int) else None for n in value.dims[2:]]
    pads = pads_of(op, over, kernel, strides, dilations)
    if pads is not None and any(
        max(pair) >= (f - 1) * d + 1 for pair, f, d in zip(pads, kernel, dilations, strict=True)
    ):
        raise op.refuse(f"its pads {pads} are as large as its window {kernel}", "smaller pads")
    out = lengths(op, over, kernel, strides, dilations, pads)
    dims: list[Size] = [*value.dims[:2], *out]
    taken = any(op.node.output[1:])
    plain = len(kernel) == 2 and value.is_plain and dilations == [1, 1] and not taken and op.type != "LpPool"
    if not plain or (pads is None and op.a.get("auto_pad") != "SAME_UPPER"):
        found = reader.counted(op, dims)
        return [found, reader.counted(op, dims)] if taken else found
    value = channels_last(reader, value)
    largest = op.type == "MaxPool"
    name = "MaxPooling2D" if largest else "AveragePooling2D"
    inside = bool(op.a.get("count_include_pad"))
    if pads is None:
        if inside:
            return reader.counted(op, dims)
        return reader.add(
            op, made(name, tuple(kernel), tuple(strides), "same"), value, positive=value.positive
        )
    beyond = [_beyond(op, *item) for item in zip(over, kernel, strides, pads, out, strict=True)]
    whole = any(map(any, pads))
    if (
        whole
        and not any(beyond)
        and (largest or not inside)
        and _keras_pads(value, kernel, strides, dilations, pads)
    ):
        return reader.add(
            op, made(name, tuple(kernel), tuple(strides), "same"), value, positive=value.positive
        )
    uneven = not largest and ((whole and not inside) or any(beyond))
    if uneven and None in out:
        return reader.counted(op, dims)
    around = [(before, after + more) for (before, after), more in zip(pads, beyond, strict=True)]
    positive = value.positive
    value = padded(reader, op, value, around, LOWEST if largest and not positive else 0.0)
    found = reader.add(op, made(name, tuple(kernel), tuple(strides)), value, positive=positive)
    return _shares(reader, op, found, kernel, strides, pads, over, out, inside) if uneven else found


def _beyond(op: Op, n: int | None, f: int, s: int, pads: tuple[int, int], out: int | None) -> int:
    """Pixels beyond the pads that the last window reaches, where lengths are rounded up."""
    if n is None or out is None or not op.a.get("ceil_mode"):
        return 0
    return max((out - 1) * s + f - n - sum(pads), 0)


def _shares(
    reader: Reading, op: Op, value: Value, kernel: list[int], strides: list[int], pads: list[tuple[int, int]],
    over: Sequence[int | None], out: Sequence[int | None], inside: bool,
) -> Value:  # fmt: skip
    """Means over windows that hold fewer pixels than others at the edges: each times what it lacks."""
    import numpy as np

    factors = []
    for n, f, s, (before, after), length in zip(over, kernel, strides, pads, out, strict=True):
        low, high = (-before, (n or 0) + after) if inside else (0, n or 0)
        starts = [place * s - before for place in range(length or 0)]
        held = [min(start + f, high) - max(start, low) for start in starts]
        factors.append([f / max(count, 1) for count in held])
    array = np.outer(factors[0], factors[1])[None, :, :, None].astype(np.float32)
    config = {"class_name": "__numpy__", "config": {"value": array.tolist(), "dtype": "float32"}}
    op.title += "_share"
    call = inline({"args": [{"tensor": 0}, config]})
    return reader.add(op, Operation("numpy.Multiply", "", call), value, positive=value.positive)


def global_pool(reader: Reading, op: Op) -> Value | None:
    """GlobalAveragePool, GlobalMaxPool: over every axis but the batch and the channels."""
    value = op.value()
    if len(value.dims) < 3:
        raise op.refuse(f"takes a tensor of {len(value.dims)} axes", "an image or a row of positions")
    dims: list[Size] = [*value.dims[:2], *[1] * (len(value.dims) - 2)]
    if op.type == "GlobalLpPool" or not value.is_plain:
        return reader.counted(op, dims)
    value = channels_last(reader, value)
    if len(dims) == 4:
        name = "GlobalAveragePooling2D" if op.type == "GlobalAveragePool" else "GlobalMaxPooling2D"
        return reader.add(op, made(name, keepdims=True), value, positive=value.positive)
    function = "numpy.Mean" if op.type == "GlobalAveragePool" else "numpy.Max"
    axes = list(range(1, len(dims) - 1))
    kind = Operation(function, inline({"axis": axes, "keepdims": True}))
    return reader.add(op, kind, value, positive=value.positive)


OPERATORS = {
    "Conv": convolution, "ConvInteger": convolution, "QLinearConv": convolution,
    "ConvTranspose": transposed_convolution,
    "MaxPool": pool, "AveragePool": pool, "LpPool": pool,
    "GlobalAveragePool": global_pool, "GlobalMaxPool": global_pool, "GlobalLpPool": global_pool,
}  # fmt: skip
