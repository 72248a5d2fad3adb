"""What int8 operators compute, to the last bit: a slow, literal reference in numpy.

Source: the LiteRT 8-bit quantisation specification and the reference kernels of TensorFlow Lite Micro
(reference_ops, reference_integer_ops), with gemmlowp's fixed-point functions for softmax. Logistic, tanh,
hard-swish and ELU are tables of 256 rounded values, where runtimes may be one step away.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .floats import window_pads
from .program import Op, Program, Tensor

if TYPE_CHECKING:
    import numpy as np

LEAST, MOST = -128, 127
LEFT = 20
"""Bits that sums are shifted left before they are scaled."""


def multiplier(real: float) -> tuple[int, int]:
    """A positive number as a 31-bit fraction and a power of two.

    Example:
        >>> multiplier(0.75)
        (1610612736, 0)
    """
    if real == 0:
        return 0, 0
    fraction, shift = math.frexp(real)
    whole = math.floor(fraction * 2**31 + 0.5)
    if whole == 2**31:
        whole, shift = whole // 2, shift + 1
    return (0, 0) if shift < -31 else (whole, shift)


def high_product(a: Any, b: Any) -> Any:
    """The upper 32 bits of twice a product of integers, rounded (SaturatingRoundingDoublingHighMul)."""
    import numpy as np

    product = np.asarray(a, np.int64) * np.asarray(b, np.int64)
    nudged = product + np.where(product >= 0, 1 << 30, 1 - (1 << 30))
    return np.where(nudged >= 0, nudged >> 31, -(-nudged >> 31))  # towards zero, as C divides


def rounded_shift(x: Any, bits: Any) -> Any:
    """Division by a power of two, rounded half away from zero (RoundingDivideByPOT)."""
    import numpy as np

    x, bits = np.asarray(x, np.int64), np.asarray(bits, np.int64)
    mask = (np.int64(1) << bits) - 1
    threshold = (mask >> 1) + (x < 0)
    return (x >> bits) + ((x & mask) > threshold)


def scaled(x: Any, whole: Any, shift: Any) -> Any:
    """An integer times a multiplier (MultiplyByQuantizedMultiplier)."""
    import numpy as np

    shift = np.asarray(shift)
    left, right = np.maximum(shift, 0), np.maximum(-shift, 0)
    return rounded_shift(high_product(np.asarray(x, np.int64) << left, whole), right)


def run_integers(program: Program, x_NHWC: np.ndarray) -> np.ndarray:
    """What an int8 program answers to one image.

    Args:
        program: of int8 operators.
        x_NHWC: int8, shaped as the program's input, (1, rows, columns, channels).

    Returns:
        The first output's integers.
    """
    import numpy as np

    values: dict[int, Any] = {program.inputs[0]: np.asarray(x_NHWC, np.int64)}
    for place, tensor in enumerate(program.tensors):
        if tensor.data is not None:
            values[place] = tensor.data.astype(np.int64)
    for op in program.ops:
        tensors = [program.tensors[item] for item in op.inputs]
        out = program.tensors[op.output]
        found = _RUN[op.code](op, [values[item] for item in op.inputs], tensors, out)
        low, high = bounds(op, out)
        values[op.output] = np.clip(found, low, high).reshape(out.shape)
    return values[program.outputs[0]].astype(np.int8)


def bounds(op: Op, out: Tensor) -> tuple[int, int]:
    """Least and greatest integer of an operator's output, its fused activation considered."""
    assert out.scale is not None
    low, high = LEAST, MOST
    fused = op.options.get("fused") or (op.code if op.code in ("RELU", "RELU6") else None)
    if fused:
        low = max(low, out.scale.zero_point)
    if fused == "RELU6":
        high = min(high, out.scale.zero_point + round_away(6 / out.scale.scales[0]))
    return low, high


def round_away(x: float) -> int:
    """The nearest integer, halves away from zero, as C rounds."""
    return math.floor(x + 0.5) if x >= 0 else math.ceil(x - 0.5)


def _of(tensor: Tensor) -> tuple[float, int]:
    assert tensor.scale is not None
    return tensor.scale.scales[0], tensor.scale.zero_point


