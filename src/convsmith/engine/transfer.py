"""The weights of one network in another: what fits by name and shape is taken, the head is new."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..errors import BadInput
from ..graph import Graph
from ..graph.head import head
from ..units import counted
from .weights import initial


@dataclass(frozen=True)
class Transferred:
    """First weights for a network.

    Args:
        weights: full name -> array, all of them.
        new: names of those that are random.
        note: one line about it.
    """

    weights: dict[str, np.ndarray]
    new: tuple[str, ...]
    note: str


def transfer(graph: Graph, source: Mapping[str, np.ndarray], *, where: str, seed: int) -> Transferred:
    """Begin with another training's weights; only the head may differ.

    Args:
        graph: the network to be trained.
        source: full name -> array.
        where: what they come from, for messages.
        seed: of the new head's first weights.

    Raises:
        BadInput: where a layer before the head is missing or has another shape.

    Example:
        >>> from convsmith.zoo import network
        >>> theirs = initial(network("lenet5", classes=10), seed=1)
        >>> transfer(network("lenet5", classes=3), theirs, where="net.keras", seed=0).note
        "weights from net.keras; the head 'softmax' is new: 3 classes"
    """
    last = head(graph).name
    own = initial(graph, seed)
    new = []
    for name, weight in graph.weights.items():
        if name in source and tuple(source[name].shape) == tuple(weight.shape):
            own[name] = np.array(source[name], np.float32)
        elif name.rpartition("/")[0] == last:
            new.append(name)
        else:
            came = f"{tuple(source[name].shape)} for '{name}'" if name in source else f"nothing for '{name}'"
            raise BadInput(
                where, f"holds {came}", f"the weights of '{graph.name}', {tuple(weight.shape)} there"
            )
    if new:  # one half of a head says nothing
        fresh = initial(graph, seed)
        new = [name for name in graph.weights if name.rpartition("/")[0] == last]
        own |= {name: fresh[name] for name in new}
    classes = graph.output_shape[-1]
    note = f"weights from {where}; " + (
        f"the head '{last}' is new: {counted(classes or 0, 'class', 'classes')}" if new else "the head's too"
    )
    return Transferred(own, tuple(new), note)
