"""ATen's operators that move numbers and change none: shapes, views, parts, pads."""

from __future__ import annotations

from typing import Any

from ...kinds.operation import Operation
from ..onnx.numbers import inline
from ..onnx.sizes import Many
from ..onnx.value import Value
from .call import Call
from .reading import Reader, Rule, listed

FAR = 2**63 - 1


def reshape(reader: Reader, call: Call) -> Any:
    """view, flatten, squeeze and their like: the sizes that torch recorded."""
    return reader.worded(call, "Reshape", [call.x], shape=list(call.sizes))


def _permuted(reader: Reader, call: Call, perm: list[int]) -> Any:
    return reader.worded(call, "Transpose", [call.x], perm=perm)


def permute(reader: Reader, call: Call) -> Any:
    rank = len(call.x.dims)
    return _permuted(reader, call, [axis % rank for axis in call.get("dims")])


def transpose(reader: Reader, call: Call) -> Any:
    """Two axes in each other's place; ``t`` of a matrix."""
    rank = len(call.x.dims)
    given = list(call.args.values())[1:3] or [0, 1]
    one, other = (axis % rank for axis in given)
    perm = list(range(rank))
    perm[one], perm[other] = other, one
    return _permuted(reader, call, perm)


def movedim(reader: Reader, call: Call) -> Any:
    rank = len(call.x.dims)
    source = [axis % rank for axis in listed(call.get("source"), 1)]
    goal = [axis % rank for axis in listed(call.get("destination"), 1)]
    perm: list[int | None] = [None] * rank
    for axis, to in zip(source, goal, strict=True):
        perm[to] = axis
    rest = iter(axis for axis in range(rank) if axis not in source)
    return _permuted(reader, call, [next(rest) if axis is None else axis for axis in perm])


def cat(reader: Reader, call: Call) -> Any:
    return reader.worded(call, "Concat", list(call.x), axis=call.get("dim", 0))


def stack(reader: Reader, call: Call) -> Any:
    axis = call.get("dim", 0) % (len(call.sizes))
    parts = [reader.worded(call, "Unsqueeze", [item], axes=[axis]) for item in call.x]
    return reader.worded(call, "Concat", parts, axis=axis)


def split(reader: Reader, call: Call) -> Any:
    """chunk, split and their like: parts of the sizes that torch recorded."""
    axis = call.get("dim", 0) % len(call.x.dims)
    parts = [int(item.shape[axis]) for item in call.fx.meta["val"]]
    if len(parts) == 1:
        return [call.x]
    return reader.worded(call, "Split", [call.x], len(parts), axis=axis, split=parts)


def unbind(reader: Reader, call: Call) -> Any:
    axis = call.get("dim", 0) % len(call.x.dims)
    return [_picked(reader, call, axis, at) for at in range(len(call.fx.meta["val"]))]


def _picked(reader: Reader, call: Call, axis: int, at: int) -> Any:
    import numpy as np

    from ..onnx.constant import known

    return reader.worded(call, "Gather", [call.x, known(np.asarray(at, np.int64))], axis=axis)


def select(reader: Reader, call: Call) -> Any:
    axis = call.get("dim", 0) % len(call.x.dims)
    return None if isinstance(call.x.dims[axis], Many) else _picked(reader, call, axis, call.get("index"))


def part(reader: Reader, call: Call) -> Any:
    """slice and narrow."""
    value, axis = call.x, call.get("dim", 0) % len(call.x.dims)
    start = call.get("start", 0)
    end = call.get("end", FAR) if "length" not in call.args else start + call.get("length")
    if isinstance(value.dims[axis], Many):
        return (
            value if call.sizes[axis] == reader.size(value.dims[axis]) and call.get("step", 1) == 1 else None
        )
    return reader.worded(
        call, "Slice", [value], starts=[start], ends=[end], axes=[axis], steps=[call.get("step", 1)]
    )


def expand(reader: Reader, call: Call) -> Any:
    """Axes of size 1 repeated to the sizes that torch recorded."""
    value, sizes = call.x, call.sizes
    if len(sizes) > len(value.dims):
        value = reader.worded(call, "Reshape", [value], shape=[1] * (len(sizes) - len(value.dims)) + [
            int(reader.size(size)) for size in value.dims
        ])  # fmt: skip
    for axis, size in enumerate(sizes):
        if value.dims[axis] == 1 and size != 1:
            value = _repeated(reader, call, value, axis, size)
    return value


def _repeated(reader: Reader, call: Call, value: Value, axis: int, times: int) -> Value:
    kind = Operation("numpy.Repeat", inline({"axis": value.stands(axis) + 1, "repeats": times}))
    return reader.add(call, kind, value, positive=value.positive)