def products(tensors: list[Tensor], out: Tensor, image: int, kernel: int) -> list[tuple[int, int]]:
    """The multiplier of each output channel, or of all of a dense layer's.

    Args:
        tensors: the operator's inputs.
        out: its output.
        image, kernel: their places among the inputs.
    """
    import numpy as np

    step, _ = _of(tensors[image])
    scale, (after, _) = tensors[kernel].scale, _of(out)
    assert scale is not None
    if len(scale.scales) == 1 and len(tensors[kernel].shape) == 2:  # a dense layer's product is a float32
        return [multiplier(float(np.float32(step) * np.float32(scale.scales[0])) / after)]
    return [multiplier(step * own / after) for own in scale.scales]


def _requantized(sums: Any, products: list[tuple[int, int]], out: Tensor) -> Any:
    import numpy as np

    whole, shift = np.array([p[0] for p in products]), np.array([p[1] for p in products])
    return scaled(sums, whole, shift) + _of(out)[1]


def _padded(op: Op, x: Any, kernel: tuple[int, int], value: int) -> Any:
    import numpy as np

    top, bottom, left, right = window_pads(op, x.shape[1], x.shape[2], kernel)
    return np.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0)), constant_values=value)


def _windows(op: Op, padded: Any, kernel: tuple[int, int], rows: int, columns: int) -> Any:
    """What each output position sees: (rows, columns, kernel rows, kernel columns, channels)."""
    import numpy as np

    (sh, sw), (dh, dw) = op.options["strides"], op.options.get("dilation", (1, 1))
    r = np.arange(rows)[:, None] * sh + np.arange(kernel[0])[None] * dh
    c = np.arange(columns)[:, None] * sw + np.arange(kernel[1])[None] * dw
    return padded[0][r[:, None, :, None], c[None, :, None, :]]


def _exact(integers: Any) -> Any:
    """As numbers whose sums of products are exact below 2**53, which numpy multiplies far faster."""
    import numpy as np

    return integers.astype(np.float64)


def _conv(op: Op, given: list[Any], tensors: list[Tensor], out: Tensor) -> Any:
    import numpy as np

    x, kernel_OHWI, bias = given
    zero = _of(tensors[0])[1]
    size = kernel_OHWI.shape[1:3]
    seen = _windows(op, _padded(op, x, size, zero) - zero, size, *out.shape[1:3])
    each, groups = kernel_OHWI.shape[3], x.shape[3] // kernel_OHWI.shape[3]
    filters = kernel_OHWI.shape[0] // groups
    rows, columns = out.shape[1:3]
    parts = [
        _exact(seen[..., g * each : (g + 1) * each].reshape(rows * columns, -1))
        @ _exact(kernel_OHWI[g * filters : (g + 1) * filters].reshape(filters, -1)).T
        for g in range(groups)
    ]
    sums = np.concatenate(parts, -1).astype(np.int64).reshape(rows, columns, -1)
    return _requantized(sums + bias, products(tensors, out, 0, 1), out)


def _depthwise(op: Op, given: list[Any], tensors: list[Tensor], out: Tensor) -> Any:
    import numpy as np

    x, kernel_1HWC, bias = given
    zero = _of(tensors[0])[1]
    size = kernel_1HWC.shape[1:3]
    seen = _windows(op, _padded(op, x, size, zero) - zero, size, *out.shape[1:3])
    seen = np.repeat(seen, op.options["multiplier"], axis=-1)
    sums = np.einsum("rchwi,hwi->rci", seen, kernel_1HWC[0]) + bias
    return _requantized(sums, products(tensors, out, 0, 1), out)


def _transposed(op: Op, given: list[Any], tensors: list[Tensor], out: Tensor) -> Any:
    import numpy as np

    _, kernel_OHWI, x, bias = given
    zero = _of(tensors[2])[1]
    (kh, kw), (sh, sw) = kernel_OHWI.shape[1:3], op.options["strides"]
    rows, columns = out.shape[1:3]
    top = max((x.shape[1] - 1) * sh + kh - rows, 0) // 2
    left = max((x.shape[2] - 1) * sw + kw - columns, 0) // 2
    sums = np.zeros((rows, columns, kernel_OHWI.shape[0]), np.int64) + bias
    for r in range(x.shape[1]):
        for c in range(x.shape[2]):
            for i in range(kh):
                for j in range(kw):
                    at = (r * sh + i - top, c * sw + j - left)
                    if 0 <= at[0] < rows and 0 <= at[1] < columns:
                        sums[at] += kernel_OHWI[:, i, j] @ (x[0, r, c] - zero)
    return _requantized(sums, products(tensors, out, 2, 1), out)


