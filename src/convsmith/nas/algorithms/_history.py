"""What every algorithm asks of its history."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from convsmith.errors import BadInput

from ..choose import Answers, Space, genotype_key

if TYPE_CHECKING:
    import numpy as np

_TRIES = 8  # draws until a genotype is one that was not tried


def finished(history: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The trials that have a score, oldest first: neither failed nor still running."""
    return [trial for trial in history if trial["score"] is not None]


def running(history: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The trials that other workers are training now."""
    return [trial for trial in history if trial.get("status") == "running"]


def tried(history: Iterable[dict[str, Any]]) -> set[str]:
    """The keys of every genotype in a history, failed and running ones too."""
    return {genotype_key(trial["answers"]) for trial in history}


def untried(
    make: Callable[[], Answers], space: Space, history: Sequence[dict[str, Any]], rng: np.random.Generator
) -> Answers:
    """The first of a few genotypes from `make` that nobody tried; where all were, one drawn at random."""
    known = tried(history)
    for _ in range(_TRIES):
        answers = make()
        if genotype_key(answers) not in known:
            return answers
    return space.sample(rng)


def at_least_one(algorithm: str, **settings: float) -> None:
    """Raises BadInput for a setting below 1."""
    for name, value in settings.items():
        if value < 1:
            raise BadInput(f"{algorithm} {name}", f"got {value!r}", "at least 1", f"{name}=4")
