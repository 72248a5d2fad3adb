"""ATen's operators that look along axes: products, normalisations, softmax, means, the largest."""

from __future__ import annotations

from typing import Any

from ..onnx.constant import Constant
from ..onnx.dense import by_weights
from ..onnx.sizes import per_image
from ..onnx.value import Value
from ..onnx.windows import names_of
from .call import Call
from .reading import Reader, Rule, listed, number


def linear(reader: Reader, call: Call) -> Any:
    """A Dense layer; torch keeps its weights with a row for each unit."""
    value, kernel, bias = call.x, call.get("weight"), call.get("bias")
    if not isinstance(kernel, Constant) or not isinstance(value, Value) or isinstance(bias, Value):
        return None
    units, rows = kernel.sizes
    offset = None if bias is None else lambda: bias.array().reshape(-1)
    return by_weights(
        reader, call, value, rows, units, lambda: kernel.array().T, offset, names_of(kernel, bias)
    )


def addmm(reader: Reader, call: Call) -> Any:
    """bias + a × b."""
    if call.get("beta", 1) != 1 or call.get("alpha", 1) != 1:
        return None
    bias, one, other = list(call.args.values())[:3]
    product = reader.worded(call, "MatMul", [one, other])
    return reader.worded(call, "Add", [product, bias])


def product(reader: Reader, call: Call) -> Any:
    return reader.worded(call, "MatMul", list(call.args.values())[:2])


def einsum(reader: Reader, call: Call) -> Any:
    equation, tensors = list(call.args.values())[:2]
    return reader.worded(call, "Einsum", list(tensors), equation=str(equation))


def attention(reader: Reader, call: Call) -> Any:
    """Softmax of queries × keys, times values."""
    query, key, value = call.get("query"), call.get("key"), call.get("value")
    if call.get("is_causal") or call.get("dropout_p") or call.get("enable_gqa"):
        return None
    rank = len(key.dims)
    scale = call.get("scale") or int(per_image(query.dims[-1]) or 1) ** -0.5
    turned = reader.worded(call, "Transpose", [key], perm=[*range(rank - 2), rank - 1, rank - 2])
    scores = reader.worded(call, "MatMul", [query, turned])
    scores = reader.worded(call, "Mul", [scores, number(float(scale))])
    if call.get("attn_mask") is not None:
        scores = reader.worded(call, "Add", [scores, call.get("attn_mask")])
    weights = reader.worded(call, "Softmax", [scores], axis=-1)
    return reader.worded(call, "MatMul", [weights, value])


def batch_norm(reader: Reader, call: Call) -> Any:
    mean, variance = call.get("running_mean"), call.get("running_var")
    if call.get("training") or mean is None or variance is None:
        raise call.refuse(
            "normalises by the batch's own statistics in evaluation mode too",
            "statistics that training kept (track_running_stats=True)",
        )
    return reader.worded(
        call, "BatchNormalization", [call.x, call.get("weight"), call.get("bias"), mean, variance],
        momentum=1 - float(call.get("momentum", 0.1)), epsilon=float(call.get("eps", 1e-5)),
    )  # fmt: skip


def _affine(call: Call, channels: int) -> list[Constant]:
    """Factors and offsets of each channel; ones and zeros that are no weights where there are none."""
    import numpy as np

    from ..onnx.constant import known

    given = call.get("weight"), call.get("bias")
    usual = np.ones(channels, np.float32), np.zeros(channels, np.float32)
    return [known(array) if item is None else item for item, array in zip(given, usual, strict=True)]


def group_norm(reader: Reader, call: Call) -> Any:
    channels = int(call.x.dims[1])
    return reader.worded(
        call, "GroupNormalization", [call.x, *_affine(call, channels)],
        num_groups=int(call.get("num_groups")), epsilon=float(call.get("eps", 1e-5)),
    )  # fmt: skip


def instance_norm(reader: Reader, call: Call) -> Any:
    if not call.get("use_input_stats"):
        return batch_norm(reader, call)
    affine = _affine(call, int(call.x.dims[1]))
    return reader.worded(
        call, "InstanceNormalization", [call.x, *affine], epsilon=float(call.get("eps", 1e-5))
    )


def layer_norm(reader: Reader, call: Call) -> Any:
    return reader.worded(
        call, "LayerNormalization", [call.x, call.get("weight"), call.get("bias")],
        axis=-len(call.get("normalized_shape")), epsilon=float(call.get("eps", 1e-5)),
    )  # fmt: skip


