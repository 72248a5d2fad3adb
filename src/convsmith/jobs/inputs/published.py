"""A published network with its weights, for other images and classes: what "imagenet" gives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...errors import BadInput, BadName

if TYPE_CHECKING:
    import numpy as np

    from ...graph import Graph
    from ...pretrained import Source


def published(
    network: str, weights: str, input_shape: Sequence[int], classes: int, *, seed: int, flag: str
) -> tuple[Graph, dict[str, np.ndarray], Source]:
    """A network of `convsmith list pretrained` with its weights; its head is new.

    Args:
        network: a name of the table.
        weights: "imagenet", or the path of a file of its weights.
        input_shape: rows, columns, channels.
        classes: how many the head tells apart.
        seed: of the head's first weights.
        flag: the option that asks for the weights, for messages.

    Raises:
        BadName: for a network without weights.
        BadInput: for weights that cannot be had, or images that the network does not take.
    """
    from ...engine.weights import initial
    from ...pretrained import SOURCES, open_source

    if network not in SOURCES:
        raise BadName(f"{flag} {weights} for network", network, SOURCES)
    try:
        source = open_source(network if weights == "imagenet" else f"{network}={weights}")
        graph = source.classified(input_shape, classes)
        return graph, initial(graph, seed) | source.weights_for(graph), source
    except BadInput as error:  # the source speaks of another option
        where = error.where.replace(f"--pretrained {network}", f"{flag} {weights}")
        hint = error.hint.replace(f"--pretrained {network}=", f"{flag} ")
        raise BadInput(where, error.came, error.expected, hint) from None
