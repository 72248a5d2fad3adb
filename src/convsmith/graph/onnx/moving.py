"""Operators of an ONNX file that move numbers and change none: shapes, parts, pads, sizes of images."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ...kinds.operation import Operation
from .constant import Constant
from .moved import channels_last, made, ordered, reshaped, unmixed
from .numbers import inline
from .op import Op, Reading
from .sizes import Many, Size, per_image, plain
from .value import Value, broadcast
from .windows import padded

_ALL = {"class_name": "__slice__", "config": {"start": None, "stop": None, "step": None}}


def axis_of(op: Op, axis: int, rank: int) -> int:
    """An axis counted from the front.

    Raises:
        BadInput: where the tensor has no such axis.
    """
    if not -rank <= axis < rank:
        raise op.refuse(f"its axis is {axis} of a tensor of {rank} axes", f"{-rank} to {rank - 1}")
    return axis % rank


def axes_of(op: Op, axes: Sequence[int], rank: int) -> list[int]:
    """Axes counted from the front, each once."""
    found = [axis_of(op, int(axis), rank) for axis in axes]
    if len(set(found)) < len(found):
        raise op.refuse(f"its axes are {list(axes)} of a tensor of {rank}", "each axis once")
    return found


def _to(reader: Reading, op: Op, value: Value, dims: Sequence[Size]) -> Value:
    """The value in other sizes; counted where the Graph can't follow."""
    found = reshaped(reader, value, dims, op.title)
    if found is None:
        return reader.counted(op, dims)
    return found if found.positive == value.positive else replace(found, positive=value.positive)


def _group_norm(reader: Reading, op: Op, dims: Sequence[Size]) -> Value | None:
    """A GroupNormalization, where it was written as groups side by side, each as one channel, and back."""
    norm = reader.makers.get(op.node.input[0])
    if norm is None or norm.type != "InstanceNormalization":
        return None
    before = reader.makers.get(norm.node.input[0])
    if before is None or before.type != "Reshape" or not isinstance(before.input(0), Value):
        return None
    value, groups = before.value(), norm.value().dims[1]
    scale, bias = norm.constant(1), norm.constant(2)
    whole = value.is_plain and tuple(dims) == value.dims and isinstance(value.dims[1], int)
    if (
        not whole
        or not isinstance(groups, int)
        or len(norm.value().dims) != 3
        or scale is None
        or bias is None
    ):
        return None
    learned = scale.learned or bias.learned
    if learned or value.dims[1] % groups or set(scale.numbers()) != {1.0} or set(bias.numbers()) != {0.0}:  # type: ignore[operator]
        return None
    last, name = channels_last(reader, value), op.value().node
    epsilon = float(norm.a.get("epsilon", 1e-5))
    kind = made("GroupNormalization", groups, epsilon=epsilon, scale=False, center=False)
    reader.supersede(name, last.node)
    return reader.add(op, kind, last)


def reshape(reader: Reading, op: Op) -> Any:
    value = op.value()
    target = op.setting("shape", 1)
    if target is None:
        return None
    dims = target_sizes(reader, op, value, target)
    if dims is None:
        return None
    return _group_norm(reader, op, dims) or _to(reader, op, value, dims)