def repeat(reader: Reader, call: Call) -> Any:
    """The tensor beside itself, along each axis so often."""
    value, times = call.x, list(call.get("repeats") or call.get("dims"))
    if len(times) != len(value.dims):
        return None
    for axis, count in enumerate(times):
        if count != 1:
            value = reader.worded(call, "Concat", [value] * count, axis=axis)
    return value


def pad(reader: Reader, call: Call) -> Any:
    """Pads, of which torch names those of the last axis first."""
    value, given = call.x, list(call.get("pad"))
    rank, axes = len(value.dims), len(given) // 2
    pads = [0] * 2 * rank
    for place in range(axes):
        pads[rank - 1 - place], pads[2 * rank - 1 - place] = given[2 * place], given[2 * place + 1]
    mode = call.get("mode", "constant")
    return reader.worded(
        call, "Pad", [value], pads=pads, value=float(call.get("value", 0.0)),
        mode={"replicate": "edge", "circular": "wrap"}.get(mode, mode),
    )  # fmt: skip


def flip(reader: Reader, call: Call) -> Any:
    value = call.x
    for axis in call.get("dims"):
        kind = Operation("numpy.Flip", inline({"axis": value.stands(axis) + 1}))
        value = reader.add(call, kind, value, positive=value.positive)
    return value


def roll(reader: Reader, call: Call) -> Any:
    """The last numbers of an axis in front of the others."""
    value = call.x
    for shift, axis in zip(listed(call.get("shifts"), 1), listed(call.get("dims"), 1), strict=True):
        n = value.dims[axis]
        cut = n - shift % n
        if cut == n:
            continue
        axis %= len(value.dims)
        parts = [
            reader.worded(call, "Slice", [value], starts=[start], ends=[end], axes=[axis], steps=[1])
            for start, end in ((cut, n), (0, cut))
        ]
        value = reader.worded(call, "Concat", parts, axis=axis)
    return value


def pixel_shuffle(reader: Reader, call: Call) -> Any:
    return reader.worded(call, "DepthToSpace", [call.x], blocksize=call.get("upscale_factor"), mode="CRD")


def pixel_unshuffle(reader: Reader, call: Call) -> Any:
    by, (n, channels, rows, columns) = call.get("downscale_factor"), [reader.size(s) for s in call.x.dims]
    apart = reader.worded(call, "Reshape", [call.x], shape=[n, channels, rows // by, by, columns // by, by])
    turned = reader.worded(call, "Transpose", [apart], perm=[0, 1, 3, 5, 2, 4])
    return reader.worded(call, "Reshape", [turned], shape=list(call.sizes))


def channel_shuffle(reader: Reader, call: Call) -> Any:
    n, channels, *rest = (reader.size(size) for size in call.x.dims)
    groups = call.get("groups")
    apart = reader.worded(call, "Reshape", [call.x], shape=[n, groups, channels // groups, *rest])
    turned = reader.worded(call, "Transpose", [apart], perm=[0, 2, 1, *range(3, 3 + len(rest))])
    return reader.worded(call, "Reshape", [turned], shape=list(call.sizes))


def embedding(reader: Reader, call: Call) -> Any:
    return reader.worded(call, "Gather", [call.get("weight"), call.get("indices")], axis=0)


RULES: dict[str, Rule] = {
    **dict.fromkeys(
        ("aten.view", "aten.reshape", "aten._unsafe_view", "aten.flatten", "aten.unflatten", "aten.squeeze",
         "aten.unsqueeze", "aten.view_as", "aten.reshape_as", "aten.squeeze_", "aten.unsqueeze_"), reshape,
    ),
    "aten.permute": permute, "aten.movedim": movedim,
    **dict.fromkeys(
        ("aten.transpose", "aten.t", "aten.swapaxes", "aten.swapdims", "aten.numpy_T", "aten.mT"), transpose
    ),
    **dict.fromkeys(("aten.cat", "aten.concat", "aten.concatenate"), cat), "aten.stack": stack,
    **dict.fromkeys(
        ("aten.chunk", "aten.split", "aten.split_with_sizes", "aten.unsafe_chunk", "aten.tensor_split"), split
    ),
    "aten.unbind": unbind, "aten.select": select, "aten.slice": part, "aten.narrow": part,
    "aten.expand": expand, "aten.expand_as": expand, "aten.repeat": repeat, "aten.tile": repeat,
    **dict.fromkeys(
        ("aten.pad", "aten.constant_pad_nd", "aten.reflection_pad2d", "aten.replication_pad2d"), pad
    ),
    "aten.flip": flip, "aten.roll": roll, "aten.pixel_shuffle": pixel_shuffle,
    "aten.pixel_unshuffle": pixel_unshuffle, "aten.channel_shuffle": channel_shuffle,
    "aten.native_channel_shuffle": channel_shuffle, "aten.embedding": embedding,
}  # fmt: skip
