"""From a Graph and its weights to a program of floating-point operators."""

from __future__ import annotations

import dataclasses
from collections import Counter
from typing import TYPE_CHECKING

from ..errors import BadInput
from ..graph import Graph
from ..graph.fold import by_owner, fold
from .layers import NoForm, activation, form_of
from .program import Op, Program
from .writer import Writer

if TYPE_CHECKING:
    import numpy as np

    from ..graph import Node

    Weights = dict[str, np.ndarray]

FUSING = frozenset(("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "ADD", "SUB", "MUL"))
"""Operators that cut off their output themselves."""
FUSED = {"RELU": "RELU", "RELU6": "RELU6"}


def to_program(graph: Graph, weights: Weights) -> Program:
    """The network at inference as a program of floating-point operators, for one image at a time.

    Batch norm is folded, dropout is gone, ReLU and ReLU6 are part of the operator before them where it can
    take them. Raw pixels go in.

    Args:
        graph: the network, with known sizes.
        weights: full name -> float32 array in Keras's layout.

    Raises:
        BadInput: for a missing or non-finite weight, an unknown size, or a layer that has no such operators.

    Example:
        >>> import numpy as np
        >>> from convsmith.graph import notation as keras
        >>> x = inputs = keras.Input((4, 4, 1))
        >>> x = keras.layers.Conv2D(2, 3, padding="same", activation="relu")(x)
        >>> graph = keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(x))
        >>> program = to_program(graph, {name: np.zeros(w.shape, "f4") for name, w in graph.weights.items()})
        >>> [op.code for op in program.ops]
        ['CONV_2D', 'MEAN']
    """
    import numpy as np

    for name in graph.weights:
        if name not in weights:
            raise BadInput(f"network '{graph.name}'", f"no weights for {name}", "an array for each weight")
        if not np.isfinite(weights[name]).all():
            raise BadInput(f"weight {name}", "holds numbers that are not finite", "finite numbers")
    small, arrays = fold(graph, weights)
    owned = by_owner(arrays)
    write = Writer()
    values: dict[str, int] = {}
    for node in small.nodes:
        shape = small.shapes[node.name]
        if None in shape:
            raise BadInput(
                f"layer {node.name}", f"an output of unknown size {shape}", "known sizes", "--input 32x32x3"
            )
        values[node.name] = _lowered(write, small, node, values, owned.get(node.owner, {}))
    program = Program(
        graph.name,
        tuple(write.tensors),
        tuple(write.ops),
        tuple(values[name] for name in small.inputs),
        tuple(values[name] for name in small.outputs),
    )
    return _fused(program)


def _lowered(write: Writer, graph: Graph, node: Node, values: dict[str, int], own: Weights) -> int:
    write.layer = node.name
    shape: tuple[int, ...] = graph.shapes[node.name]  # type: ignore[assignment]
    if node.name in graph.inputs:
        return write.tensor((1, *shape), node.name)
    names = [values[source] for source in node.inputs]
    try:
        out = form_of(node.kind)(write, node.kind, names, shape, own)
        return activation(write, getattr(node.kind, "activation", None) or "linear", out)
    except NoForm as error:
        raise NoForm(f"layer {node.name}: {error.where}", error.came, error.expected, error.hint) from None


def _fused(program: Program) -> Program:
    """The program with ReLU and ReLU6 as part of the operators before them."""
    reads = Counter(tensor for op in program.ops for tensor in op.inputs) + Counter(program.outputs)
    made = {op.output: op for op in program.ops}
    gone: dict[int, int] = {}
    ops: list[Op] = []
    for op in program.ops:
        before = made.get(op.inputs[0])
        if (
            op.code in FUSED
            and before is not None
            and before.code in FUSING
            and "fused" not in before.options
            and reads[before.output] == 1
        ):
            place = ops.index(before)
            ops[place] = dataclasses.replace(
                before, output=op.output, options={**before.options, "fused": FUSED[op.code]}
            )
            made[op.output] = ops[place]
            gone[before.output] = op.output
        else:
            ops.append(op)
    return compact(dataclasses.replace(program, ops=tuple(ops)))


def compact(program: Program) -> Program:
    """The program without the tensors that nobody reads or writes."""
    used = {*program.inputs, *program.outputs, *(op.output for op in program.ops)}
    used |= {tensor for op in program.ops for tensor in op.inputs if tensor >= 0}
    place = {old: new for new, old in enumerate(sorted(used))} | {-1: -1}
    return Program(
        program.name,
        tuple(program.tensors[old] for old in sorted(used)),
        tuple(
            dataclasses.replace(op, inputs=tuple(place[item] for item in op.inputs), output=place[op.output])
            for op in program.ops
        ),
        tuple(place[item] for item in program.inputs),
        tuple(place[item] for item in program.outputs),
    )