def target_sizes(reader: Reading, op: Op, value: Value, target: Sequence[Any]) -> list[Size] | None:
    """The sizes that a Reshape's target means: 0 keeps one, -1 follows from the others.

    Raises:
        BadInput: where they do not hold as many numbers.
    """
    dims: list[Size] = []
    for place, item in enumerate(target):
        keep = isinstance(item, int) and item == 0 and not op.a.get("allowzero")
        if keep and place >= len(value.dims):
            raise op.refuse(f"its shape {_shown(target)} keeps an axis that is not there", "fewer axes")
        dims.append(value.dims[place] if keep else plain(item))
    open_ = [place for place, item in enumerate(dims) if item == -1]
    if len(open_) > 1 or any(isinstance(item, int) and item < -1 for item in dims):
        raise op.refuse(f"its shape is {_shown(target)}", "sizes, and -1 at most once")
    total = value.total
    if None in dims or total is None:
        return _partly(reader, value, dims, open_)
    times = reader.batch or 1
    if not any(isinstance(item, Many) for item in dims) and value.batch is not None:
        return _with_batch(reader, op, value, [item for item in dims if isinstance(item, int)], times)
    known = math.prod(per_image(item) or 0 for item in dims if item != -1)
    if open_:
        if known <= 0 or total % known:
            raise op.refuse(f"makes {_shown(target)} of {list(value.dims)}", "sizes with as many numbers")
        dims[open_[0]] = total // known
    elif known != total:
        raise op.refuse(f"makes {_shown(target)} of {list(value.dims)}", "sizes with as many numbers")
    return dims


def _shown(target: Sequence[Any]) -> str:
    return f"{list(target)}"[:100]


def _partly(reader: Reading, value: Value, dims: list[Size], open_: list[int]) -> list[Size]:
    """Sizes of which some are not known; the batch stays in front where it stood there."""
    dims = [None if item == -1 else item for item in dims]
    first_open = open_ == [0] or (dims and dims[0] == reader.batch)
    if value.batch == 0 and dims and not any(isinstance(item, Many) for item in dims) and first_open:
        dims[0] = Many()
    return dims