def _softmax(type_: str) -> Rule:
    return lambda reader, call: reader.worded(call, type_, [call.x], axis=call.get("dim", -1))


def _reduced(type_: str) -> Rule:
    """Means and their like over axes; over all where torch takes a single number of the batch: not read."""

    def rule(reader: Reader, call: Call) -> Any:
        given = call.get("dim")
        if given is None or given == []:
            return None
        axes = listed(given, 1)
        return reader.worded(call, type_, [call.x], axes=axes, keepdims=int(call.get("keepdim", False)))

    return rule


def _largest(reduce: str, place: str) -> Rule:
    """max and min along one axis give the number and its place; without one, or of two tensors, else."""

    def rule(reader: Reader, call: Call) -> Any:
        if isinstance(call.get("other"), Value | Constant):
            return reader.worded(call, reduce.removeprefix("Reduce"), [call.x, call.get("other")])
        if call.get("dim") is None:
            return None
        largest = _reduced(reduce)(reader, call)
        taken = {user.args[1] for user in call.fx.users if user.users}
        return [largest, _place(place)(reader, call) if 1 in taken else None]

    return rule


def _place(type_: str) -> Rule:
    def rule(reader: Reader, call: Call) -> Any:
        if call.get("dim") is None:
            return None
        keep = int(call.get("keepdim", False))
        return reader.worded(call, type_, [call.x], axis=call.get("dim"), keepdims=keep)

    return rule


def _spread(root: bool) -> Rule:
    """Variance or standard deviation: the mean of the squares of what lies beyond the mean."""

    def rule(reader: Reader, call: Call) -> Any:
        value, axes = call.x, listed(call.get("dim"), 1)
        count = 1
        for axis in axes:
            count *= int(value.dims[axis])
        freedom = call.get("correction")
        if freedom is None:
            freedom = 1 if call.get("unbiased", True) else 0
        mean = reader.worded(call, "ReduceMean", [value], axes=axes, keepdims=1)
        beyond = reader.worded(call, "Sub", [value, mean])
        squares = reader.worded(call, "Mul", [beyond, beyond])
        keep = int(call.get("keepdim", False))
        found = reader.worded(call, "ReduceMean", [squares], axes=axes, keepdims=keep)
        if freedom:
            found = reader.worded(call, "Mul", [found, number(count / max(count - freedom, 1))])
        return reader.worded(call, "Sqrt", [found]) if root else found

    return rule


def _norm(reader: Reader, call: Call) -> Any:
    """The root of the sum of squares along axes, or the sum of absolute numbers."""
    order, given = call.get("ord", call.get("p", 2)), call.get("dim")
    if given is None or order not in (1, 2):
        return None
    axes, keep = listed(given, 1), int(call.get("keepdim", False))
    if order == 1:
        return reader.worded(
            call, "ReduceSum", [reader.worded(call, "Abs", [call.x])], axes=axes, keepdims=keep
        )
    squares = reader.worded(call, "Mul", [call.x, call.x])
    total = reader.worded(call, "ReduceSum", [squares], axes=axes, keepdims=keep)
    return reader.worded(call, "Sqrt", [total])


RULES: dict[str, Rule] = {
    "aten.linear": linear, "aten.addmm": addmm, "aten.einsum": einsum,
    **dict.fromkeys(("aten.mm", "aten.bmm", "aten.matmul"), product),
    "aten.scaled_dot_product_attention": attention, "aten.batch_norm": batch_norm,
    "aten.group_norm": group_norm, "aten.instance_norm": instance_norm, "aten.layer_norm": layer_norm,
    **dict.fromkeys(("aten.softmax", "aten._softmax"), _softmax("Softmax")),
    **dict.fromkeys(("aten.log_softmax", "aten._log_softmax"), _softmax("LogSoftmax")),
    "aten.mean": _reduced("ReduceMean"), "aten.sum": _reduced("ReduceSum"),
    "aten.amax": _reduced("ReduceMax"), "aten.amin": _reduced("ReduceMin"),
    "aten.logsumexp": _reduced("ReduceLogSumExp"),
    "aten.max": _largest("ReduceMax", "ArgMax"), "aten.min": _largest("ReduceMin", "ArgMin"),
    "aten.argmax": _place("ArgMax"), "aten.argmin": _place("ArgMin"),
    "aten.var": _spread(root=False), "aten.std": _spread(root=True),
    "aten.linalg_vector_norm": _norm, "aten.norm": _norm,
}  # fmt: skip
