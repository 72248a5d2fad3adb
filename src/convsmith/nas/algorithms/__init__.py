"""Search algorithms, one in each file: pure functions ``(space, history, rng, *, ...) -> answers``.

An algorithm proposes the next genotype from the finished trials of its own search; it trains nothing,
keeps nothing between calls, and takes every random number from `rng`.

- `space`: a `Space` that stays within the budget by itself: what it samples, mutates or crosses keeps it.
- `history`: the finished trials so far, oldest first: dicts with "answers", "score" (higher is better;
  None for a failed trial), "params", "macs", "seconds", "epochs" and the rest of `store.Trial`.
- keyword options: its own settings, with defaults. One called `population` says how many trials it wants
  to begin with; those are drawn at random, and shared with the random baseline.
"""

from __future__ import annotations

from collections.abc import Callable

from convsmith.registry import Registry

from ..choose import Answers

ALGORITHMS: Registry[Callable[..., Answers]] = Registry("algorithm", package="convsmith.nas.algorithms")

__all__ = ["ALGORITHMS"]
