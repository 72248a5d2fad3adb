"""Recurrent layers of an ONNX file: counted, each step's products of input and state by their weights."""

from __future__ import annotations

from typing import Any

from .constant import Constant
from .op import Op, Reading
from .sizes import Size, per_image
from .windows import weight

GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}


def recurrent(reader: Reading, op: Op) -> Any:
    """LSTM, GRU and RNN, in one direction or both."""
    value, taken, kept = op.value(), weight(op, 1, "weights"), weight(op, 2, "weights")
    if len(value.dims) != 3 or taken is None or kept is None:
        return None
    directions = 2 if op.a.get("direction") == "bidirectional" else 1
    hidden, gates = op.a.get("hidden_size", kept.sizes[-1]), GATES[op.type]
    features = per_image(value.dims[2])
    for what, sizes, goal in (
        ("W", taken.sizes, (directions, gates * hidden, features)),
        ("R", kept.sizes, (directions, gates * hidden, hidden)),
    ):
        if len(sizes) != 3 or any(n is not None and n != own for n, own in zip(goal, sizes, strict=True)):
            raise op.refuse(f"has {what} of {list(sizes)}", f"{list(goal)} as its sizes and direction say")
    rows, batch = (1, 0) if op.a.get("layout") else (0, 1)
    steps = per_image(value.dims[rows])
    each = directions * gates * hidden * ((features or taken.sizes[-1]) + hidden)
    macs = None if steps is None else steps * each
    n: Size = value.dims[batch]
    every: list[Size] = [value.dims[rows], directions, n, hidden]
    last: list[Size] = [directions, n, hidden]
    if op.a.get("layout"):
        every, last = [n, value.dims[rows], directions, hidden], [n, directions, hidden]
    results: list[Any] = []
    source = op
    for place, output in enumerate(op.node.output):
        if not output:
            results.append(None)
            continue
        results.append(reader.counted(source, every if place == 0 else last, macs))
        if macs:
            macs = 0
            source = _without_weights(op)
    return results


def _without_weights(op: Op) -> Op:
    """The same operator for its further outputs: its weights are counted already."""
    return type(op)(op.node, [None if isinstance(item, Constant) else item for item in op.inputs], op.opset)


OPERATORS = dict.fromkeys(GATES, recurrent)
