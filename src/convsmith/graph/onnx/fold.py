"""What a file computes from constants and from shapes alone, by a few operators of our own in numpy.

No code of the file's is run; results are bounded in size. Small ones are computed at once, weights when
they are asked for: until then only their sizes are.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from .constant import SMALL, Constant, known
from .sizes import UNSIZED, Many, Unsized

MOST = 2**31
"""Numbers of a computed constant."""
MOST_AXES = 32

Arrays = list[Any]
Fold = Callable[[Arrays, dict[str, Any], int], Any]


def folded(
    operator: str, a: dict[str, Any], taken: list[Constant | None], opset: int, outputs: int = 1
) -> list[Constant] | None:
    """What an operator makes of constants; None where it is none of ours.

    Args:
        operator: its name.
        a: its attributes.
        taken: its inputs in order; None for one that is left out.
        opset: the version of the specification.
        outputs: how many outputs it has.

    Raises:
        ValueError: where it cannot be done.
    """
    rule = RULES.get(operator)
    if rule is None:
        return None
    there = [item for item in taken if item is not None]
    whole = sum(item.count for item in there)
    learned = any(item.learned for item in there)
    names = tuple(dict.fromkeys(name for item in there for name in item.names))
    sizes, kind = _sizes(operator, a, taken, opset)
    # Small copies of real networks have their weights' sizes as initializers, and make them of one number.
    learned = learned or (operator == "ConstantOfShape" and bool(names) and "float" in kind)
    if sizes is not None:
        if math.prod(sizes) > MOST or len(sizes) > MOST_AXES:
            raise ValueError(f"it makes a constant of {math.prod(sizes):,} numbers")
        if math.prod(sizes) > SMALL or whole > SMALL:
            make = lambda: rule([_numbers(item) for item in taken], a, opset)  # noqa: E731
            return [Constant(sizes, make, learned, names, kind)]
    if whole > 4 * SMALL and sizes is None and operator not in _VIEWS:
        return None
    import numpy as np

    with np.errstate(all="ignore"):
        found = rule([_numbers(item) for item in taken], a, opset)
    made = found if isinstance(found, list) else [found]
    if len(made) < outputs:
        raise ValueError("it makes fewer tensors than it names")
    results = []
    for array in made:
        array = np.asarray(array)
        if array.size > MOST or array.ndim > MOST_AXES:
            raise ValueError(f"it makes a constant of {array.size:,} numbers")
        result = known(array)
        result.learned, result.names = learned and array.dtype.kind not in "iub", names
        results.append(result)
    return results


def _numbers(item: Constant | None) -> Any:
    return None if item is None else item.array()


def _sizes(
    operator: str, a: dict[str, Any], taken: list[Constant | None], opset: int
) -> tuple[tuple[int, ...] | None, str]:
    """The sizes that come out, where they follow without the numbers, and the numbers' type."""
    import numpy as np

    first = taken[0] if taken else None
    kind = first.kind if first is not None else "float32"
    if operator in _BETWEEN:
        shapes = [item.sizes for item in taken if item is not None]
        kinds = [item.kind for item in taken if item is not None]
        return np.broadcast_shapes(*shapes), "object" if "object" in kinds else kind
    if operator in _ALONE and first is not None:
        return first.sizes, kind
    if first is None or kind == "object":
        return None, kind
    rest = [_numbers(item) if item is not None and item.is_small else None for item in taken[1:]]
    if operator in _VIEWS and first.count > SMALL:
        stand = np.broadcast_to(np.zeros((), np.int8), first.sizes)
        return tuple(RULES[operator]([stand, *rest], a, opset).shape), kind
    if operator == "Expand" and rest and rest[0] is not None:
        return np.broadcast_shapes(first.sizes, tuple(map(int, rest[0]))), kind
    if operator == "ConstantOfShape" and first.is_small and first.kind != "object":
        shape = tuple(int(size) for size in first.array().reshape(-1))
        if any(size < 0 for size in shape):
            raise ValueError(f"it makes a constant of the sizes {list(shape)}")
        fill = a.get("value")
        return shape, str(fill.dtype) if fill is not None else "float32"
    return None, kind


