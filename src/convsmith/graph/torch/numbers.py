"""ATen's operators on each number alone: activations, and arithmetic between tensors."""

from __future__ import annotations

from typing import Any

from ...kinds.operation import Operation
from ..onnx.constant import Constant
from ..onnx.moved import made
from ..onnx.numbers import inline
from ..onnx.value import Value
from .call import Call
from .reading import Reader, Rule, number, operand


def _as(type_: str, **names: str) -> Rule:
    """An operator that ONNX has: its attributes by the names of the call's arguments."""

    def rule(reader: Reader, call: Call) -> Any:
        return reader.worded(call, type_, [call.x], **{key: call.get(name) for key, name in names.items()})

    return rule


def _function(name: str, positive: bool = False) -> Rule:
    return lambda reader, call: reader.add(call, Operation(name), call.x, positive=positive)


def _activation(name: str) -> Rule:
    return lambda reader, call: reader.add(call, made("Activation", name), call.x)


def _same(reader: Reader, call: Call) -> Any:
    """Passed on: the numbers stay what they are."""
    return call.x


def _typed(reader: Reader, call: Call) -> Any:
    """Fractions in another type stay the numbers that they are; whole numbers are no images."""
    value = call.fx.meta["val"]
    return call.x if value.is_floating_point() else None


def between(type_: str, turned: bool = False) -> Rule:
    """Arithmetic of two; the second times alpha, where there is one."""

    def rule(reader: Reader, call: Call) -> Any:
        one, other = (operand(item) for item in list(call.args.values())[:2])
        if call.get("rounding_mode") is not None:
            return None
        alpha = call.get("alpha", 1)
        if alpha != 1:
            if isinstance(other, Constant) and not other.learned and other.count == 1:
                other = number(float(other.array().reshape(-1)[0]) * alpha)
            elif isinstance(other, Value):
                other = reader.worded(call, "Mul", [other, number(alpha)])
            else:
                return None
        pair = [other, one] if turned else [one, other]
        return reader.worded(call, type_, pair)

    return rule


def _clip(low: str = "min", high: str = "max") -> Rule:
    def rule(reader: Reader, call: Call) -> Any:
        ends = call.get(low), call.get(high)
        if any(isinstance(end, Value | Constant) for end in ends):
            return None
        return reader.worded(call, "Clip", [call.x], min=_float(ends[0]), max=_float(ends[1]))

    return rule


def _float(item: Any) -> float | None:
    return None if item is None else float(item)


def _relu6(reader: Reader, call: Call) -> Any:
    return reader.worded(call, "Clip", [call.x], min=0.0, max=6.0)


def _elu(reader: Reader, call: Call) -> Any:
    if call.get("scale", 1) != 1 or call.get("input_scale", 1) != 1:
        return None
    return reader.worded(call, "Elu", [call.x], alpha=float(call.get("alpha", 1.0)))


def _hard_sigmoid(reader: Reader, call: Call) -> Any:
    return reader.worded(call, "HardSigmoid", [call.x], alpha=1 / 6, beta=0.5)


def _softplus(reader: Reader, call: Call) -> Any:
    return reader.worded(call, "Softplus", [call.x]) if call.get("beta", 1) == 1 else None


def _rrelu(reader: Reader, call: Call) -> Any:
    """In evaluation mode its slope is the middle of its range."""
    slope = (float(call.get("lower", 1 / 8)) + float(call.get("upper", 1 / 3))) / 2
    return reader.worded(call, "LeakyRelu", [call.x], alpha=slope)


def _prelu(reader: Reader, call: Call) -> Any:
    """One slope for each channel, which stand on axis 1, or one for all."""
    value, slope = call.x, call.get("weight")
    if not isinstance(slope, Constant):
        return None
    sizes = (slope.count, *[1] * (len(value.dims) - 2)) if len(value.dims) > 1 else (1,)
    shaped = Constant(
        sizes, lambda: slope.array().reshape(sizes), slope.learned, slope.names, slope.kind, slope.parameter
    )
    return reader.worded(call, "PRelu", [value, shaped])


def _glu(reader: Reader, call: Call) -> Any:
    """One half times the sigmoid of the other."""
    value = call.x
    axis = call.get("dim", -1) % len(value.dims)
    half = int(value.dims[axis]) // 2
    one, gate = reader.worded(call, "Split", [value], 2, axis=axis, split=[half, half])
    return reader.worded(call, "Mul", [one, reader.worded(call, "Sigmoid", [gate])])


