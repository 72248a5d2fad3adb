"""What both ways of making images share: a unit's answer to climb, for all units of a layer at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..explain import batch_for
from ..one_layer import answers

if TYPE_CHECKING:
    import torch

    from ...engine.lower import Lowered


def objective(
    net: Lowered, layer: str, units: list[int], x_UCHW: torch.Tensor, *, centre: bool
) -> torch.Tensor:
    """How much each unit answers to its own image, before the activation, (U,).

    Args:
        net: the network.
        layer: the layer.
        units: whose answer, for each image.
        x_UCHW: an image for each, raw pixels.
        centre: the answer at the middle place alone; else the mean over all places.
    """
    import torch

    out = answers(net, layer, x_UCHW, before=True)
    own = out[torch.arange(len(units)), torch.tensor(units)]
    if own.dim() == 1:
        return own
    return own[:, own.shape[1] // 2, own.shape[2] // 2] if centre else own.mean((1, 2))


def portions(net: Lowered, units: list[int]) -> Iterator[list[int]]:
    """The units in batches that fit into memory; a unit's image does not depend on its batch."""
    many = batch_for(net.graph)
    for start in range(0, len(units), many):
        yield units[start : start + many]
