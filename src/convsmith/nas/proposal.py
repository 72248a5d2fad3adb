"""What an algorithm asks for: a genotype, and how long and on how large images to train it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from convsmith.errors import BadInput

from .choose import Answers


@dataclass(frozen=True)
class Proposal:
    """A genotype to train from scratch, and with how much of everything.

    An algorithm may return plain answers instead; `Proposal.of` makes a proposal of either. The same genotype
    may be proposed again with more epochs or a larger size: that is another trial.

    Args:
        answers: the genotype, of the space that the algorithm was given.
        epochs: to train; None: as many as the driver trains by itself.
        size: rows and columns of the images in training; None: those of the space's input.

    Raises:
        BadInput: less than one epoch, row or column.

    Example:
        >>> Proposal({"width": 8}, epochs=4)
        Proposal(answers={'width': 8}, epochs=4, size=None)
        >>> Proposal.of({"width": 8}) == Proposal({"width": 8}) == Proposal.of(Proposal({"width": 8}))
        True
    """

    answers: Answers
    epochs: int | None = None
    size: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        for name, numbers in (("epochs", (self.epochs,)), ("size", self.size or (None,))):
            if any(number is not None and number < 1 for number in numbers):
                raise BadInput(f"proposal's {name}", f"got {getattr(self, name)!r}", "at least 1")

    @classmethod
    def of(cls, proposed: Answers | Proposal) -> Proposal:
        """What an algorithm returned, as a proposal."""
        return proposed if isinstance(proposed, Proposal) else cls(proposed)

    def is_done_by(self, trial: dict[str, Any], fingerprint: str) -> bool:
        """Whether a trial of the history trains, or has trained, this network for as long on as large images.

        Args:
            trial: a dict with "fingerprint" and, where known, "epochs" and "size".
            fingerprint: of this proposal's network.
        """
        if trial["fingerprint"] != fingerprint:
            return False
        epochs, size = epochs_asked(trial), trial.get("size")
        longer = self.epochs is not None and epochs is not None and self.epochs > epochs
        larger = size is not None and (self.size or (float("inf"),) * 2) > tuple(size)
        return not longer and not larger


@dataclass(frozen=True)
class Lesson(Proposal):
    """What an algorithm returns instead of a proposal while it must learn from the images first.

    Whoever trains the candidates also gives lessons; what was learnt becomes a line of the algorithm's
    history (status "learnt"), from which it then proposes. It has no answers: nothing of it is a candidate.

    Args:
        learn: ``module:function``, called with a `lesson.LessonTask` and the images; beside it stands a
            function `check`, which refuses a space before any work.
        settings: the algorithm's, JSON-able.
    """

    learn: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)


def epochs_asked(trial: dict[str, Any]) -> int | None:
    """For how many epochs a trial was to be trained; a learning curve may have ended it sooner.

    Example:
        >>> epochs_asked({"epochs": 3, "more": {"epochs_asked": 6}}), epochs_asked({"epochs": 3})
        (6, 3)
    """
    asked: int | None = (trial.get("more") or {}).get("epochs_asked", trial.get("epochs"))
    return asked
