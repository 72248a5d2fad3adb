"""TrivialAugment and RandAugment: operations drawn from the table for each image, and how strong they are."""

from __future__ import annotations

import torch
from torch import Tensor

from .operation import OPERATIONS


def drawn(x: Tensor, generator: torch.Generator, *, operations: int, magnitude: float, space: str) -> Tensor:
    """Each image changed by operations drawn for it alone, one after the other.

    Images that drew the same operation go through it together.

    Args:
        operations: how many for each image.
        magnitude: 0 to 1, RandAugment's strength for all (its M / 30); 0 draws a strength for each image,
            as TrivialAugment does.
        space: the range of the amounts: "wide", "narrow" or "characters".
    """
    names = list(OPERATIONS)
    for _ in range(operations):
        which = torch.randint(0, len(names), (len(x),), generator=generator)
        draw = torch.rand(2, len(x), generator=generator)
        strength = torch.full((len(x),), magnitude) if magnitude else draw[0]
        sign = torch.where(draw[1] < 0.5, -1.0, 1.0)
        out = x.clone()
        for number, name in enumerate(names):
            rows = (which == number).nonzero()[:, 0]
            if len(rows) and name != "identity":
                operation = OPERATIONS[name]
                amounts = operation.amounts(strength[rows], sign[rows], space)
                places = rows.to(x.device, non_blocking=True)
                out[places] = operation.apply(x[places], amounts)
        x = out
    return x
