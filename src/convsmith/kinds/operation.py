"""Operation: a function of tensors rather than a layer (``a + b``, ``keras.ops``), by module and class.

Keras writes ``a + b`` as an operation named Add, and ``layers.Add`` as a layer named Add, with their
arguments nested differently: a name alone does not tell which it is.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from .einsum import macs as einsum_macs
from .einsum import shape as einsum_shape
from .kind import Formula, Kind, OnnxWriter, Reach, Shape, ShapeError, kind, size
from .patches import shape as patches_shape

if TYPE_CHECKING:
    import numpy as np
    import torch

# fmt: off
ONE_BY_ONE = frozenset((
    "numpy.Absolute", "numpy.Clip", "numpy.Exp", "numpy.Log", "numpy.Log1p", "numpy.Negative",
    "numpy.Reciprocal", "numpy.Sqrt", "numpy.Square", "numpy.Tanh", "numpy.Sin", "numpy.Cos", "math.Rsqrt",
    "math.Erf", "nn.Relu", "nn.Relu6", "nn.Sigmoid", "nn.Silu", "nn.Gelu", "nn.LeakyRelu", "nn.Elu",
    "nn.Selu", "nn.HardSigmoid", "nn.HardSilu", "nn.Softplus", "nn.Softsign", "nn.Softmax", "nn.LogSoftmax",
    "nn.LogSigmoid", "nn.Celu", "nn.HardShrink", "nn.SoftShrink", "nn.TanhShrink", "nn.HardTanh",
    "nn.Squareplus", "nn.SparsePlus", "nn.SparseSigmoid", "nn.Threshold",
    "nn.Identity", "core.StopGradient", "core.Cast", "activations.ReLU", "nn.Normalize",
))
BETWEEN = frozenset((
    "numpy.Add", "numpy.Subtract", "numpy.Multiply", "numpy.Divide", "numpy.TrueDivide", "numpy.Power",
    "numpy.Maximum", "numpy.Minimum", "numpy.Greater", "numpy.GreaterEqual", "numpy.Less",
    "numpy.LessEqual", "numpy.Where",
))
OVER_AXES = frozenset((
    "numpy.Mean", "numpy.Sum", "numpy.Max", "numpy.Min", "numpy.Var", "numpy.Std", "math.Logsumexp",
))
MOVING = frozenset((
    "numpy.Reshape", "numpy.Transpose", "numpy.Concatenate", "numpy.Stack", "numpy.Squeeze",
    "numpy.ExpandDims", "numpy.GetItem", "numpy.Split", "numpy.Flip", "numpy.Repeat", "numpy.Pad",
))
# fmt: on
FUNCTIONS = (
    ONE_BY_ONE
    | BETWEEN
    | OVER_AXES
    | MOVING
    | {"numpy.Matmul", "nn.Glu", "numpy.Einsum", "image.ExtractPatches"}
)
"""What has a shape rule, as Keras's module and class below ``keras.src.ops``."""


