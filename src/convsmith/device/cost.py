"""What a network costs as an int8 file, known from its Graph before it has weights."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from .arena import kept, planned
from .file import about_file
from .lower import to_program
from .program import Program
from .quantize import quantized
from .tflite import to_tflite

if TYPE_CHECKING:
    import numpy as np

    from ..graph import Graph

    Weights = dict[str, np.ndarray]

KEPT = 256
"""Networks whose cost is remembered: a search asks about the same ones again and again."""


@lru_cache(KEPT)
def int8_cost(graph: Graph, classes: tuple[str, ...] = ()) -> tuple[int, int]:
    """Bytes of the network's int8 .tflite file and of its memory on a device, whatever its weights will be.

    The file has these bytes at most: zero points that happen to be equal are written once. The memory is
    TensorFlow Lite Micro's arena, what it keeps for itself included.

    Args:
        graph: the network, with known sizes.
        classes: the classes' names, which stand in the file.

    Raises:
        NoForm: for a layer that devices do not run.

    Example:
        >>> from convsmith.zoo import network
        >>> file, memory = int8_cost(network("lenet5", input_shape=(32, 32, 1)))
        >>> file > 61_706, memory
        (True, 8695)
    """
    program = _program(graph)
    file = len(to_tflite(program, about_file(graph, "int8", classes)))
    return file, planned(program).bytes + kept(program)


def _program(graph: Graph) -> Program:
    """The int8 program with weights and ranges that are all different, as real ones are."""
    import numpy as np

    rng = np.random.default_rng(0)
    weights: Weights = {}
    for name, weight in graph.weights.items():
        # One number a channel is enough to tell channels apart; the rest may be the same memory.
        own = weight.shape[-2:] if weight.shape[-1:] < (8,) else weight.shape[-1:]
        row = rng.uniform(0.5, 1.5, own).astype(np.float32)
        weights[name] = np.broadcast_to(row, weight.shape)
    program = to_program(graph, weights)
    above = {op.output for op in program.ops if op.options.get("fused") or op.code in ("RELU", "RELU6")}
    ranges = {}
    for place in range(len(program.tensors)):
        # What is cut at zero has the zero point -128; of the others no two need to have the same.
        share = 0.0 if place in above else (place % 254 + 1) / 256
        size = 1 + place / len(program.tensors)
        ranges[place] = (-share * size, (1 - share) * size)
    return quantized(program, ranges)