def _fully_connected(op: Op, given: list[Any], tensors: list[Tensor], out: Tensor) -> Any:
    x, kernel_OI, bias = given
    return _requantized((x - _of(tensors[0])[1]) @ kernel_OI.T + bias, products(tensors, out, 0, 1), out)


def _max_pool(op: Op, given: list[Any], tensors: list[Tensor], out: Tensor) -> Any:
    seen = _windows(
        op, _padded(op, given[0], op.options["window"], LEAST), op.options["window"], *out.shape[1:3]
    )
    return seen.max((2, 3))


def _average_pool(op: Op, given: list[Any], tensors: list[Tensor], out: Tensor) -> Any:
    import numpy as np

    window = op.options["window"]
    sums = _windows(op, _padded(op, given[0], window, 0), window, *out.shape[1:3]).sum((2, 3))
    ones = _padded(op, np.ones_like(given[0][..., :1]), window, 0)
    count = _windows(op, ones, window, *out.shape[1:3]).sum((2, 3))
    half = count // 2
    return np.where(sums > 0, (sums + half) // count, -((-sums + half) // count))


def _mean(op: Op, given: list[Any], tensors: list[Tensor], out: Tensor) -> Any:
    zero, place = _of(tensors[0])[1], _of(out)[1]
    count = given[0].shape[1] * given[0].shape[2]
    whole, shift = ratio(tensors[0], out)
    bits = min(count.bit_length() - 1, 32, 31 + shift)
    sums = given[0].sum((1, 2)) - zero * count
    return scaled(sums, (whole << bits) // count, shift - bits) + place


def sum_scales(a: Tensor, b: Tensor, out: Tensor) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int]]:
    """The multipliers of both terms and of their sum, of terms that were shifted left by `LEFT` bits."""
    (step_a, _), (step_b, _), (after, _) = _of(a), _of(b), _of(out)
    twice = 2 * max(step_a, step_b)
    return multiplier(step_a / twice), multiplier(step_b / twice), multiplier(twice / (2**LEFT * after))


def _add(op: Op, given: list[Any], tensors: list[Tensor], out: Tensor) -> Any:
    (a, b), (_, zero_a), (_, zero_b) = given, _of(tensors[0]), _of(tensors[1])
    scale_a, scale_b, scale = sum_scales(tensors[0], tensors[1], out)
    first, second = scaled((a - zero_a) << LEFT, *scale_a), scaled((b - zero_b) << LEFT, *scale_b)
    return scaled(first + second if op.code == "ADD" else first - second, *scale) + _of(out)[1]


def _multiply(op: Op, given: list[Any], tensors: list[Tensor], out: Tensor) -> Any:
    (step_a, zero_a), (step_b, zero_b), (after, place) = _of(tensors[0]), _of(tensors[1]), _of(out)
    products = (given[0] - zero_a) * (given[1] - zero_b)
    return scaled(products, *multiplier(step_a * step_b / after)) + place


def ratio(given: Tensor, out: Tensor) -> tuple[int, int]:
    """The multiplier from one scale to another."""
    return multiplier(_of(given)[0] / _of(out)[0])


def slopes(op: Op, tensors: list[Tensor], out: Tensor) -> tuple[tuple[int, int], tuple[int, int]]:
    """The multipliers of numbers above and below zero, of an operator that treats each alone."""
    import numpy as np

    (step, _), (after, _) = _of(tensors[0]), _of(out)
    if op.code == "PRELU":
        return multiplier(step / after), multiplier(step * _of(tensors[1])[0] / after)
    one, two = np.float32(step), np.float32(after)  # these are float32 in the runtimes, too
    if op.code == "LEAKY_RELU":
        return multiplier(float(one / two)), multiplier(float(one * np.float32(op.options["alpha"]) / two))
    same = ratio(tensors[0], out) if op.code == "QUANTIZE" else multiplier(float(one / two))
    return same, same


def _one_by_one(op: Op, given: list[Any], tensors: list[Tensor], out: Tensor) -> Any:
    import numpy as np

    above, below = slopes(op, tensors, out)
    x = given[0] - _of(tensors[0])[1]
    lower = x * (given[1] - _of(tensors[1])[1]) if op.code == "PRELU" else x
    return np.where(x >= 0, scaled(x, *above), scaled(lower, *below)) + _of(out)[1]


