"""Search algorithms, one in each file: pure functions ``(space, history, rng, *, ...) -> answers``.

An algorithm proposes the next genotype from the trials of its own search; it trains nothing, keeps nothing
between calls, and takes every random number from `rng`.

- `space`: a `Space` that stays within the budget by itself: what it samples, mutates or crosses keeps it.
- `history`: the finished trials so far, oldest first, then those that other workers are training now: dicts
  with "answers", "score" (higher is better; None for a failed or running trial), "status" ("ok", "failed",
  "over_budget" or "running"), "params", "macs", "seconds", "epochs" and the rest of `store.Trial`.
- keyword options: its own settings, with defaults. One called `population` says how many trials it wants
  to begin with; those are drawn at random, and shared with the random baseline.

Instead of answers it may return a `Proposal`, which also says for how many epochs and on how large images
the network is trained. An algorithm that shares weights (`LEARNERS`) returns a `Lesson` until its history
holds a line with status "learnt".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from convsmith.registry import Registry

from ..choose import Answers
from ..proposal import Proposal

A = TypeVar("A", bound=Callable[..., Any])
Algorithm = Callable[..., Answers | Proposal]
ALGORITHMS: Registry[Algorithm] = Registry(
    "algorithm", package="convsmith.nas.algorithms", group="convsmith.algorithms"
)

LEARNERS: set[Algorithm] = set()
"""Those that learn from the images before they propose: without what they learnt they return a `Lesson`."""


def learner(algorithm: A) -> A:
    """Say that an algorithm begins with a lesson."""
    LEARNERS.add(algorithm)
    return algorithm


__all__ = ["ALGORITHMS", "LEARNERS", "Algorithm", "learner"]
