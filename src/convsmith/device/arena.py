"""How many bytes of memory a program needs on a device: activations placed greedily by size.

Source: TensorFlow Lite Micro's GreedyMemoryPlanner: buffers are placed from the largest to the smallest, each
at the lowest offset that is free while it lives; sizes are rounded up to 16 bytes.
"""

from __future__ import annotations

from dataclasses import dataclass

from .program import Op, Program

ALIGNED = 16
BASE, EACH_TENSOR, EACH_CHANNEL = 720, 17.4, 8
EACH_OP = {
    "ADD": 152, "AVERAGE_POOL_2D": 143, "CONCATENATION": 172, "CONV_2D": 187, "DEPTHWISE_CONV_2D": 196,
    "FULLY_CONNECTED": 201, "HARD_SWISH": 104, "LEAKY_RELU": 106, "LOGISTIC": 90, "MAX_POOL_2D": 147,
    "MAXIMUM": 81, "MEAN": 161, "MINIMUM": 81, "MUL": 123, "PAD": 140, "PRELU": 110, "QUANTIZE": 95,
    "REDUCE_MAX": 142, "RELU": 106, "RELU6": 84, "RESHAPE": 115, "RESIZE_BILINEAR": 78,
    "RESIZE_NEAREST_NEIGHBOR": 78, "SLICE": 82, "SOFTMAX": 160, "SUB": 152, "TANH": 90, "TRANSPOSE": 75,
    "TRANSPOSE_CONV": 212,
}  # fmt: skip
"""Bytes that TensorFlow Lite Micro keeps beside the activations: for itself, for each tensor, for each
channel of a convolution, for each operator. Fitted to 54 programs in its interpreter on x86-64 (2026-10),
where all but one of them need within 40 bytes of this; a device of 32 bits needs less: its pointers are
shorter."""


@dataclass(frozen=True)
class Buffer:
    """Bytes that are needed for a while.

    Args:
        bytes: how many, rounded up.
        first, last: between which operators, both included.
        tensor: which tensor they hold; -1 for an operator's own.
    """

    bytes: int
    first: int
    last: int
    tensor: int


@dataclass(frozen=True)
class Arena:
    """Where every buffer lies.

    Args:
        bytes: of all together.
        offsets: a tensor's number -> where it begins.
    """

    bytes: int
    offsets: dict[int, int]


def planned(program: Program, *, scratch: bool = True) -> Arena:
    """Place a program's activations.

    Args:
        program: the program.
        scratch: whether operators need what TensorFlow Lite Micro's need beside their output.

    Example:
        >>> from convsmith.device.program import Tensor
        >>> x, y = Tensor("x", (1, 4, 4, 1), "int8"), Tensor("y", (1, 4, 4, 1), "int8")
        >>> planned(Program("net", (x, y), (Op("RELU", (0,), 1),), (0,), (1,)))
        Arena(bytes=32, offsets={1: 0, 0: 16})
    """
    found = buffers(program)
    if scratch:
        found += [
            Buffer(size, at, at, -1) for at, op in enumerate(program.ops, 1) for size in _own(program, op)
        ]
    # As the planner sorts: of equal sizes the later one comes first.
    order = sorted(range(len(found)), key=lambda place: (-found[place].bytes, -place))
    placed: list[tuple[int, Buffer]] = []
    for place in order:
        buffer = found[place]
        offset = 0
        for start, other in placed:
            if other.first > buffer.last or buffer.first > other.last:
                continue
            if start - offset >= buffer.bytes:
                break
            offset = max(offset, start + other.bytes)
        at = next((at for at, (start, _) in enumerate(placed) if start > offset), len(placed))
        placed.insert(at, (offset, buffer))
    return Arena(
        max((start + buffer.bytes for start, buffer in placed), default=0),
        {buffer.tensor: start for start, buffer in placed if buffer.tensor >= 0},
    )


def buffers(program: Program) -> list[Buffer]:
    """The computed tensors and when they live, in their order."""
    first = dict.fromkeys(program.inputs, 0)
    last = dict(first)
    for at, op in enumerate(program.ops, 1):
        first[op.output] = last[op.output] = at
        for tensor in op.inputs:
            if tensor in first:
                last[tensor] = at
    last |= dict.fromkeys(program.outputs, len(program.ops))
    return [
        Buffer(_up(program.tensors[tensor].bytes), first[tensor], last[tensor], tensor)
        for tensor in sorted(first)
    ]


def _up(size: int) -> int:
    return -(-size // ALIGNED) * ALIGNED


def _own(program: Program, op: Op) -> list[int]:
    """Bytes that an operator needs for itself, by TensorFlow Lite Micro's reference kernels."""
    out, rank = program.tensors[op.output], len(program.tensors[op.inputs[0]].shape)
    if op.code == "MEAN":
        return [_up(4 * out.size) if out.type == "int8" else 0, _up(4 * rank), _up(4 * 2)]
    if op.code == "REDUCE_MAX":
        return [_up(4 * rank), _up(4 * 2)]
    if op.code == "TRANSPOSE_CONV" and out.type == "int8":
        return [_up(4 * out.size)]
    return []


def kept(program: Program) -> int:
    """Bytes that TensorFlow Lite Micro keeps for itself beside the activations, to about 2%."""
    channels = sum(
        program.tensors[op.inputs[1]].shape[3 if op.code == "DEPTHWISE_CONV_2D" else 0]
        for op in program.ops
        if op.code in ("CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV")
    )
    each = sum(EACH_OP.get(op.code, 0) for op in program.ops)
    return round(BASE + EACH_TENSOR * len(program.tensors) + EACH_CHANNEL * channels + each)
