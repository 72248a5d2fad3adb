"""A program as what JavaScript runs: a JSON object of operators, and the bytes of its constants.

The operators stand beside this file (``js/operators.js``); rules such as where padding goes are worked out
here, so that JavaScript has none.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import BadInput
from .arena import planned
from .floats import window_pads
from .halves import LARGEST
from .integers import nearest_places
from .program import Op, Program, Tensor
from .quantize import WITH_WEIGHTS

if TYPE_CHECKING:
    import numpy as np

HERE = Path(__file__).parent / "js"


@dataclass(frozen=True)
class JsNetwork:
    """A network for ``ConvsmithNetwork.Network`` of js/network.js.

    Args:
        program: the operators over numbered tensors, as a JSON object.
        weights: the constants, each at the byte that its tensor names.
        memory: bytes of activations that it needs.
    """

    program: dict[str, Any]
    weights: bytes
    memory: int


def to_js(program: Program, *, half: bool = False) -> JsNetwork:
    """A floating-point program for JavaScript.

    Args:
        program: of floating-point operators, with one input and one output.
        half: whether kernels of convolutions and dense layers are kept in 16 bits (they are `rounded`).

    Raises:
        BadInput: for an operator that has no JavaScript.

    Example:
        >>> tensors = (Tensor("x", (1, 2, 2, 1)), Tensor("y", (1, 2, 2, 1)))
        >>> to_js(Program("net", tensors, (Op("RELU", (0,), 1),), (0,), (1,))).program["ops"]
        [{'code': 'RELU', 'inputs': [0], 'output': 1}]
    """
    import numpy as np

    program = rounded(program) if half else program
    arena = planned(program, scratch=False)
    kernels = {op.inputs[WITH_WEIGHTS[op.code][0]] for op in program.ops if half and op.code in WITH_WEIGHTS}
    ops = [_written(program, op) for op in program.ops]
    weights = bytearray()
    tensors: list[dict[str, Any]] = []
    for number, tensor in enumerate(program.tensors):
        row: dict[str, Any] = {"shape": list(tensor.shape), "from": "arena", "at": 0}
        if tensor.data is None:
            row["at"] = arena.offsets[number] // 4
        elif tensor.type == "float32":
            kind = "float16" if number in kernels else "float32"
            row |= {"from": kind, "at": len(weights)}
            weights += tensor.data.astype(np.dtype(kind).newbyteorder("<")).tobytes()
            weights += bytes(-len(weights) % 4)
        else:  # settings, which stand in the operators
            row["shape"] = [0]
        tensors.append(row)
    about = {
        "name": program.name, "arena": arena.bytes // 4, "tensors": tensors, "ops": ops,
        "input": program.inputs[0], "output": program.outputs[0],
    }  # fmt: skip
    return JsNetwork(about, bytes(weights), arena.bytes)


def rounded(program: Program) -> Program:
    """The program as it computes where kernels of convolutions and dense layers are kept in 16 bits.

    Args:
        program: of floating-point operators. Numbers beyond float16's 65,504 become it.
    """
    import numpy as np

    tensors = list(program.tensors)
    for number in _kernels(program):
        held = tensors[number]
        if held.data is not None:
            data = np.clip(held.data, -LARGEST, LARGEST).astype(np.float16).astype(np.float32)
            tensors[number] = dataclasses.replace(held, data=data)
    return dataclasses.replace(program, tensors=tuple(tensors))


def _kernels(program: Program) -> set[int]:
    return {op.inputs[WITH_WEIGHTS[op.code][0]] for op in program.ops if op.code in WITH_WEIGHTS}


def script(name: str) -> str:
    """The text of a file of the folder js."""
    return (HERE / name).read_text(encoding="utf-8")


def _written(program: Program, op: Op) -> dict[str, Any]:
    if op.code not in SETTINGS:
        raise BadInput(f"layer {op.layer}", f"{op.code} has no JavaScript", "an .onnx file instead")
    given = [program.tensors[item] for item in op.inputs]
    settings = SETTINGS[op.code](op, given, program.tensors[op.output])
    if "fused" in op.options:
        settings["fused"] = op.options["fused"]
    return {"code": op.code, "inputs": list(op.inputs), "output": op.output, **settings}


def _none(op: Op, given: list[Tensor], out: Tensor) -> dict[str, Any]:
    return {}


def _window(op: Op, image: Tensor, size: tuple[int, ...]) -> dict[str, Any]:
    top, _, left, _ = window_pads(op, image.shape[1], image.shape[2], size)  # type: ignore[arg-type]
    return {"strides": list(op.options["strides"]), "before": [top, left]}


def _conv(op: Op, given: list[Tensor], out: Tensor) -> dict[str, Any]:
    found = _window(op, given[0], given[1].shape[1:3]) | {"dilation": list(op.options["dilation"])}
    return found | ({"multiplier": op.options["multiplier"]} if "multiplier" in op.options else {})


def _transposed(op: Op, given: list[Tensor], out: Tensor) -> dict[str, Any]:
    _, kernel, x, _ = given
    found = [
        max((x.shape[axis] - 1) * stride + kernel.shape[axis] - out.shape[axis], 0) // 2
        for axis, stride in zip((1, 2), op.options["strides"], strict=True)
    ]
    return {"strides": list(op.options["strides"]), "before": found}


def _pool(op: Op, given: list[Tensor], out: Tensor) -> dict[str, Any]:
    window = op.options["window"]
    return _window(op, given[0], window) | {"window": list(window)}


def _axis(op: Op, given: list[Tensor], out: Tensor) -> dict[str, Any]:
    return {"axis": op.options["axis"]}


def _alpha(op: Op, given: list[Tensor], out: Tensor) -> dict[str, Any]:
    return {"alpha": op.options["alpha"]}


def _pad(op: Op, given: list[Tensor], out: Tensor) -> dict[str, Any]:
    return {"before": [int(pair[0]) for pair in _constant(given[1])[1:3]]}


def _slice(op: Op, given: list[Tensor], out: Tensor) -> dict[str, Any]:
    return {"before": [int(item) for item in _constant(given[1])[1:3]]}


def _transpose(op: Op, given: list[Tensor], out: Tensor) -> dict[str, Any]:
    return {"order": [int(item) for item in _constant(given[1])]}


def _nearest(op: Op, given: list[Tensor], out: Tensor) -> dict[str, Any]:
    half = op.options["half_pixel"]
    rows, columns = (nearest_places(given[0].shape[i], out.shape[i], half).tolist() for i in (1, 2))
    return {"rows": rows, "columns": columns}


def _constant(tensor: Tensor) -> np.ndarray:
    assert tensor.data is not None
    return tensor.data


SETTINGS: dict[str, Callable[[Op, list[Tensor], Tensor], dict[str, Any]]] = {
    "ADD": _none, "AVERAGE_POOL_2D": _pool, "CONCATENATION": _axis, "CONV_2D": _conv,
    "DEPTHWISE_CONV_2D": _conv, "ELU": _none, "FULLY_CONNECTED": _none, "HARD_SWISH": _none,
    "LEAKY_RELU": _alpha, "LOGISTIC": _none, "MAXIMUM": _none, "MAX_POOL_2D": _pool, "MEAN": _none,
    "MINIMUM": _none, "MUL": _none, "PAD": _pad, "PRELU": _none, "REDUCE_MAX": _none, "RELU": _none,
    "RELU6": _none, "RESHAPE": _none, "RESIZE_BILINEAR": _none, "RESIZE_NEAREST_NEIGHBOR": _nearest,
    "SLICE": _slice, "SOFTMAX": _none, "SUB": _none, "TANH": _none, "TRANSPOSE": _transpose,
    "TRANSPOSE_CONV": _transposed,
}  # fmt: skip
"""Operator -> what its function in js/operators.js needs beside its tensors."""