def _with_batch(reader: Reading, op: Op, value: Value, dims: list[int], times: int) -> list[Size]:
    """Plain numbers for all images together: one of them holds the batch."""
    total = (value.total or 0) * times
    known = math.prod(item for item in dims if item != -1)
    at = dims.index(-1) if -1 in dims else None
    if known <= 0 or total % known or (at is None and total != known):
        raise op.refuse(f"makes {_shown(dims)} of {list(value.dims)}", "sizes with as many numbers")
    found: list[Size] = [total // known if item == -1 else item for item in dims]
    before = math.prod(per_image(item) or 0 for item in value.dims[: value.batch])
    so_far, fits = 1, []
    for place, item in enumerate(found):
        if so_far == before and isinstance(item, int) and item % times == 0:
            fits.append(place)
        so_far *= int(item or 0)  # type: ignore[arg-type]
    if fits:
        # The batch that the file leaves open is where it says -1; one that it fixes stands where it stood.
        place = at if at in fits and reader.batch is None else fits[0]
        assert place is not None
        found[place] = Many(int(found[place] or 0) // times)  # type: ignore[arg-type]
    return found


def flatten(reader: Reading, op: Op) -> Any:
    value = op.value()
    rank = len(value.dims)
    axis = op.a.get("axis", 1)
    if not -rank <= axis <= rank:
        raise op.refuse(f"its axis is {axis} of a tensor of {rank} axes", f"{-rank} to {rank}")
    axis = axis + rank if axis < 0 else axis
    parts = [_product(value.dims[:axis]), _product(value.dims[axis:])]
    return _to(reader, op, value, parts)


def _product(sizes: Sequence[Size]) -> Size:
    found: Size = 1
    for size in sizes:
        if size is None or found is None:
            found = None
        elif isinstance(size, Many):
            found = Many(size.times * (per_image(found) or 1))
        else:
            found = Many(found.times * size) if isinstance(found, Many) else found * size
    return found


def squeeze(reader: Reading, op: Op) -> Any:
    value, axes = op.value(), op.setting("axes", 1)
    if axes is None:
        places = [place for place, size in enumerate(value.dims) if size == 1]
    else:
        places = axes_of(op, axes, len(value.dims))
        if any(value.dims[place] not in (1, None, Many()) for place in places):
            raise op.refuse(f"leaves out axes {axes} of {list(value.dims)}", "axes of size 1")
        if any(value.dims[place] == Many() for place in places) and reader.batch not in (1, None):
            raise op.refuse(f"leaves out axes {axes} of {list(value.dims)}", "axes of size 1")
    return _to(reader, op, value, [size for place, size in enumerate(value.dims) if place not in places])


def unsqueeze(reader: Reading, op: Op) -> Any:
    value, axes = op.value(), op.setting("axes", 1) or []
    rank = len(value.dims) + len(axes)
    places, rest = axes_of(op, axes, rank), iter(value.dims)
    return _to(reader, op, value, [1 if place in places else next(rest) for place in range(rank)])


def transpose(reader: Reading, op: Op) -> Any:
    value = op.value()
    perm = op.a.get("perm") or list(range(len(value.dims)))[::-1]
    if sorted(perm) != list(range(len(value.dims))):
        raise op.refuse(f"its perm is {perm} of a tensor of {len(value.dims)} axes", "each axis once")
    return unmixed(reader, value).moved(perm)


def concat(reader: Reading, op: Op) -> Any:
    sizes = [item.dims if isinstance(item, Value) else item.sizes for item in op.inputs if item is not None]
    rank = len(sizes[0])
    if any(len(each) != rank for each in sizes):
        raise op.refuse(f"joins tensors of {sorted({len(each) for each in sizes})} axes", "as many of each")
    axis = axis_of(op, op.a.get("axis", 1), rank)
    for each in sizes[1:]:
        for place, (n, own) in enumerate(zip(each, sizes[0], strict=True)):
            if place != axis and isinstance(n, int) and isinstance(own, int) and n != own:
                raise op.refuse(
                    f"joins tensors of {[list(each) for each in sizes]}"[:300], "equal sizes beside"
                )
    joined: Size = 0
    for each in sizes:
        size = each[axis]
        whole = isinstance(size, int) and isinstance(joined, int)
        joined = joined + size if whole else None  # type: ignore[operator]
    many = next((each for each in sizes if any(isinstance(n, Many) for n in each)), sizes[0])
    dims = [*many[:axis], joined, *many[axis + 1 :]]
    values = op.values
    first = values[0]
    if len(op.inputs) == 1:
        return first
    if len(values) < len(op.inputs) or axis not in first.axes or isinstance(many[axis], Many):
        return reader.counted(op, dims)
    if any(set(value.axes) != set(first.axes) for value in values):
        return reader.counted(op, dims)
    axes = first.axes
    parts = [ordered(reader, value, axes) for value in values]
    name = reader.layer(op.title, made("Concatenate", axes.index(axis) + 1), [part.node for part in parts])
    return Value(name, tuple(dims), axes, None, all(value.positive for value in values))


def split(reader: Reading, op: Op) -> Any:
    value = unmixed(reader, op.value())
    axis = axis_of(op, op.a.get("axis", 0), len(value.dims))
    outputs, n = len(op.node.output), value.dims[axis]
    whole = reader.size(n) if n is not None else None
    n = whole if isinstance(whole, int) else n
    parts = op.setting("split", 1)
    if parts is None and isinstance(n, int):
        count = op.a.get("num_outputs", outputs)
        each = -(-n // count)
        parts = [each] * (n // each) + ([n % each] if n % each else [])
    if parts is None or len(parts) != outputs or min(parts) < 1 or (isinstance(n, int) and sum(parts) != n):
        raise op.refuse(f"splits {n} into {parts}", f"{outputs} parts that add up")
    if isinstance(value.dims[axis], Many):
        sides = value.dims[:axis], value.dims[axis + 1 :]
        return [reader.counted(op, [*sides[0], part, *sides[1]]) for part in parts]
    at = value.stands(axis)
    edges = [sum(parts[:place]) for place in range(1, outputs)]
    results = []
    for place, part in enumerate(parts):
        kind = Operation("numpy.Split", inline({"axis": at + 1, "indices_or_sections": edges}), "", place)
        dims = [*value.dims[:axis], part, *value.dims[axis + 1 :]]
        name = reader.layer(op.title, kind, [value.node])
        results.append(replace(value, node=name, dims=tuple(dims)))
    return results


def picked(reader: Reading, op: Op, value: Value, keys: dict[int, Any], dims: Sequence[Size]) -> Value:
    """Parts of a tensor by slices and numbers along the file's axes."""
    key = [_ALL, *(keys.get(axis, _ALL) for axis in value.axes)]
    call = inline({"args": [{"tensor": 0}, key]})
    gone = [axis for axis, item in keys.items() if isinstance(item, int)]
    name = reader.layer(op.title, Operation("numpy.GetItem", "", call), [value.node])
    axes = tuple(axis - sum(g < axis for g in gone) for axis in value.axes if axis not in gone)
    return Value(name, tuple(dims), axes, None, value.positive)


def part(reader: Reading, op: Op) -> Any:
    """Slice."""
    value = unmixed(reader, op.value())
    rank = len(value.dims)
    starts, ends = op.setting("starts", 1), op.setting("ends", 2)
    axes, steps = op.setting("axes", 3), op.setting("steps", 4)
    if starts is None or ends is None:
        return None
    places = axes_of(op, range(len(starts)) if axes is None else axes, rank)
    steps = [1] * len(starts) if steps is None else steps
    if not len(starts) == len(ends) == len(places) == len(steps) or 0 in steps:
        raise op.refuse(f"takes {starts} to {ends} by {steps} of axes {places}", "as many of each, no step 0")
    dims = list(value.dims)
    keys: dict[int, Any] = {}
    for place, start, end, step in zip(places, starts, ends, steps, strict=True):
        n = value.dims[place]
        if any(isinstance(item, Many) for item in (start, step)) or isinstance(n, Many):
            if start == 0 and step == 1 and (isinstance(end, Many) or end >= 2**31 - 1):
                continue
            dims[place] = 1 if n == Many() and start in (0, -1) and end in (1, 2**63 - 1) else None
            keys[place] = None
            continue
        if isinstance(end, Many):
            dims[place], keys[place] = None, None
            continue
        if n is None:
            whole = start == 0 and step == 1 and end >= 2**31 - 1
            dims[place] = None
            if not whole:
                keys[place] = None
            continue
        first, last, by = slice(start, None if step < 0 and end < -n else end, step).indices(n)
        left = len(range(first, last, by))
        if left < 1:
            raise op.refuse(f"takes {start} to {end} by {step} of {n}", "a part that holds something")
        if left != n or by != 1:
            dims[place] = left
            keys[place] = (first, last, by)
    if not keys:
        return value
    if None in keys.values() or any(key[2] < 0 for key in keys.values() if key):
        return reader.counted(op, dims)
    if set(keys) <= {2, 3} and value.is_plain and rank == 4 and all(key[2] == 1 for key in keys.values()):
        value = channels_last(reader, value)
        cut = [(0, 0), (0, 0)]
        for place, (first, last, _) in keys.items():
            cut[place - 2] = (first, int(value.dims[place] or 0) - last)  # type: ignore[arg-type]
        return reader.add(op, made("Cropping2D", tuple(cut)), value, positive=value.positive)
    slices = {
        place: {"class_name": "__slice__", "config": {"start": key[0], "stop": key[1], "step": key[2]}}
        for place, key in keys.items()
    }
    return picked(reader, op, value, slices, dims)


def gather(reader: Reading, op: Op) -> Any:
    """Parts by their numbers; rows of a table by numbers that the network computes (an embedding)."""
    table, places = op.input(0), op.input(1)
    dims: Any = table.dims if isinstance(table, Value) else table.sizes  # type: ignore[union-attr]
    axis = axis_of(op, op.a.get("axis", 0), len(dims))
    wanted: Any = places.dims if isinstance(places, Value) else places.sizes  # type: ignore[union-attr]
    out = [*dims[:axis], *wanted, *dims[axis + 1 :]]
    if isinstance(table, Value) and isinstance(places, Constant) and places.is_small:
        numbers, n = places.numbers(), reader.size(dims[axis])
        if isinstance(n, int) and any(isinstance(at, int) and not -n <= at < n for at in numbers):
            raise op.refuse(f"takes {numbers[:8]} of {n}", f"places from {-n} to {n - 1}")
        single = not wanted and isinstance(n, int) and isinstance(numbers[0], int)
        if single and axis in table.axes and not isinstance(dims[axis], Many):
            table = unmixed(reader, table)
            return picked(reader, op, table, {axis: numbers[0] % n}, out)
    return reader.counted(op, out)


def pad(reader: Reading, op: Op) -> Any:
    value = op.value()
    rank = len(value.dims)
    pads = op.a.get("paddings") or op.setting("pads", 1)
    axes = axes_of(op, op.setting("axes", 3) or range(rank), rank)
    if pads is None or any(isinstance(item, Many) for item in pads):
        return None
    if len(pads) != 2 * len(axes):
        raise op.refuse(f"its pads are {pads} for {len(axes)} axes", "two for each")
    fill = op.setting("value", 2) or [0.0]
    sides = {axis: (pads[at], pads[at + len(axes)]) for at, axis in enumerate(axes)}
    dims = list(value.dims)
    for axis, pair in sides.items():
        n = dims[axis]
        if any(pair):
            dims[axis] = n + sum(pair) if isinstance(n, int) else None
            if isinstance(n, int) and n + sum(pair) < 1:
                raise op.refuse(f"its pads leave {n + sum(pair)} of {n}", "at least 1")
    plain_pads = op.a.get("mode", "constant") == "constant" and all(min(pair) >= 0 for pair in sides.values())
    others = [axis for axis, pair in sides.items() if any(pair) and axis not in (2, 3)]
    if plain_pads and not others and rank == 4 and value.is_plain:
        around = [sides.get(2, (0, 0)), sides.get(3, (0, 0))]
        title, op.title = op.title, op.title.removesuffix("_pad")
        found = padded(reader, op, channels_last(reader, value), around, float(fill[0]))
        op.title = title
        return found
    if plain_pads and value.batch not in others and all(axis in value.axes for axis in others):
        value = unmixed(reader, value)
        width = [[0, 0], *(list(sides.get(axis, (0, 0))) for axis in value.axes)]
        call = {"args": [{"tensor": 0}], "kwargs": {"constant_values": float(fill[0])}}
        kind = Operation("numpy.Pad", inline({"pad_width": width, "mode": "constant"}), inline(call))
        return reader.add(op, kind, value)
    return reader.counted(op, dims)


def resize(reader: Reading, op: Op) -> Any:
    """Resize and Upsample: as Keras does it, or counted where the specification does it otherwise."""
    value, rank = op.value(), len(op.value().dims)
    axes = axes_of(op, op.a.get("axes") or range(rank), rank)
    scales = _scales(op, axes, rank)
    sizes = None
    if op.input(3) is not None and not isinstance(op.input(3), Value):
        given = op.constant(3).numbers()  # type: ignore[union-attr]
        if len(given) != len(axes):
            raise op.refuse(f"its sizes are {_shown(given)} for {len(axes)} axes", "one for each")
        sizes = dict(zip(axes, reader.sizes(given), strict=True))
    dims = list(value.dims)
    for axis in axes:
        n = value.dims[axis]
        if isinstance(n, Many):
            continue
        if sizes is not None:
            dims[axis] = sizes[axis] if sizes[axis] is None else per_image(sizes[axis])
        elif scales is not None and n is not None:
            dims[axis] = _times(n, scales[axis])
        else:
            dims[axis] = None
        if dims[axis] is not None and per_image(dims[axis]) < 1:  # type: ignore[operator]
            raise op.refuse(f"makes {dims[axis]} of {n}", "at least 1")
    rows = dims[2:] if rank == 4 else []
    stretched = op.a.get("keep_aspect_ratio_policy", "stretch") == "stretch"
    others = any(dims[axis] != value.dims[axis] for axis in range(min(2, rank)))
    if rank != 4 or not value.is_plain or others or not stretched or None in rows:
        return reader.counted(op, dims)
    kind = _resizing(op, [int(n) for n in value.dims[2:] if isinstance(n, int)], [int(n or 0) for n in rows])  # type: ignore[arg-type]
    if kind is None:
        return reader.counted(op, dims)
    return reader.add(op, kind, channels_last(reader, value), positive=value.positive)


def _times(n: int, scale: float) -> int:
    """Rows times a factor, cut off as runtimes do: in float32, where 11 times 13/11 is less than 13."""
    import numpy as np

    return int(np.float32(n) * np.float32(scale))


def _scales(op: Op, axes: list[int], rank: int) -> dict[int, float] | None:
    """Factors by axis, where they are given."""
    old = op.type == "Upsample" or op.opset < 11
    given: list[Any] | None
    if "height_scale" in op.a:
        given = [1.0, 1.0, op.a["height_scale"], op.a["width_scale"]]
    else:
        given = op.setting("scales", 1 if old else 2)
    if not given:
        return None
    if len(given) != len(axes) or any(not 0 < float(item) < 2**31 for item in given):
        raise op.refuse(f"its scales are {_shown(given)} for {len(axes)} axes", "a number above 0 for each")
    return {axis: float(item) for axis, item in zip(axes, given, strict=True)}


def _resizing(op: Op, was: list[int], goal: list[int]) -> Any:
    """Keras's layer for a change of size; None where it does it in another way."""
    mode = {"nearest": "nearest", "linear": "bilinear", "bilinear": "bilinear", "cubic": "bicubic"}[
        op.a.get("mode", "nearest")
    ]
    old = op.type == "Upsample" or op.opset < 11
    how = "asymmetric" if old else op.a.get("coordinate_transformation_mode", "half_pixel")
    whole = len(was) == 2 and all(to % n == 0 for n, to in zip(was, goal, strict=True))
    if mode == "nearest":
        rounding = "floor" if old else op.a.get("nearest_mode", "round_prefer_floor")
        exact = (how, rounding) == ("asymmetric", "floor") or how in ("half_pixel", "pytorch_half_pixel")
        if whole and exact and rounding != "ceil":
            return made("UpSampling2D", tuple(to // n for n, to in zip(was, goal, strict=True)))
        middle = how == "half_pixel" and rounding == "round_prefer_ceil"
        return made("Resizing", *goal, interpolation="nearest") if middle else None
    if how not in ("half_pixel", "pytorch_half_pixel") or (how[0] == "p" and 1 in goal):
        return None
    smooth = bool(op.a.get("antialias"))
    sharp = op.a.get("cubic_coeff_a", -0.75)
    outside = bool(op.a.get("exclude_outside"))
    if mode == "bicubic" and (abs(sharp - (-0.5 if smooth else -0.75)) > 1e-6 or outside != smooth):
        return None
    if mode == "bilinear" and smooth and not outside:
        return None
    if whole and not smooth and mode == "bilinear":
        factor = tuple(to // n for n, to in zip(was, goal, strict=True))
        return made("UpSampling2D", factor, interpolation="bilinear")
    return made("Resizing", *goal, interpolation=mode, antialias=smooth)


def depth_to_space(reader: Reading, op: Op) -> Any:
    value, by = op.value(), op.a["blocksize"]
    channels = value.dims[1] if len(value.dims) == 4 else None
    if len(value.dims) != 4 or not isinstance(channels, int) or channels % (by * by):
        raise op.refuse(f"takes {list(value.dims)} by blocks of {by}", "an image whose channels they divide")
    n, _, rows, columns = value.dims
    if not isinstance(rows, int) or not isinstance(columns, int):
        return reader.counted(op, [n, channels // (by * by), None, None])
    deep = channels // (by * by)
    first = op.a.get("mode", "DCR") == "DCR"
    parts: list[Size] = [n, by, by, deep, rows, columns] if first else [n, deep, by, by, rows, columns]
    perm = [0, 3, 4, 1, 5, 2] if first else [0, 1, 4, 2, 5, 3]
    split_up = reshaped(reader, value, parts, op.title)
    if split_up is None:
        return None
    return _to(reader, op, split_up.moved(perm), [n, deep, rows * by, columns * by])


def space_to_depth(reader: Reading, op: Op) -> Any:
    value, by = op.value(), op.a["blocksize"]
    if len(value.dims) != 4:
        raise op.refuse(f"takes {list(value.dims)}", "an image")
    n, channels, rows, columns = value.dims
    if not all(isinstance(item, int) for item in (channels, rows, columns)):
        return reader.counted(op, [n, None, None, None])
    if rows % by or columns % by:  # type: ignore[operator]
        raise op.refuse(f"takes {list(value.dims)} by blocks of {by}", "rows and columns that they divide")
    high, wide = rows // by, columns // by  # type: ignore[operator]
    split_up = reshaped(reader, value, [n, channels, high, by, wide, by], op.title)
    if split_up is None:
        return None
    return _to(reader, op, split_up.moved([0, 3, 5, 1, 2, 4]), [n, channels * by * by, high, wide])  # type: ignore[operator]


def expand(reader: Reading, op: Op) -> Any:
    value = op.value()
    target = op.setting("shape", 1)
    if target is None:
        return None
    sizes = reader.sizes(target)
    if len(sizes) <= len(value.dims):
        whole: list[Size] = [*[1] * (len(value.dims) - len(sizes)), *sizes]
        pairs = list(zip(value.dims, whole, strict=True))
        if all(to == 1 or to == n or (isinstance(n, Many) and to in (n, reader.batch)) for n, to in pairs):
            return value
    if value.batch is not None and reader.batch is not None:
        at = value.batch - len(value.dims)
        if -at <= len(sizes) and sizes[at] == (per_image(value.dims[at]) or 0) * reader.batch:
            sizes[at] = value.dims[at]
    try:
        return reader.counted(op, broadcast([value.dims, sizes]))
    except ValueError:
        raise op.refuse(
            f"makes {_shown(target)} of {list(value.dims)}", "sizes that are equal, or 1"
        ) from None


def tile(reader: Reading, op: Op) -> Any:
    value, times = op.value(), op.setting("repeats", 1)
    if times is None:
        return None
    if len(times) != len(value.dims):
        raise op.refuse(f"its repeats are {_shown(times)} for {len(value.dims)} axes", "one for each")
    if any(isinstance(item, int) and item < 1 for item in times):
        raise op.refuse(f"its repeats are {_shown(times)}", "at least 1")
    dims: list[Size] = []
    for size, count in zip(value.dims, times, strict=True):
        if count == 1:
            dims.append(size)
        elif isinstance(count, Many) or size is None:
            dims.append(None)
        else:
            dims.append(Many(size.times * count) if isinstance(size, Many) else size * count)
    return value if dims == list(value.dims) else reader.counted(op, dims)


OPERATORS = {
    "Reshape": reshape, "Flatten": flatten, "Squeeze": squeeze, "Unsqueeze": unsqueeze,
    "Transpose": transpose, "Concat": concat, "Split": split, "Slice": part, "Gather": gather, "Pad": pad,
    "Resize": resize, "Upsample": resize, "DepthToSpace": depth_to_space, "SpaceToDepth": space_to_depth,
    "Expand": expand, "Tile": tile,
}  # fmt: skip