FUNCTIONS: dict[str, Callable[[float], float]] = {
    "LOGISTIC": lambda x: 1 / (1 + math.exp(-x)),
    "TANH": math.tanh,
    "HARD_SWISH": lambda x: x * min(max(x + 3, 0), 6) / 6,
    "ELU": lambda x: x if x > 0 else math.expm1(x),
}
"""Functions of one number that are kept as tables."""


def table(op: Op, given: Tensor, out: Tensor) -> list[int]:
    """The 256 answers of a function, from the least integer on."""
    (step, zero), (after, place) = _of(given), _of(out)
    of = FUNCTIONS[op.code]
    numbers = (round_away(of(step * (q - zero)) / after) + place for q in range(LEAST, MOST + 1))
    return [min(max(number, LEAST), MOST) for number in numbers]


def _looked_up(op: Op, given: list[Any], tensors: list[Tensor], out: Tensor) -> Any:
    import numpy as np

    return np.array(table(op, tensors[0], out))[given[0] - LEAST]


def softmax_scale(step: float) -> tuple[int, int, int]:
    """The multiplier of differences before they are powers, and the least difference that counts."""
    whole, shift = multiplier(min(step * 2**26, 2**31 - 1.0))
    return whole, shift, -math.floor(31 * 2**26 / 2**shift)


EXPONENTIALS = (
    (24, 1672461947), (25, 1302514674), (26, 790015084), (27, 290630308), (28, 39332535), (29, 720401),
    (30, 242),
)  # fmt: skip
"""Bits of a difference with 26 bits behind the point, and exp(-1/4), exp(-1/2), exp(-1) ... as fractions."""


def negative_exp(a: Any) -> Any:
    """exp of numbers from -32 to 0 with 26 bits behind the point, as 31-bit fractions."""
    import numpy as np

    a = np.asarray(a, np.int64)
    quarter = 1 << 24
    part = (a & (quarter - 1)) - quarter
    x = (part << 5) + (1 << 28)
    x2 = high_product(x, x)
    x3, x4 = high_product(x2, x), high_product(x2, x2)
    rest = rounded_shift(high_product(rounded_shift(x4, 2) + x3, 715827883) + x2, 1)
    found = 1895147668 + high_product(1895147668, x + rest)
    left = part - a
    for bit, factor in EXPONENTIALS:
        found = np.where(left & (1 << bit), high_product(found, factor), found)
    return np.where(a == 0, 2**31 - 1, found)


def reciprocal(x: int) -> tuple[int, int]:
    """1 / x of a sum with 12 bits before the point, as a 31-bit fraction and bits over the unit."""
    import numpy as np

    room = 32 - x.bit_length()
    a = (x << room) - (1 << 31)
    total = a + 2**31 - 1
    half = (total + 1) // 2
    found = 1515870810 + int(high_product(half, -1010580540))
    for _ in range(3):
        miss = (1 << 29) - int(high_product(half, found))
        found += int(np.clip(int(high_product(found, miss)) << 2, -(2**31), 2**31 - 1))
    return min(found << 1, 2**31 - 1), 12 - room


def _softmax(op: Op, given: list[Any], tensors: list[Tensor], out: Tensor) -> Any:
    import numpy as np

    whole, shift, least = softmax_scale(_of(tensors[0])[0])
    rows = given[0].reshape(-1, given[0].shape[-1])
    found = np.full(rows.shape, LEAST, np.int64)
    for row, x in zip(found, rows, strict=True):
        apart = x - x.max()
        counts = apart >= least
        powers = negative_exp(high_product(apart[counts] << shift, whole))
        one, over = reciprocal(int(rounded_shift(powers, 12).sum()))
        row[counts] = rounded_shift(high_product(one, powers), over + 23) + LEAST
    return found


def nearest_places(before: int, after: int, half_pixel: bool) -> np.ndarray:
    """For each row (or column) of a nearest-neighbour resize, where it comes from."""
    import numpy as np

    step = np.float32(before) / np.float32(after)
    shift = np.float32(0.5 if half_pixel else 0)
    at = np.floor((np.arange(after, dtype=np.float32) + shift) * step).astype(int)
    return np.minimum(at, before - 1)