@kind
class Operation(Kind):
    """One call of a function on tensors and constants.

    Args:
        function: one of `FUNCTIONS`, e.g. ``"numpy.Add"``.
        configuration: the function's settings as canonical JSON, e.g. ``{"axis":-1}``.
        call: its arguments as canonical JSON, a tensor being ``{"tensor":0}``; empty for all in order.
        output: which of several outputs.
    """

    function: str
    configuration: str = ""
    call: str = ""
    output: int = 0

    @property
    def label(self) -> str:
        return self.function.rpartition(".")[2].lower() + " (operation)"

    @property
    def options(self) -> dict[str, Any]:
        """The settings."""
        return json.loads(self.configuration) if self.configuration else {}

    def arguments(self, count: int) -> tuple[list[Any], dict[str, Any]]:
        """The positional and named arguments, with `count` tensors as ``{"tensor": 0}`` and on."""
        if self.call:
            found = json.loads(self.call)
            return list(found.get("args", ())), dict(found.get("kwargs", {}))
        return [{"tensor": place} for place in range(count)], {}

    def shape(self, *inputs: Shape) -> Shape:
        name, options = self.function, self.options
        if name not in FUNCTIONS or not inputs:
            raise ShapeError(f"no shape rule for the operation {name}", "a function that has one")
        if name in ONE_BY_ONE:
            return inputs[0]
        if name in BETWEEN:
            return self._broadcast(inputs)
        if name in OVER_AXES:
            shape = list(inputs[0])
            for axis in sorted(self._axes(options.get("axis"), len(shape)), reverse=True):
                shape[axis : axis + 1] = [1] if options.get("keepdims") else []
            return tuple(shape)
        if name == "numpy.Einsum":
            return einsum_shape(str(options.get("subscripts")), inputs)
        if name == "image.ExtractPatches":
            return patches_shape(options, inputs[0])
        if name == "nn.Glu":
            (place,) = self._axes(options.get("axis", -1), len(inputs[0]))
            many = inputs[0][place]
            if many is not None and many % 2:
                raise ShapeError(f"glu along {many} numbers", "an even number", "twice as many")
            return (*inputs[0][:place], None if many is None else many // 2, *inputs[0][place + 1 :])
        if name == "numpy.Matmul":
            second = inputs[-1]
            if len(inputs) < 2 or min(map(len, inputs)) < 2 or inputs[0][-1] != second[-2:][0]:
                raise ShapeError(f"a matrix product of {inputs[0]} and {second}", "columns equal to rows")
            return (*inputs[0][:-1], *second[-1:])
        return _moved(self, name.partition(".")[2], inputs, options)

    def _broadcast(self, inputs: tuple[Shape, ...]) -> Shape:
        rank = len(inputs[0])
        shapes = [*inputs, *self._constants()]
        if any(len(shape) != rank for shape in inputs):
            raise ShapeError(f"{self.label} of shapes {inputs}", "as many sizes in each", "Reshape before it")
        out: list[int | None] = [1] * rank
        for shape in shapes:
            if len(shape) > rank + 1:
                raise ShapeError(f"a constant of shape {shape}", f"at most {rank} sizes")
            for axis, item in enumerate(reversed(shape[-rank:] if rank else ()), 1):
                was = out[-axis]
                if was is not None and item is not None and was != item and 1 not in (was, item):
                    raise ShapeError(f"{self.label} of shapes {shapes}", "equal sizes, or 1")
                out[-axis] = item if was == 1 or (was is None and item != 1) else was
        return tuple(out)

    def _constants(self) -> Iterator[Shape]:
        if not self.call:
            return
        args, kwargs = self.arguments(0)
        for item in (*args, *kwargs.values()):
            value = item["config"].get("value") if isinstance(item, dict) and "config" in item else item
            shape = []
            while isinstance(value, list):
                shape.append(len(value))
                value = value[0] if value else None
            if shape:
                yield tuple(shape)

    @staticmethod
    def _axes(axis: Any, rank: int) -> set[int]:
        """Places in a shape without the batch, from Keras's axes, which count the batch."""
        given = range(1, rank + 1) if axis is None else [axis] if isinstance(axis, int) else axis
        places = {item - 1 if item >= 0 else rank + item for item in given}
        if axis is None or not all(0 <= place < rank for place in places):
            raise ShapeError(
                f"an operation over axes {axis}", "axes of one image, not of the batch", "axis=-1"
            )
        return places

    def macs(self, *inputs: Shape) -> int | None:
        if self.function == "numpy.Einsum":
            return einsum_macs(str(self.options.get("subscripts")), inputs)
        if self.function != "numpy.Matmul":
            return 0
        total, inner = size(self.shape(*inputs)), inputs[0][-1]
        return None if total is None or inner is None else total * inner

    def formula(self, *inputs: Shape) -> Formula:
        if self.function != "numpy.Matmul":
            return Formula()
        out = "×".join(str(item) for item in self.shape(*inputs))
        return Formula(macs=f"{out} × {inputs[0][-1]}")

    def reach(self, *inputs: Shape) -> Reach:
        if self.function in ONE_BY_ONE | BETWEEN or len(inputs[0]) < 3:
            return Reach()
        # Functions that leave rows and columns where they are look at their own place only.
        stays = self.function != "numpy.Matmul" and self.shape(*inputs)[:2] == inputs[0][:2]
        return Reach(whole=not stays and self.function not in ("numpy.Concatenate", "numpy.Reshape"))

    def module(self, *inputs: Shape) -> torch.nn.Module:
        from ._torch_operations import Operation as TorchOperation

        return TorchOperation(self.function, self.options, self.arguments(len(inputs)), self.output)

    def onnx(
        self, write: OnnxWriter, names: list[str], inputs: list[Shape], weights: dict[str, np.ndarray]
    ) -> str:
        from ._onnx_operations import write_operation

        return write_operation(self, write, names, inputs)


def _moved(which: Operation, name: str, inputs: tuple[Shape, ...], options: dict[str, Any]) -> Shape:
    """The shape after a function that moves numbers without changing them."""
    first = inputs[0]
    axis = options.get("axis")
    if name == "Reshape":
        return _reshaped(first, tuple(options["newshape"])[1:])
    if name == "Transpose":
        axes = list(options.get("axes") or ())
        if sorted(axes) != list(range(len(first) + 1)) or axes[0] != 0:
            raise ShapeError(f"a transpose by {axes}", "the batch first, and each axis once")
        return tuple(first[place - 1] for place in axes[1:])
    if name in ("Concatenate", "Stack"):
        rank = len(first) + (name == "Stack")
        (place,) = which._axes(axis, rank)
        if any(len(other) != len(first) for other in inputs):
            raise ShapeError(f"{name} of shapes {inputs}", "as many sizes in each")
        if name == "Stack":
            return (*first[:place], len(inputs), *first[place:])
        sizes = [shape[place] for shape in inputs]
        joined = None if None in sizes else sum(item for item in sizes if item is not None)
        return (*first[:place], joined, *first[place + 1 :])
    if name == "Squeeze":
        places = which._axes(axis, len(first))
        return tuple(item for place, item in enumerate(first) if place not in places)
    if name == "ExpandDims":
        (place,) = which._axes(axis, len(first) + 1)
        return (*first[:place], 1, *first[place:])
    if name == "Split":
        (place,) = which._axes(axis, len(first))
        return (
            *first[:place],
            _part(first[place], options["indices_or_sections"], which.output),
            *first[place + 1 :],
        )
    if name == "Flip":
        which._axes(axis, len(first))
        return first
    if name == "Repeat":
        (place,) = which._axes(axis, len(first))
        n = first[place]
        return (*first[:place], None if n is None else n * int(options["repeats"]), *first[place + 1 :])
    if name == "Pad":
        width = options["pad_width"]
        if not isinstance(width, list) or len(width) != len(first) + 1 or any(width[0]):
            raise ShapeError(f"Pad by {width}", "two numbers for each axis, none for the batch")
        return tuple(None if n is None else n + sum(sides) for n, sides in zip(first, width[1:], strict=True))
    return _picked(first, which.arguments(1)[0][1])


def _reshaped(shape: Shape, target: tuple[int, ...]) -> Shape:
    total = size(shape)
    known = math.prod(item for item in target if item != -1)
    if total is None:
        return tuple(None if item == -1 else item for item in target)
    if known <= 0 or total % known or (-1 not in target and total != known):
        raise ShapeError(
            f"{total} numbers into {target}", f"sizes whose product is {total}", "-1 for one of them"
        )
    return tuple(total // known if item == -1 else item for item in target)


def _part(n: int | None, where: Any, which: int) -> int | None:
    if n is None:
        return None
    if isinstance(where, int):
        if where < 1 or n % where:
            raise ShapeError(f"{n} numbers split into {where}", "equal parts")
        return n // where
    edges = [0, *where, n]
    return edges[which + 1] - edges[which]


def _picked(shape: Shape, key: Any) -> Shape:
    """The shape of ``x[key]``; the key's first part is for the batch."""
    keys = list(key) if isinstance(key, list) else [key]
    names = [item.get("class_name") if isinstance(item, dict) else item for item in keys]
    if "__ellipsis__" in names:
        place = names.index("__ellipsis__")
        missing = len(shape) + 1 - sum(item is not None for item in names) + 1
        keys[place : place + 1] = [_ALL] * missing
    if not keys or keys[0] != _ALL:
        raise ShapeError(f"x[{key}]", "the whole batch, x[:, ...]")
    rest = list(shape)
    out: list[int | None] = []
    for item in keys[1:]:
        if item is None:
            out.append(1)
            continue
        if not rest:
            raise ShapeError(f"x[{key}] of {len(shape)} sizes", "as many at most")
        n = rest.pop(0)
        if isinstance(item, int):
            continue
        if not isinstance(item, dict) or item.get("class_name") != "__slice__":
            raise ShapeError(f"x[{item}]", "numbers, slices, None or ...")
        parts = [item["config"].get(part) for part in ("start", "stop", "step")]
        whole = parts == [None, None, None]
        out.append(n if whole else None if n is None else len(range(n)[slice(*parts)]))
    return (*out, *rest)


_ALL = {"class_name": "__slice__", "config": {"start": None, "stop": None, "step": None}}
