"""DARTS: one network with every operation at once, whose weights say which to keep.

What the paper says: 2.76 +- 0.09% test error on CIFAR-10 with 3.3M parameters (second order, four runs of the
search, 600 epochs for what it found); 3.00 +- 0.14% at first order. What is reproduced here: the method, its
numbers and its way from weights to cells; the published cells are in the zoo, with the published count of
parameters. What is not: the search at full size, the 600 epochs with drop path, cutout and auxiliary heads.
On NAS-Bench-201 plain DARTS is published to end in skip connections alone (54.30% test on CIFAR-10, Dong and
Yang 2020); `bench/weight_sharing.py` looks up in the table what it ends in here.

Source: H. Liu, K. Simonyan, Y. Yang, "DARTS: Differentiable Architecture Search", ICLR 2019; cures in
`nas.supernet.darts`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from convsmith.errors import BadInput, BadName

from ..choose import Answers, Space
from ..proposal import Proposal
from . import ALGORITHMS, learner
from ._history import at_least_one
from ._learnt import next_learnt

if TYPE_CHECKING:
    import numpy as np

CURES = ("none", "beta", "drnas", "minus")


@ALGORITHMS.register()
@learner
def darts(
    space: Space,
    history: Sequence[dict[str, Any]],
    rng: np.random.Generator,
    *,
    cure: str = "none",
    order: int = 1,
    early_stop: bool = False,
    epochs: int = 50,
    batch: int = 64,
    cells: int = 8,
    filters: int = 16,
) -> Answers | Proposal:
    """The cell that a relaxed network with all operations says, in sizes within the budget.

    It learns once from the training images, then its best cells are trained alone as every candidate is. The
    relaxed network may be over the budget; it is never a candidate. For spaces of cells: darts, enas, nasnet
    and nasbench201.

    Args:
        space: a space of cells.
        history: what was learnt, and trials.
        rng: draws, after what was learnt is tried.
        cure: of its collapse to skip connections: "none", "beta" (beta-DARTS), "drnas" or "minus" (DARTS-).
        order: 1, or 2 for a look one step ahead, which costs about three times as much.
        early_stop: stop where the largest eigenvalue of the Hessian grows, with the cell of before.
        epochs: over a half of the images, at most; a search's time may end it sooner.
        batch: images in a step.
        cells: of the relaxed network, where the space has several sizes.
        filters: of the same.

    Raises:
        BadInput: a setting out of range, a batch of one.
        BadName: no such cure.
    """
    if cure not in CURES:
        raise BadName("darts cure", cure, CURES)
    if order not in (1, 2):
        raise BadInput("darts order", f"got {order!r}", "1 or 2", "order=1")
    if batch < 2:
        raise BadInput("darts batch", f"got {batch!r}", "at least 2: one image has no statistics", "batch=64")
    at_least_one("darts", epochs=epochs, cells=cells, filters=filters)
    return next_learnt(
        space, history, rng, "convsmith.nas.supernet.darts:learn",
        {
            "cure": cure, "order": order, "early_stop": early_stop, "epochs": epochs, "batch": batch,
            "cells": cells, "filters": filters,
        },
    )  # fmt: skip
