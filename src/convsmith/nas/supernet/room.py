"""Whether a supernet has room in memory, said before anything is trained."""

from __future__ import annotations

import math
import os

from convsmith.errors import BadInput
from convsmith.graph import Graph
from convsmith.units import show_bytes

_KEPT = 2.0  # numbers kept for each output: itself, and its gradient or what the way back needs
_STATES = 3.0  # numbers for each weight: itself, its gradient, its momentum


def needed_bytes(graph: Graph, batch: int, *, copies: float = 1.0) -> int:
    """Bytes that training a network takes, about: every output of every image of a batch, and the weights.

    Args:
        graph: the network.
        batch: images in a step.
        copies: further copies of the weights.

    Example:
        >>> from convsmith.zoo import network
        >>> needed_bytes(network("lenet5"), 64) > 64 * needed_bytes(network("lenet5"), 1) // 40
        True
    """
    outputs = sum(math.prod(size or 1 for size in shape) for shape in graph.shapes.values())
    return int(4 * (_KEPT * batch * outputs + (_STATES + copies - 1) * graph.known_params))


def free_bytes() -> int | None:
    """Memory that a process can still get here; None where the system does not say."""
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            for line in file:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, AttributeError):
        return None


def check_room(what: str, needed: int, hint: str, *, free: int | None = None) -> None:
    """Refuse what needs more memory than there is.

    Args:
        what: for the message.
        needed: bytes.
        hint: what makes it smaller.
        free: bytes that are there; as the system says without it.

    Raises:
        BadInput: too large.
    """
    free = free_bytes() if free is None else free
    if free is not None and needed > free:
        raise BadInput(
            what, f"takes about {show_bytes(needed)} of memory",
            f"at most the {show_bytes(free)} that are free", hint,
        )  # fmt: skip
