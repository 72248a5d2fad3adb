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

KEPT = 4096
"""Networks whose cost is remembered: a search asks about the same ones again and again."""


def int8_bytes(graph: Graph, classes: tuple[str, ...] = ()) -> int:
    """Bytes of the network's int8 .tflite file at most, whatever its weights will be.

    It is as long as this, but for zero points that happen to be equal and are written once.

    Args:
        graph: the network, with known sizes.
        classes: the classes' names, which stand in the file.

    Raises:
        BadInput: for a layer that has no such form.

    Example:
        >>> from convsmith.zoo import network
        >>> int8_bytes(network("lenet5", input_shape=(32, 32, 1))) > 61_706
        True
    """
    return len(to_tflite(_program(graph), about_file(graph, "int8", classes)))


def int8_memory(graph: Graph) -> int:
    """Bytes of TensorFlow Lite Micro's arena for the network in int8, what it keeps for itself included.

    Args:
        graph: the network, with known sizes.

    Raises:
        BadInput: for a layer that has no such form.
    """
    program = _program(graph)
    return planned(program).bytes + kept(program)


def _program(graph: Graph) -> Program:
    return _made(graph.fingerprint, _Held(graph))


class _Held:
    """A Graph that is not part of a cache's key: its fingerprint says which it is."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Held)

    def __hash__(self) -> int:
        return 0


@lru_cache(KEPT)
def _made(fingerprint: str, held: _Held) -> Program:
    """The int8 program with weights and ranges that are all different, as real ones are."""
    import numpy as np

    graph = held.graph
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