def _dropout(reader: Reader, call: Call) -> Any:
    """Kept as the layer that it is: training drops again."""
    rate = float(call.get("p", 0.5))
    if call.get("train"):
        raise call.refuse("drops numbers in evaluation mode too", "F.dropout(x, p, training=self.training)")
    if not 0 <= rate < 1:
        return call.x
    name = {"aten.feature_dropout": "SpatialDropout2D", "aten.alpha_dropout": "AlphaDropout"}
    kind = name.get(call.operator.rstrip("_"), "Dropout")
    if kind == "SpatialDropout2D" and call.x.axes != (2, 3, 1):
        return call.x
    return reader.add(call, made(kind, rate), call.x, positive=call.x.positive)


def _gelu(reader: Reader, call: Call) -> Any:
    return reader.worded(call, "Gelu", [call.x], approximate=call.get("approximate", "none"))


def _with_alpha(function: str) -> Rule:
    def rule(reader: Reader, call: Call) -> Any:
        return reader.add(call, Operation(function, inline({"alpha": float(call.get("alpha", 1.0))})), call.x)

    return rule


def _threshold(function: str) -> Rule:
    def rule(reader: Reader, call: Call) -> Any:
        kind = Operation(function, inline({"threshold": float(call.get("lambd", 0.5))}))
        return reader.add(call, kind, call.x)

    return rule


_PLAIN: dict[str, Rule] = {
    "relu": _as("Relu"), "sigmoid": _as("Sigmoid"), "tanh": _as("Tanh"), "exp": _as("Exp"),
    "erf": _as("Erf"), "sqrt": _as("Sqrt"), "neg": _as("Neg"), "reciprocal": _as("Reciprocal"),
    "abs": _as("Abs"), "log": _as("Log"), "sin": _as("Sin"), "cos": _as("Cos"), "silu": _as("Swish"),
    "mish": _as("Mish"), "selu": _as("Selu"), "hardswish": _as("HardSwish"),
    "leaky_relu": _as("LeakyRelu", alpha="negative_slope"), "elu": _elu, "hardsigmoid": _hard_sigmoid,
    "gelu": _gelu, "softplus": _softplus, "rrelu": _rrelu, "hardtanh": _clip("min_val", "max_val"),
    "clamp": _clip(), "clip": _clip(), "clamp_min": _clip("min"), "clamp_max": _clip("none"),
    "relu6": _relu6, "rsqrt": _function("math.Rsqrt", True), "square": _function("numpy.Square", True),
    "log1p": _function("numpy.Log1p"), "celu": _with_alpha("nn.Celu"), "dropout": _dropout,
    "feature_dropout": _dropout, "alpha_dropout": _dropout,
    "add": between("Add"), "sub": between("Sub"), "mul": between("Mul"), "div": between("Div"),
    "true_divide": between("Div"), "multiply": between("Mul"), "subtract": between("Sub"),
    "pow": between("Pow"),
}  # fmt: skip
"""Operators that also come with an underscore: in place."""
RULES: dict[str, Rule] = {
    **{f"aten.{name}": rule for name, rule in _PLAIN.items()},
    **{f"aten.{name}_": rule for name, rule in _PLAIN.items()},
    "aten.prelu": _prelu, "aten._prelu_kernel": _prelu, "aten.glu": _glu,
    "aten.rsub": between("Sub", turned=True),
    **dict.fromkeys(("aten.maximum",), between("Max")), **dict.fromkeys(("aten.minimum",), between("Min")),
    "aten.log_sigmoid": _function("nn.LogSigmoid"), "aten.hardshrink": _threshold("nn.HardShrink"),
    "aten.softshrink": _threshold("nn.SoftShrink"), "aten.rrelu_with_noise": _rrelu,
    "aten.softsign": _activation("softsign"),
    **dict.fromkeys(
        ("aten.contiguous", "aten.clone", "aten.detach", "aten.detach_", "aten.alias",
         "aten.lift_fresh_copy"),
        _same,
    ),
    **dict.fromkeys(
        ("aten.to", "aten._to_copy", "aten.type_as", "aten.float", "aten.half", "aten.bfloat16"), _typed
    ),
}  # fmt: skip
