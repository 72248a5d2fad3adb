"""What an attribute of an ONNX operator may say, beyond its type: the specification's sentences as checks."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from typing import Any

from ...errors import BadInput

LARGEST = 2**31
"""No size, count, stride or pad of an image is as large."""
Check = Callable[[Any], bool]


def _every(low: int) -> Check:
    return lambda values: all(low <= value < LARGEST for value in values)


def _one(low: int) -> Check:
    return lambda value: low <= value < LARGEST


def _axis(value: Any) -> bool:
    return abs(value) <= _MOST_AXES


def _finite(value: Any) -> bool:
    return all(math.isfinite(item) for item in (value if isinstance(value, list) else [value]))


def _words(*known: str) -> tuple[Check, str]:
    return lambda value: value in known, " or ".join(known)


_MOST_AXES = 64
_POSITIVE = "whole numbers of at least 1"
_FLAG = (lambda value: value in (0, 1), "0 or 1")
_NUMBER = (_finite, "a finite number")
_COUNT = (_one(1), "a whole number of at least 1")
_AXIS = (_axis, "an axis of the tensor")
_AXES = (
    lambda value: len(set(value)) == len(value) and all(map(_axis, value)),
    "axes of the tensor, each once",
)

ANYWHERE: Mapping[str, tuple[Check, str]] = {
    "kernel_shape": (_every(1), _POSITIVE), "strides": (_every(1), _POSITIVE),
    "dilations": (_every(1), _POSITIVE), "pads": (_every(0), "whole numbers of at least 0"),
    "output_padding": (_every(0), "whole numbers of at least 0"), "output_shape": (_every(1), _POSITIVE),
    "auto_pad": _words("NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"),
    "perm": (lambda value: sorted(value) == list(range(len(value))), "each axis once, counted from 0"),
    "axes": _AXES, "axis": _AXIS, "batch_axis": _AXIS, "time_axis": _AXIS,
    "epsilon": (lambda value: math.isfinite(value) and value >= 0, "a finite number of at least 0"),
    "ratio": (lambda value: 0 <= value < 1, "at least 0 and less than 1"),
    "direction": _words("forward", "reverse", "bidirectional"),
    "approximate": _words("none", "tanh"),
    "coordinate_transformation_mode": _words(
        "half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric",
        "tf_half_pixel_for_nn", "tf_crop_and_resize", "output_half_pixel",
    ),
    "nearest_mode": _words("round_prefer_floor", "round_prefer_ceil", "floor", "ceil", "simple"),
    "keep_aspect_ratio_policy": _words("stretch", "not_larger", "not_smaller"),
    "scales": (lambda value: all(0 < item < LARGEST for item in value), "numbers above 0"),
    "split": (_every(0), "whole numbers of at least 0"), "shape": (_every(-1), "sizes"),
    "starts": (lambda value: True, ""), "ends": (lambda value: True, ""),
    **dict.fromkeys(
        ("group", "hidden_size", "size", "blocksize", "num_outputs", "num_groups", "q_num_heads",
         "kv_num_heads", "num_heads"), _COUNT,
    ),
    **dict.fromkeys(
        ("ceil_mode", "storage_order", "count_include_pad", "keepdims", "transA", "transB", "allowzero",
         "training_mode", "spatial", "is_test", "align_corners", "antialias", "exclude_outside", "layout",
         "linear_before_reset", "input_forget", "noop_with_empty_axes", "select_last_index", "broadcast",
         "largest", "sorted", "fmod", "exclusive", "reverse", "upper", "saturate"), _FLAG,
    ),
    **dict.fromkeys(
        ("alpha", "beta", "gamma", "bias", "lambd", "momentum", "scale", "high", "low", "mean", "clip",
         "cubic_coeff_a", "extrapolation_value", "activation_alpha", "activation_beta", "width_scale",
         "height_scale"), _NUMBER,
    ),
}  # fmt: skip
"""Attributes that mean the same wherever they stand."""
HERE: Mapping[tuple[str, str], tuple[Check, str]] = {
    ("Pad", "pads"): (lambda value: all(abs(item) < LARGEST for item in value), "whole numbers"),
    ("Pad", "paddings"): (lambda value: all(abs(item) < LARGEST for item in value), "whole numbers"),
    ("Pad", "value"): _NUMBER,
    ("LRN", "alpha"): (lambda value: 0 < value < math.inf, "a number above 0"),
    ("LRN", "beta"): (lambda value: 0 < value < math.inf, "a number above 0"),
    ("Pad", "mode"): _words("constant", "reflect", "edge", "wrap"),
    ("Resize", "mode"): _words("nearest", "linear", "cubic"),
    ("Upsample", "mode"): _words("nearest", "linear", "bilinear"),
    ("DepthToSpace", "mode"): _words("DCR", "CRD"),
    ("GridSample", "mode"): _words("bilinear", "nearest", "bicubic", "linear", "cubic"),
    ("BitShift", "direction"): _words("LEFT", "RIGHT"),
    ("RandomNormal", "scale"): _NUMBER,
    ("LpNormalization", "p"): (lambda value: value in (1, 2), "1 or 2"),
    ("Clip", "min"): (lambda value: not math.isnan(value), "a number"),
    ("Clip", "max"): (lambda value: not math.isnan(value), "a number"),
}
"""Attributes that mean something of their own at one operator."""


def check_values(operator: str, where: str, found: Mapping[str, Any]) -> None:
    """Refuse attributes that say what cannot be, or contradict each other.

    Args:
        operator: its name, e.g. ``"Conv"``.
        where: what a message calls this use of it.
        found: its attributes by name.

    Raises:
        BadInput: the first attribute that does not hold, with what the specification wants.
    """
    for name, value in found.items():
        rule = HERE.get((operator, name)) or ANYWHERE.get(name)
        if rule and not rule[0](value):
            raise BadInput(where, f"its {name} is {value!r:.80}", rule[1])
    window = [name for name in ("kernel_shape", "strides", "dilations", "output_padding") if found.get(name)]
    for one, other in itertools.pairwise(window):
        if len(found[one]) != len(found[other]):
            raise BadInput(
                where,
                f"its {one} is {found[one]!r:.80} and its {other} {found[other]!r:.80}",
                "as many of each",
            )
    if not window or operator == "Pad":
        return
    if found.get("pads") and len(found["pads"]) != 2 * len(found[window[0]]):
        raise BadInput(
            where,
            f"its pads are {found['pads']!r:.80} and its {window[0]} {found[window[0]]!r:.80}",
            "two pads for each axis",
        )
    if any(found.get("pads", ())) and found.get("auto_pad", "NOTSET") != "NOTSET":
        raise BadInput(
            where,
            f"its auto_pad is {found['auto_pad']} and its pads are {found['pads']!r:.80}",
            "one of them",
        )