def _axes(given: Any, rank: int) -> list[int]:
    axes = [int(axis) for axis in given]
    places = [axis + rank if axis < 0 else axis for axis in axes]
    if len(set(places)) < len(places) or any(not 0 <= place < rank for place in places):
        raise ValueError(f"axes {axes} of {rank}")
    return places


def _given(arrays: Arrays, a: dict[str, Any], name: str, place: int) -> Any:
    """A setting that is an attribute in older opsets and an input in newer ones."""
    if name in a:
        return a[name]
    found = arrays[place] if len(arrays) > place else None
    return None if found is None else found.reshape(-1).tolist()


def _unsqueeze(arrays: Arrays, a: dict[str, Any], opset: int) -> Any:
    axes = _given(arrays, a, "axes", 1)
    x = arrays[0]
    places = _axes(axes, x.ndim + len(axes))
    rest = iter(x.shape)
    return x.reshape([1 if place in places else next(rest) for place in range(x.ndim + len(axes))])


def _squeeze(arrays: Arrays, a: dict[str, Any], opset: int) -> Any:
    import numpy as np

    axes = _given(arrays, a, "axes", 1)
    return np.squeeze(arrays[0], None if axes is None else tuple(_axes(axes, arrays[0].ndim)))


def _reshape(arrays: Arrays, a: dict[str, Any], opset: int) -> Any:
    x, target = arrays[0], _given(arrays, a, "shape", 1)
    if any(isinstance(size, Many) for size in target):
        raise ValueError("a shape that is not known")
    if not a.get("allowzero"):
        target = [x.shape[place] if size == 0 else size for place, size in enumerate(target)]
    return x.reshape([int(size) for size in target])


def _slice(arrays: Arrays, a: dict[str, Any], opset: int) -> Any:
    x = arrays[0]
    starts, ends = _given(arrays, a, "starts", 1), _given(arrays, a, "ends", 2)
    axes, steps = _given(arrays, a, "axes", 3), _given(arrays, a, "steps", 4)
    places = _axes(range(len(starts)) if axes is None else axes, x.ndim)
    key = [slice(None)] * x.ndim
    for place, start, end, step in zip(places, starts, ends, steps or [1] * len(starts), strict=True):
        if any(isinstance(item, Many) for item in (start, end, step)):
            raise ValueError("a part that is not known")
        past = step < 0 and end < -x.shape[place]
        key[place] = slice(int(start), None if past else int(end), int(step))
    return x[tuple(key)]


