"""What a search found, and what an earlier one gives to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from convsmith.graph import Graph

from .store import Trial


@dataclass(frozen=True)
class Found:
    """What a search found.

    Args:
        best: the best trial of all, by validation, among those trained longest.
        graph: its network.
        winners: the best trial of each arm, all trained for the same epochs: the algorithm's, and the
            baselines "random" and "largest"; an arm without a trial that worked is absent.
        trials: every trial, in order.
        plan: every decision: ``search(plan=...)`` repeats this search exactly.
        seconds: that the search took, interruptions not counted.
        training_seconds: of the short trainings, by arm; the shared beginning counts for both.
    """

    best: Trial
    graph: Graph
    winners: dict[str, Trial]
    trials: list[Trial]
    plan: dict[str, Any]
    seconds: float
    training_seconds: dict[str, float]


@dataclass(frozen=True)
class Warm:
    """What an earlier search gives to this one.

    Args:
        trials: of the earlier search, best first.
        same: whether their scores mean the same here: same images, split and recipe.
    """

    trials: Sequence[Trial] = ()
    same: bool = False
