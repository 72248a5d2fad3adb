"""MultiHeadAttention: each place takes from all places, by how alike a query and their keys are."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from .kind import GIVE_SIZES, Formula, Kind, OnnxWriter, Reach, Shape, ShapeError, Weight, kind, size
from .limits import SHARE, Limit

if TYPE_CHECKING:
    import numpy as np
    import torch


@kind
class MultiHeadAttention(Kind):
    """Keras's MultiHeadAttention: A. Vaswani et al., 2017, https://arxiv.org/abs/1706.03762.

    It is called on query and value, and on the key where that is not the value. `causal` is no setting of the
    layer but of its call (``use_causal_mask=True``).
    """

    num_heads: int
    key_dim: int
    value_dim: int | None = None
    dropout: float = 0.0
    use_bias: bool = True
    use_gate: bool = False
    output_shape: int | tuple[int, ...] | None = None
    attention_axes: int | tuple[int, ...] | None = None
    sliding_window: int | None = None
    kernel_initializer: str = "glorot_uniform"
    bias_initializer: str = "zeros"
    kernel_regularizer: str | None = None
    bias_regularizer: str | None = None
    activity_regularizer: str | None = None
    kernel_constraint: str | None = None
    bias_constraint: str | None = None
    seed: int | None = None
    causal: bool = False

    apart = True
    limits = {**dict.fromkeys(("num_heads", "key_dim", "value_dim"), Limit(1)), "dropout": SHARE}
    torch_weights = {
        f"{part}_{name}": (f"{part}_{name}", None)
        for part in ("query", "key", "gate", "value", "attention_output")
        for name in ("kernel", "bias")
    }

    def __post_init__(self) -> None:
        if self.value_dim is None:  # as Keras writes it
            object.__setattr__(self, "value_dim", self.key_dim)
        for name in ("output_shape", "attention_axes"):
            given = getattr(self, name)
            if isinstance(given, int):
                object.__setattr__(self, name, (given,))

    def config(self) -> dict[str, Any]:
        found = super().config()
        del found["causal"]  # of the call
        return found

    def _over_all(self, shape: Shape) -> bool:
        """Whether each place looks at all others; Keras writes the axes down when it builds the layer."""
        axes = self.attention_axes
        if axes is None:
            return True
        places = {axis - 1 if axis > 0 else len(shape) + axis for axis in _tuple(axes)}
        return places == set(range(len(shape) - 1))

    @staticmethod
    def _channels(shape: Shape) -> int:
        if len(shape) < 2 or shape[-1] is None:
            raise ShapeError(
                f"MultiHeadAttention of the shape {shape}", "places of known channels", GIVE_SIZES
            )
        return shape[-1]

    def _out(self, query: Shape) -> tuple[int, ...]:
        if self.output_shape is None:
            return (self._channels(query),)
        return _tuple(self.output_shape)

    def shape(self, *inputs: Shape) -> Shape:
        if not 2 <= len(inputs) <= 3:
            raise ShapeError(f"MultiHeadAttention of {len(inputs)} tensors", "a query and a value, and a key")
        for each in inputs:
            self._channels(each)
        if len(inputs) == 3 and inputs[1][:-1] != inputs[2][:-1]:
            raise ShapeError(f"a value of {inputs[1]} and a key of {inputs[2]}", "as many places in both")
        return (*inputs[0][:-1], *self._out(inputs[0]))

    def _sizes(self, *inputs: Shape) -> list[tuple[str, tuple[int, ...], tuple[int, ...]]]:
        """Each projection: its name, and the shapes of its kernel and bias."""
        query, value = inputs[0], inputs[1]
        key = inputs[2] if len(inputs) > 2 else value
        inner, outer = (self.num_heads, self.key_dim), (self.num_heads, self.value_dim or self.key_dim)
        found = [
            ("query", (self._channels(query), *inner), inner),
            ("key", (self._channels(key), *inner), inner),
        ]
        if self.use_gate:
            found.append(("gate", (self._channels(query), *outer), outer))
        found.append(("value", (self._channels(value), *outer), outer))
        out = self._out(query)
        return [*found, ("attention_output", (*outer, *out), out)]

    def weights(self, *inputs: Shape) -> tuple[Weight, ...]:
        found = []
        for part, kernel, bias in self._sizes(*inputs):
            found.append(Weight(f"{part}_kernel", kernel, self.kernel_initializer))
            if self.use_bias:
                found.append(Weight(f"{part}_bias", bias, self.bias_initializer))
        return tuple(found)

    def _places(self, *inputs: Shape) -> tuple[int | None, int | None]:
        return size(inputs[0][:-1]), size(inputs[1][:-1])

    def macs(self, *inputs: Shape) -> int | None:
        asking, asked = self._places(*inputs)
        if asking is None or asked is None or not self._over_all(inputs[0]):
            return None
        total = 0
        for part, kernel, _ in self._sizes(*inputs):
            total += math.prod(kernel) * (asked if part in ("key", "value") else asking)
        return total + asking * asked * self.num_heads * (self.key_dim + (self.value_dim or self.key_dim))

    def formula(self, *inputs: Shape) -> Formula:
        asking, asked = self._places(*inputs)
        both = self.key_dim + (self.value_dim or self.key_dim)
        parts = " + ".join("×".join(map(str, kernel)) for _, kernel, _ in self._sizes(*inputs))
        return Formula(
            params=parts + (" + biases" if self.use_bias else ""),
            macs=f"projections of {asking} and {asked} places + {asking}×{asked}×{self.num_heads}×{both}",
        )

    def reach(self, *inputs: Shape) -> Reach:
        return Reach(whole=True)

    def _check(self, *inputs: Shape) -> None:
        """Raise ShapeError for what is counted, but has no other form here."""
        for setting, given in (
            ("attention_axes", not self._over_all(inputs[0])), ("sliding_window", self.sliding_window),
            ("use_gate", self.use_gate), ("output_shape", len(self._out(inputs[0])) > 1),
        ):  # fmt: skip
            if given not in (None, False):
                raise ShapeError(
                    f"MultiHeadAttention with {setting}", f"no {setting}", "Keras's own model.fit"
                )
        if any(len(each) != 2 for each in inputs):
            raise ShapeError(
                f"MultiHeadAttention of shapes {inputs}", "places and channels", "Reshape before it"
            )

    def module(self, *inputs: Shape) -> torch.nn.Module:
        from ._torch_attention import Attention

        self._check(*inputs)
        sizes = {f"{part}_kernel": kernel for part, kernel, _ in self._sizes(*inputs)}
        biases = {f"{part}_bias": bias for part, _, bias in self._sizes(*inputs) if self.use_bias}
        return Attention({**sizes, **biases}, self.key_dim, self.dropout, self.causal)

    def onnx(
        self, write: OnnxWriter, names: list[str], inputs: list[Shape], weights: dict[str, np.ndarray]
    ) -> str:
        import numpy as np

        self._check(*inputs)
        key = names[2] if len(names) > 2 else names[1]

        def part(name: str, source: str, order: list[int]) -> str:
            kernel = weights[f"{name}_kernel"]
            out = write.node("MatMul", [source, write.constant(kernel.reshape(kernel.shape[0], -1))])
            if self.use_bias:
                out = write.node("Add", [out, write.constant(weights[f"{name}_bias"].reshape(-1))])
            heads = write.constant(np.array([0, -1, *kernel.shape[1:]], dtype=np.int64))
            return write.node("Transpose", [write.node("Reshape", [out, heads])], perm=order)

        scores = write.node("MatMul", [part("query", names[0], [0, 2, 1, 3]), part("key", key, [0, 2, 3, 1])])
        scores = write.node("Mul", [scores, write.constant(np.array(self.key_dim**-0.5, dtype=np.float32))])
        if self.causal:
            asking, asked = self._places(*inputs)
            if asking is None or asked is None:
                raise ShapeError("a causal mask of an unknown size", "known sizes", GIVE_SIZES)
            later = np.triu(np.full((asking, asked), -1e9, dtype=np.float32), 1)
            scores = write.node("Add", [scores, write.constant(later)])
        shares = write.node("Softmax", [scores], axis=-1)
        out = write.node("MatMul", [shares, part("value", names[1], [0, 2, 1, 3])])
        kernel = weights["attention_output_kernel"]
        wide = write.constant(np.array([0, -1, kernel.shape[0] * kernel.shape[1]], dtype=np.int64))
        out = write.node("Reshape", [write.node("Transpose", [out], perm=[0, 2, 1, 3]), wide])
        flat = kernel.reshape(-1, kernel.shape[-1])
        out = write.node("MatMul", [out, write.constant(flat)])
        if self.use_bias:
            out = write.node("Add", [out, write.constant(weights["attention_output_bias"])])
        return out


def _tuple(given: int | tuple[int, ...]) -> tuple[int, ...]:
    return (given,) if isinstance(given, int) else given
