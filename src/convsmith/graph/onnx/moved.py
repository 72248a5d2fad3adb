"""Tensors brought into another order or another shape, with as few layers as that takes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ...kinds import KINDS, Kind
from .op import Reading
from .sizes import Many, Size, per_image
from .value import Value, own_axes, usual_axes


def made(name: str, *settings: object, **more: object) -> Kind:
    """A kind by name with its settings."""
    kind: type = KINDS[name]
    return kind(*settings, **more)  # type: ignore[no-any-return]


def in_keras_order(rows: Any, sizes: tuple[int, ...], order: tuple[int, ...]) -> Any:
    """Weights of features, the features from the file's order into that of Keras's Flatten.

    Args:
        rows: an array whose first axis is the features.
        sizes: of what was flattened, as Keras has it.
        order: which of those axes the file flattened first, second, ...
    """
    rest = rows.shape[1:]
    file = rows.reshape(*(sizes[axis] for axis in order), *rest)
    back = [order.index(axis) for axis in range(len(order))]
    return file.transpose(*back, *range(len(order), file.ndim)).reshape(-1, *rest)


def unmixed(reader: Reading, value: Value) -> Value:
    """The features in the file's order, where Keras's Flatten gave them another."""
    if value.mixed is None:
        return value
    sizes, order = value.mixed
    sorted_ = tuple(sizes[place] for place in order)
    name = reader.layer("reorder", made("Reshape", sizes), (value.node,))
    name = reader.layer("reorder", made("Permute", tuple(place + 1 for place in order)), (name,))
    name = reader.layer("reorder", made("Reshape", (math.prod(sorted_),)), (name,))
    return replace(value, node=name, mixed=None)


def ordered(reader: Reading, value: Value, axes: Sequence[int]) -> Value:
    """The value with the Graph's axes in this order of the file's."""
    value, axes = unmixed(reader, value), tuple(axes)
    if value.axes == axes:
        return value
    key = (value.node, value.axes, axes)
    if key not in reader.turned:
        shape = value.shape
        goal = tuple(per_image(value.dims[axis]) for axis in axes)
        large = lambda order: [axis for axis in order if value.dims[axis] not in (1, Many())]  # noqa: E731
        if large(value.axes) == large(axes) and None not in shape:
            kind = made("Reshape", goal)
        else:
            kind = made("Permute", tuple(value.axes.index(axis) + 1 for axis in axes))
        reader.turned[key] = value.node if shape == goal == (1,) * len(goal) else reader.layer(
            "reorder", kind, (value.node,)
        )  # fmt: skip
    return replace(value, node=reader.turned[key], axes=axes)


def channels_last(reader: Reading, value: Value) -> Value:
    """An image, or a row of positions, with the file's axis 1 as its last."""
    return ordered(reader, value, (*range(2, len(value.dims)), 1))


def reshaped(reader: Reading, value: Value, dims: Sequence[Size], title: str) -> Value | None:
    """The same numbers, in the file's order, in other sizes; None where the batch would be torn apart.

    Args:
        reader: the walk.
        value: the tensor.
        dims: the new sizes in the file.
        title: what a layer is called, where one is needed.
    """
    dims = tuple(dims)
    if dims == value.dims:
        return value
    if value.mixed is not None:
        value = unmixed(reader, value)
    old, new = own_axes(value.dims), own_axes(dims)
    had = [per_image(value.dims[axis]) for axis in old]
    gets = [per_image(size) for size in (dims[axis] for axis in new)]
    if not _batch_stays(value.dims, dims):
        return None
    if None in had or None in gets:
        if len(new) == 1 and value.axes in (usual_axes(value.dims), tuple(old)):
            name = reader.layer(title, made("Flatten"), (value.node,))
            return replace(value, node=name, dims=dims, axes=tuple(new))
        return None
    groups = _groups([size or 0 for size in had], [size or 0 for size in gets])
    if groups is None:
        return None
    place = {axis: at for at, axis in enumerate(value.axes)}
    before = [[old[item] for item in group[0]] for group in groups]
    after = [[new[item] for item in group[1]] for group in groups]
    large = [[axis for axis in group if per_image(value.dims[axis]) != 1] for group in before]
    turn = sorted(range(len(groups)), key=lambda at: min((place[axis] for axis in large[at]), default=-1))
    wanted = [axis for at in turn for axis in large[at]]
    standing = [axis for axis in value.axes if per_image(value.dims[axis]) != 1]
    if wanted != standing:
        if len(new) == 1 and len(standing) > 1:
            sizes = value.shape
            order = tuple(place[axis] for axis in old)
            name = reader.layer(title, made("Flatten"), (value.node,))
            mixed = (tuple(size or 0 for size in sizes), order)
            return Value(name, dims, tuple(new), mixed, value.positive, value.numbers)
        value = ordered(reader, value, [axis for at in turn for axis in before[at]])
    axes = tuple(axis for at in turn for axis in after[at])
    usual = usual_axes(dims)
    ones = lambda order: [axis for axis in order if per_image(dims[axis]) != 1]  # noqa: E731
    if ones(axes) == ones(usual):
        axes = usual
    goal = tuple(per_image(dims[axis]) or 0 for axis in axes)
    name = value.node
    if goal != value.shape:
        name = reader.layer(title, made("Flatten") if len(goal) == 1 else made("Reshape", goal), (name,))
    return Value(name, dims, axes, None, value.positive, value.numbers)


def _batch_stays(old: Sequence[Size], new: Sequence[Size]) -> bool:
    """Whether as many numbers of an image stand before the batch as did."""

    def before(dims: Sequence[Size]) -> int | None:
        total = 1
        for size in dims:
            if isinstance(size, Many):
                return total
            if size is None:
                return -1
            total *= size
        return None

    return before(old) == before(new)


def _groups(old: list[int], new: list[int]) -> list[tuple[list[int], list[int]]] | None:
    """Which old axes become which new ones: the finest parts of equal product, in order."""
    if math.prod(old) != math.prod(new) or 0 in old:
        return None
    found: list[tuple[list[int], list[int]]] = []
    i = j = 0
    while i < len(old) or j < len(new):
        group: tuple[list[int], list[int]] = ([], [])
        have = want = 1
        while not (group[0] and group[1] and have == want):
            if i < len(old) and (have <= want or j >= len(new)) and not (group[0] and have == want):
                have *= old[i]
                group[0].append(i)
                i += 1
            elif j < len(new):
                want *= new[j]
                group[1].append(j)
                j += 1
            else:
                break
        if not (group[0] and group[1]) and found:
            found[-1][0].extend(group[0])
            found[-1][1].extend(group[1])
        else:
            found.append(group)
    return found
