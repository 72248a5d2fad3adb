"""How a wrong figure in a published table probably came about: known mistakes, tried one after the other."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ..rows import Row
from .cells import Figure

Others = Sequence[tuple[str, str, Any]]
"""Other cells of the table: (row's label, "the previous" or the column's title, the value as read)."""


def causes(
    figure: str, came: Figure, row: Row | None, right: int, column: Others, line: Others
) -> tuple[str, ...]:
    """The likely causes of a wrong number, most likely first; empty when none is known.

    Args:
        figure: what the column holds, e.g. "params".
        came: the published number.
        row: the ledger's row; None for totals.
        right: the right number.
        column: the same column's other cells, nearest rows first.
        line: the same row's other cells.
    """
    found: list[str] = []
    if came.result is not None and not math.isclose(came.result, came.value):
        found.append(f"its own formula {came.formula} gives {came.result:,}, not {came.value:,.0f}")
    value = came.value
    copies = [
        (where, f"{where} row's value, copied from {label}")
        for label, where, other in column
        if isinstance(other, Figure) and other.value == value and value > 1
    ][:1]
    found += [cause for where, cause in copies if where == "the previous"]
    if row is not None:
        for test in _TESTS[figure]:
            found += [cause for number, cause in test(row, value) if number != right and came.agrees(number)]
    found += [cause for _, cause in copies]
    found += [
        f"the value of the column {title}"
        for _, title, other in line
        if isinstance(other, Figure) and other.value == value and value > 1
    ]
    found += _of_numbers(came, right)
    return tuple(dict.fromkeys(found))


def _of_numbers(came: Figure, right: int) -> Iterator[str]:
    """Slips that have nothing to do with networks."""
    value = came.value
    for factor in (1000, 10**6, 1024):
        if right and (
            math.isclose(value * factor, right, rel_tol=0.02)
            or math.isclose(value, right * factor, rel_tol=0.02)
        ):
            yield f"off by a factor of {factor:,}: a wrong unit"
    each = came.slack or 1
    a, b = str(round(value / each)), str(math.floor(right / each))
    if a[-1:] != b[-1:] and round(right / each) != math.floor(right / each):
        b = str(round(right / each))
    if len(a) == len(b) > 2:
        different = [index for index, (x, y) in enumerate(zip(a, b, strict=True)) if x != y]
        if len(different) == 1:
            yield f"a slip of one digit: {a} for {b}"
        elif len(different) == 2 and different[1] == different[0] + 1 and sorted(a) == sorted(b):
            yield f"two digits changed places: {a} for {b}"


def _setting(row: Row) -> dict[str, int]:
    """The numbers that a convolution's or dense layer's formula is made of."""
    kind, taken = row.node.kind, row.input_shapes[0]
    seen = getattr(kind, "kernel_size", (1, 1))
    fh, fw = seen if len(seen) == 2 else (1, 1)
    n = getattr(kind, "filters", None) or getattr(kind, "units", None) or row.output_shape[-1] or 0
    return {
        "f": fh * fw,
        "side": fh,
        "c": (taken[-1] or 0) // getattr(kind, "groups", 1),
        "n": n,
        "b": int(bool(getattr(kind, "use_bias", False))),
    }


def _weighted(row: Row, value: float) -> Iterator[tuple[int, str]]:
    """Parameters of convolutions and dense layers."""
    if row.node.kind_name not in ("Conv2D", "Dense"):
        return
    s = _setting(row)
    f, c, n, b = s["f"], s["c"], s["n"], s["b"]
    filter_ = f"{s['side']}×{f // s['side']}"
    dense = row.node.kind_name == "Dense"
    noun, each = ("neurons", "inputs") if dense else ("filters", "input channels")
    if b:
        yield f * c * n + 1, f"one bias instead of {n} (one for each of the {n} {noun})"
        yield f * c * n, f"the {n} biases are not counted"
        yield f * c * n + c, f"{c} biases (one for each of the {each}) instead of {n}"
        yield (f * c * 1 + 1), f"the parameters of one of the {n} {noun}"
        yield (f + 1) * c * n, f"a bias for each of the {each} of each filter, instead of one for each filter"
    else:
        yield f * c * n + n, f"{n} biases counted, but the layer has none"
    if c > 1 and not dense:
        yield (
            (f + b) * n,
            f"input channels dropped: each filter is {filter_}×{c}, not {filter_}",
        )
        yield (
            f * n,
            f"input channels dropped and biases not counted: each filter is {filter_}×{c}",
        )
        yield f * n + 1, "input channels dropped, and one bias instead of one for each filter"
    yield from _other_version(f, c, n, b, value, noun, each)


def _other_version(
    f: int, c: int, n: int, b: int, value: float, noun: str, each: str
) -> Iterator[tuple[int, str]]:
    """The same formula with another number of filters, channels or another kernel."""
    whole = round(value)
    for bias, remark in ((b, ""), (0, ", biases not counted")):
        if whole > 0 and whole % (f * c + bias) == 0:
            other = whole // (f * c + bias)
            if _plausible(other, n):
                yield whole, f"another version of the architecture: {other} {noun} instead of {n}{remark}"
        if n and whole % n == 0 and (whole // n - bias) > 0 and (whole // n - bias) % f == 0:
            other = (whole // n - bias) // f
            if _plausible(other, c) and (other > 1 or f == 1):
                yield whole, f"another version of the architecture: {other} {each} instead of {c}{remark}"
    for other in (1, 3):
        if other != c and f > 1 and whole > 0 and whole % (f * other + b) == 0:
            filters = whole // (f * other + b)
            if filters != n and _plausible(filters, n):
                yield (
                    whole,
                    f"another version of the architecture: {filters} {noun} on {other} channels",
                )
    for side in (1, 2, 3, 5, 7, 9, 11):
        if f > 1 and side * side != f:
            yield (side * side * c + b) * n, f"another version of the architecture: a {side}×{side} kernel"


def _plausible(other: int, right: int) -> bool:
    """Whether somebody may have built it with that many: close to what it is."""
    return other != right and 0 < other <= 4 * max(right, 4) and 4 * other >= right


def _weightless(row: Row, value: float) -> Iterator[tuple[int, str]]:
    """Layers that own nothing, or batch normalisation."""
    if row.params == 0:
        channels = row.output_shape[-1] or 0
        if "Pool" in row.node.kind_name:
            yield 2 * channels, "the subsampling layer of 1998, with a weight and a bias for each channel"
        yield round(value), f"{row.kind} has no parameters" if value else ""
    if row.statistics:
        channels = row.output_shape[-1] or 0
        yield (row.params or 0) - row.statistics, "the moving mean and variance are not counted"
        yield channels, "one number for each channel instead of four"


def _sizes(row: Row, value: float) -> Iterator[tuple[int, str]]:
    """Activation sizes."""
    whole, shape = round(value), row.output_shape
    if len(shape) == 3 and None not in shape:
        rows, columns, channels = (item or 0 for item in shape)
        area = rows * columns
        yield area, f"channels dropped: {rows}×{columns} instead of {rows}×{columns}×{channels}"
        if whole % area == 0 and _plausible(whole // area, channels):
            other = whole // area
            yield (
                whole,
                (
                    f"another version of the architecture (a stale number of filters): "
                    f"{rows}×{columns}×{other} = {whole:,}, {other} channels instead of {channels}"
                ),
            )
        side = math.isqrt(whole // channels) if channels and whole % channels == 0 else 0
        if side and side * side * channels == whole and side != rows and _plausible(side, rows):
            yield whole, f"another size of image: {side}×{side}×{channels} = {whole:,}, not {rows}×{columns}"
    elif len(shape) == 1 and _plausible(whole, shape[0] or 0):
        yield whole, f"another version of the architecture: {whole} features instead of {shape[0]}"
    if row.input_shapes:
        yield math.prod(item or 0 for item in row.input_shapes[0]), "the size of the layer's input"


def _products(row: Row, value: float) -> Iterator[tuple[int, str]]:
    """Multiply-adds."""
    right, size, params = row.macs or 0, row.activation_size or 0, row.params or 0
    s = _setting(row) if row.input_shapes else {"f": 1, "c": 1, "n": 1, "b": 0}
    yield 2 * right, "FLOPs instead of MACs: a multiply-add is counted as two operations"
    yield 2 * right + size, "FLOPs instead of MACs: two operations for each multiply-add, and the biases"
    yield 2 * right - size, "FLOPs instead of MACs: multiplications and additions counted apart"
    yield right + size, "the additions of the biases are counted as multiply-adds"
    yield params, "the parameters: the positions that each filter visits are dropped"
    if s["c"] > 1:
        yield right // s["c"], f"input channels dropped: each output sums over {s['c']} channels"
    yield right // (s["f"] or 1), "the kernel's size is dropped"
    if right == 0 and size:
        yield (
            round(value),
            f"{row.kind} has no multiply-adds by this convention (convolutions and dense layers only)",
        )
    per = right // s["n"] if s["n"] else 0
    whole = round(value)
    if per and whole % per == 0 and _plausible(whole // per, s["n"]):
        yield whole, f"another version of the architecture: {whole // per} filters instead of {s['n']}"


Test = Callable[[Row, float], Iterator[tuple[int, str]]]
_TESTS: Mapping[str, tuple[Test, ...]] = {
    "params": (_weighted, _weightless),
    "trainable_params": (_weighted, _weightless),
    "activation_size": (_sizes,),
    "macs": (_products,),
}


def shape_causes(came: tuple[int, ...], row: Row, column: Others) -> tuple[str, ...]:
    """The likely causes of a wrong shape."""
    found: list[str] = []
    right = tuple(item or 0 for item in row.output_shape)
    taken = row.input_shapes[0] if row.input_shapes else ()
    if len(came) == len(right) == 3:
        if came[:2] == right[:2]:
            found.append(f"another version of the architecture: {came[2]} channels instead of {right[2]}")
        elif row.input_shapes:
            found += _windows(came[0], row)
        if came == (right[2], *right[:2]):
            found.append("channels first, where the other rows have them last")
    elif len(came) == 1 and len(right) == 1:
        found.append(f"another version of the architecture: {came[0]} features instead of {right[0]}")
    if taken and came == tuple(taken) and came != right:
        found.append("the shape of the layer's input")
    found += [f"{where} row's shape, copied from {label}" for label, where, other in column if other == came][
        :1
    ]
    return tuple(dict.fromkeys(found))


def _windows(came: int, row: Row) -> list[str]:
    """Another padding, stride or rounding of (n + 2p - f)/s + 1."""
    kind, n = row.node.kind, row.input_shapes[0][0] or 0
    seen = getattr(kind, "kernel_size", None) or getattr(kind, "pool_size", None)
    if not seen:
        return []
    f, s = seen[0], (getattr(kind, "strides", None) or seen)[0]
    same = getattr(kind, "padding", "valid") == "same"
    guesses = (
        (-(-n // s), 'padding "same" instead of "valid"' if not same else ""),
        ((n - f) // s + 1, 'padding "valid" instead of "same"' if same else ""),
        (-(-(n - f) // s) + 1, "(n − f)/s rounded up instead of down"),
        ((n - f) // s, "the + 1 of (n + 2p − f)/s + 1 is missing"),
        (n - f + 1, f"the stride of {s} is forgotten"),
        (n // s, f"n/s without the filter: {n}/{s}"),
    )
    return [cause for length, cause in guesses if cause and length == came]