def _gather(arrays: Arrays, a: dict[str, Any], opset: int) -> Any:
    import numpy as np

    x, places = arrays[0], arrays[1].astype(np.int64)
    (axis,) = _axes([a.get("axis", 0)], x.ndim)
    if places.size * max(1, x.size // max(1, x.shape[axis])) > MOST:
        raise ValueError("it makes too large a constant")
    return np.take(x, places, axis=axis)


def _concat(arrays: Arrays, a: dict[str, Any], opset: int) -> Any:
    import numpy as np

    objects = any(array.dtype == object for array in arrays)
    return np.concatenate([array.astype(object) if objects else array for array in arrays], a["axis"])


def _cast(arrays: Arrays, a: dict[str, Any], opset: int) -> Any:
    from onnx import helper

    if arrays[0].dtype == object:
        return arrays[0]
    return arrays[0].astype(helper.tensor_dtype_to_np_dtype(a["to"]))


def _divide(arrays: Arrays, a: dict[str, Any], opset: int) -> Any:
    import numpy as np

    one, other = arrays[:2]
    if one.dtype == object or other.dtype == object:
        return one.astype(object) // other.astype(object)
    if one.dtype.kind in "iu":
        if not other.all():
            raise ValueError("it divides by 0")
        return (np.abs(one) // np.abs(other) * np.sign(one) * np.sign(other)).astype(one.dtype)
    return one / other


def _constant_of_shape(arrays: Arrays, a: dict[str, Any], opset: int) -> Any:
    import numpy as np

    shape = [1 if isinstance(size, Many) else int(size) for size in arrays[0].reshape(-1).tolist()]
    if any(isinstance(size, Unsized) for size in arrays[0].reshape(-1).tolist()):
        raise ValueError("a shape that is not known")
    if math.prod(shape) > MOST:
        raise ValueError("it makes too large a constant")
    fill = a.get("value")
    fill = np.zeros(1, np.float32) if fill is None else fill
    return np.broadcast_to(fill.reshape(()), shape)


def _expand(arrays: Arrays, a: dict[str, Any], opset: int) -> Any:
    import numpy as np

    shape = [1 if isinstance(size, Many) else int(size) for size in arrays[1].reshape(-1).tolist()]
    return np.broadcast_to(arrays[0], np.broadcast_shapes(arrays[0].shape, tuple(shape)))


def _tile(arrays: Arrays, a: dict[str, Any], opset: int) -> Any:
    import numpy as np

    times = [int(item) for item in arrays[1].reshape(-1)]
    if math.prod(times) * arrays[0].size > 4 * SMALL:
        raise ValueError("it makes too large a constant")
    return np.tile(arrays[0], times)


def _range(arrays: Arrays, a: dict[str, Any], opset: int) -> Any:
    import numpy as np

    start, end, step = (array.reshape(-1).tolist()[0] for array in arrays[:3])
    if any(isinstance(item, Many) for item in (start, end, step)) or not step:
        raise ValueError("a range that is not known")
    if abs((end - start) / step) > SMALL:
        raise ValueError("it makes too large a constant")
    return np.arange(start, end, step, dtype=arrays[0].dtype)


def _over(name: str) -> Fold:
    def fold(arrays: Arrays, a: dict[str, Any], opset: int) -> Any:
        import numpy as np

        x, axes = arrays[0], _given(arrays, a, "axes", 1)
        if not axes and a.get("noop_with_empty_axes"):
            return x
        places = tuple(_axes(axes, x.ndim)) if axes else tuple(range(x.ndim))
        if x.dtype == object:
            if name != "prod":
                raise ValueError("sizes that are not known")
            return np.asarray(np.prod(x, axis=places, keepdims=bool(a.get("keepdims", 1))), object)
        return np.asarray(getattr(np, name)(x, axis=places, keepdims=bool(a.get("keepdims", 1))))

    return fold


def _split(arrays: Arrays, a: dict[str, Any], opset: int) -> Any:
    import numpy as np

    x, parts = arrays[0], _given(arrays, a, "split", 1)
    (axis,) = _axes([a.get("axis", 0)], x.ndim)
    if parts is None:
        raise ValueError("parts that are not said")
    return np.split(x, np.cumsum(parts)[:-1].tolist(), axis)


def _dequantized(arrays: Arrays, a: dict[str, Any], opset: int) -> Any:
    import numpy as np

    x, scale = arrays[0].astype(np.float32), arrays[1]
    zero = arrays[2].astype(np.float32) if len(arrays) > 2 and arrays[2] is not None else np.float32(0)
    if scale.ndim == 1 and scale.size > 1:
        (axis,) = _axes([a.get("axis", 1)], x.ndim)
        places = [-1 if place == axis else 1 for place in range(x.ndim)]
        scale, zero = scale.reshape(places), np.reshape(zero, places if np.ndim(zero) else ())
    return ((x - zero) * scale).astype(np.float32)


def _two(name: str) -> Fold:
    def fold(arrays: Arrays, a: dict[str, Any], opset: int) -> Any:
        import numpy as np

        one, other = arrays[0], arrays[1]
        if opset < 7 and a.get("broadcast") and "axis" in a:
            tail = one.ndim - a["axis"] - other.ndim
            other = other.reshape(*other.shape, *[1] * tail)
        if one.dtype == object or other.dtype == object:
            return getattr(np, name)(one.astype(object), other.astype(object))
        return getattr(np, name)(one, other)

    return fold


def _several(name: str) -> Fold:
    def fold(arrays: Arrays, a: dict[str, Any], opset: int) -> Any:
        import numpy as np

        found = arrays[0]
        for other in arrays[1:]:
            found = getattr(np, name)(found, other)
        return found

    return fold


def _one(name: str) -> Fold:
    def fold(arrays: Arrays, a: dict[str, Any], opset: int) -> Any:
        import numpy as np

        x = arrays[0]
        return x if x.dtype == object and name in ("ceil", "floor", "rint") else getattr(np, name)(x)

    return fold


def _same(arrays: Arrays, a: dict[str, Any], opset: int) -> Any:
    return arrays[0]


def _transpose(arrays: Arrays, a: dict[str, Any], opset: int) -> Any:
    return arrays[0].transpose(a.get("perm"))


def _flatten(arrays: Arrays, a: dict[str, Any], opset: int) -> Any:
    axis = a.get("axis", 1)
    return arrays[0].reshape(math.prod(arrays[0].shape[:axis]), -1)


def _where(arrays: Arrays, a: dict[str, Any], opset: int) -> Any:
    import numpy as np

    objects = any(array.dtype == object for array in arrays[1:])
    one, other = (array.astype(object) if objects else array for array in arrays[1:3])
    return np.where(arrays[0].astype(bool), one, other)


def _nonzero(arrays: Arrays, a: dict[str, Any], opset: int) -> Any:
    import numpy as np

    return np.array(np.nonzero(np.atleast_1d(arrays[0])), np.int64)


def _equal(arrays: Arrays, a: dict[str, Any], opset: int) -> Any:
    import numpy as np

    one, other = np.broadcast_arrays(arrays[0], arrays[1])
    if one.dtype != object and other.dtype != object:
        return one == other
    flat = [x == y for x, y in zip(one.reshape(-1).tolist(), other.reshape(-1).tolist(), strict=True)]
    return np.array(flat, bool).reshape(one.shape)


_BETWEEN = frozenset((
    "Add", "Sub", "Mul", "Div", "Pow", "Mod", "Max", "Min", "Greater", "Less", "GreaterOrEqual",
    "LessOrEqual", "Equal", "And", "Or", "Where",
))  # fmt: skip
_ALONE = frozenset((
    "Identity", "Cast", "Neg", "Abs", "Floor", "Ceil", "Round", "Sqrt", "Exp", "Log", "Reciprocal", "Not",
    "DequantizeLinear", "Sin", "Cos",
))  # fmt: skip
_VIEWS = frozenset(("Reshape", "Transpose", "Squeeze", "Unsqueeze", "Flatten", "Slice"))
RULES: dict[str, Fold] = {
    "Identity": _same, "Cast": _cast, "CastLike": _same, "Unsqueeze": _unsqueeze, "Squeeze": _squeeze,
    "Reshape": _reshape, "Transpose": _transpose, "Flatten": _flatten, "Slice": _slice, "Gather": _gather,
    "Concat": _concat, "Div": _divide, "ConstantOfShape": _constant_of_shape, "Expand": _expand,
    "Tile": _tile, "Range": _range, "Split": _split, "DequantizeLinear": _dequantized, "Where": _where,
    "NonZero": _nonzero, "Equal": _equal,
    "Add": _two("add"), "Sub": _two("subtract"), "Mul": _two("multiply"), "Pow": _two("power"),
    "Mod": _two("mod"), "Max": _several("maximum"), "Min": _several("minimum"), "Greater": _two("greater"),
    "Less": _two("less"), "GreaterOrEqual": _two("greater_equal"), "LessOrEqual": _two("less_equal"),
    "And": _two("logical_and"), "Or": _two("logical_or"), "Not": _one("logical_not"),
    "Neg": _one("negative"), "Abs": _one("absolute"), "Floor": _one("floor"), "Ceil": _one("ceil"),
    "Round": _one("rint"), "Sqrt": _one("sqrt"), "Exp": _one("exp"), "Log": _one("log"),
    "Reciprocal": _one("reciprocal"), "Sin": _one("sin"), "Cos": _one("cos"),
    "ReduceProd": _over("prod"), "ReduceSum": _over("sum"), "ReduceMin": _over("min"),
    "ReduceMax": _over("max"), "ReduceMean": _over("mean"),
}  # fmt: skip


def unsized(count: int) -> Constant:
    """As many sizes that are not known."""
    import numpy as np

    found = np.empty(count, object)
    found[:] = UNSIZED
    return known(found)
