"""ENAS: a controller learns which networks are good from weights that all of them share.

What the paper says: 2.89% test error on CIFAR-10 with 4.6M parameters (micro space, with cutout; 630 epochs
for what it found), after a search of 11.5 hours on one GPU. What is reproduced here: the method and its
numbers, on the spaces of cells that there are; the published cells are in the zoo. What is not: the search at
full size, the training of its network with drop path, cutout and an auxiliary head. See `nas.supernet.enas`
for what differs.

Source: H. Pham, M. Guan, B. Zoph, Q. Le, J. Dean, "Efficient Neural Architecture Search via Parameter
Sharing", ICML 2018.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from convsmith.errors import BadInput

from ..choose import Answers, Space
from ..proposal import Proposal
from . import ALGORITHMS, learner
from ._history import at_least_one
from ._learnt import next_learnt

if TYPE_CHECKING:
    import numpy as np


@ALGORITHMS.register()
@learner
def enas(
    space: Space,
    history: Sequence[dict[str, Any]],
    rng: np.random.Generator,
    *,
    epochs: int = 150,
    batch: int = 160,
    cells: int = 6,
    filters: int = 20,
) -> Answers | Proposal:
    """The best networks that a controller draws which has learnt from shared weights, in sizes within the
    budget.

    It learns once, then its networks are trained alone as every candidate is. The shared weights may be over
    the budget; they are never a candidate. For spaces of cells: darts, enas, nasnet and nasbench201.

    Args:
        space: a space of cells.
        history: what was learnt, and trials.
        rng: draws, after what was learnt is tried.
        epochs: over the training images, at most; a search's time may end it sooner.
        batch: images in a step.
        cells: of the networks that share, where the space has several sizes.
        filters: of the same.

    Raises:
        BadInput: a setting out of range, a batch of one.
    """
    if batch < 2:
        raise BadInput("enas batch", f"got {batch!r}", "at least 2: one image has no statistics", "batch=160")
    at_least_one("enas", epochs=epochs, cells=cells, filters=filters)
    settings = {"epochs": epochs, "batch": batch, "cells": cells, "filters": filters}
    return next_learnt(space, history, rng, "convsmith.nas.supernet.enas:learn", settings)