def _resize_nearest(op: Op, given: list[Any], tensors: list[Tensor], out: Tensor) -> Any:
    x, half = given[0][0], op.options["half_pixel"]
    rows, columns = (nearest_places(x.shape[i], out.shape[i + 1], half) for i in (0, 1))
    return x[rows][:, columns]


def resize_weights(before: int, after: int) -> list[tuple[int, int, int]]:
    """For each row (or column) of a bilinear resize: its two sources and the second's weight of 1,024."""
    ratio = ((1 << 10) * before + after // 2) // after
    found = []
    for place in range(after):
        at = place * ratio + ratio // 2 - (1 << 9)
        lower = max(at // (1 << 10) if at >= 0 else 0, 0)
        upper = min((at + (1 << 10) - 1) // (1 << 10), before - 1)
        found.append((lower, upper, at - (lower << 10)))
    return found


def _resize_bilinear(op: Op, given: list[Any], tensors: list[Tensor], out: Tensor) -> Any:
    import numpy as np

    x = given[0][0]
    rows, columns = (np.array(resize_weights(x.shape[i], out.shape[i + 1])) for i in (0, 1))
    down, right = rows[:, 2][:, None, None], columns[:, 2][None, :, None]
    unit = 1 << 10
    corners = [
        (rows[:, 0], columns[:, 0], (unit - down) * (unit - right)),
        (rows[:, 1], columns[:, 0], down * (unit - right)),
        (rows[:, 0], columns[:, 1], (unit - down) * right),
        (rows[:, 1], columns[:, 1], down * right),
    ]
    total = sum(x[r][:, c] * weight for r, c, weight in corners)
    half = np.where(total > 0, 1 << 19, -(1 << 19))
    nudged = total + half
    return np.where(nudged >= 0, nudged >> 20, -(-nudged >> 20))


def _pad(op: Op, given: list[Any], tensors: list[Tensor], out: Tensor) -> Any:
    import numpy as np

    return np.pad(given[0], given[1], constant_values=_of(out)[1])


def _slice(op: Op, given: list[Any], tensors: list[Tensor], out: Tensor) -> Any:
    x, (_, top, left, _), (_, rows, columns, _) = given
    return x[:, top : top + rows, left : left + columns]


def _concatenation(op: Op, given: list[Any], tensors: list[Tensor], out: Tensor) -> Any:
    import numpy as np

    return np.concatenate(given, op.options["axis"])


def _extreme(name: str) -> Callable[..., Any]:
    def run(op: Op, given: list[Any], tensors: list[Tensor], out: Tensor) -> Any:
        import numpy as np

        return getattr(np, name)(*given)

    return run


def _moved(op: Op, given: list[Any], tensors: list[Tensor], out: Tensor) -> Any:
    return given[0].transpose(given[1]) if op.code == "TRANSPOSE" else given[0]


def _reduce_max(op: Op, given: list[Any], tensors: list[Tensor], out: Tensor) -> Any:
    return given[0].max((1, 2))


_RUN: dict[str, Callable[[Op, list[Any], list[Tensor], Tensor], Any]] = {
    "ADD": _add,
    "AVERAGE_POOL_2D": _average_pool,
    "CONCATENATION": _concatenation,
    "CONV_2D": _conv,
    "DEPTHWISE_CONV_2D": _depthwise,
    "ELU": _looked_up,
    "FULLY_CONNECTED": _fully_connected,
    "HARD_SWISH": _looked_up,
    "LEAKY_RELU": _one_by_one,
    "LOGISTIC": _looked_up,
    "MAXIMUM": _extreme("maximum"),
    "MAX_POOL_2D": _max_pool,
    "MEAN": _mean,
    "MINIMUM": _extreme("minimum"),
    "MUL": _multiply,
    "PAD": _pad,
    "PRELU": _one_by_one,
    "QUANTIZE": _one_by_one,
    "REDUCE_MAX": _reduce_max,
    "RELU": _one_by_one,
    "RELU6": _one_by_one,
    "RESHAPE": _moved,
    "RESIZE_BILINEAR": _resize_bilinear,
    "RESIZE_NEAREST_NEIGHBOR": _resize_nearest,
    "SLICE": _slice,
    "SOFTMAX": _softmax,
    "SUB": _add,
    "TANH": _looked_up,
    "TRANSPOSE": _moved,
    "TRANSPOSE_CONV": _transposed,
}
