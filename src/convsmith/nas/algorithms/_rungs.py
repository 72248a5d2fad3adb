"""Rungs of a multi-fidelity search: short trainings of many networks, longer ones of the best few.

Everything follows from the history: which rung a trial stands on from its epochs, which bracket from the
order in which its genotype first came. So a search goes on anywhere, and no worker ever waits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from convsmith.errors import BadInput
from convsmith.options import Options, Words, define

from ..choose import Answers, Space, genotype_key
from ..proposal import Proposal, epochs_asked
from . import ALGORITHMS
from ._history import at_least_one, finished, running, untried

if TYPE_CHECKING:
    import numpy as np

Base = Annotated[str, Words("the algorithm that proposes new networks.")]

_SEEN = 8  # finished trials on a rung that the base algorithm needs to learn from that rung


@dataclass(frozen=True)
class Rungs(Options):
    """Epochs and image sizes of the rungs, the shortest first.

    Raises:
        BadInput: a setting out of range.

    Example:
        >>> Rungs(1, 9, 3).epochs, Rungs(2, 12, 3).epochs, Rungs(4, 4, 3).epochs
        ([1, 3, 9], [4, 12], [4])
        >>> [Rungs(1, 9, 3, 0.5).size((32, 32), rung) for rung in range(3)]
        [(16, 16), (24, 24), None]
    """

    least: int = define(2, "epochs of the first rung, at least.", unit="epochs")
    most: int = define(18, "epochs of the last.", unit="epochs")
    factor: int = define(
        3, "how much longer each rung trains, and how many of its trials stand for one on the next."
    )
    smallest: float = define(
        1.0, "side of the first rung's images, as a share of the whole side.", unit="share"
    )

    def __post_init__(self) -> None:
        at_least_one("rungs", least=self.least)
        for name, value, least in (("most", self.most, self.least), ("factor", self.factor, 2)):
            if value < least:
                raise BadInput(f"rungs {name}", f"got {value!r}", f"at least {least}")
        if not 0 < self.smallest <= 1:
            raise BadInput("rungs smallest", f"got {self.smallest!r}", "a share of the side, up to 1")

    @property
    def epochs(self) -> list[int]:
        """Epochs of each rung."""
        found = [self.most]
        while found[0] // self.factor >= self.least:
            found.insert(0, found[0] // self.factor)
        return found

    def size(self, whole: tuple[int, int], rung: int) -> tuple[int, int] | None:
        """Rows and columns of a rung's images; None for whole ones."""
        last = len(self.epochs) - 1
        share = 1.0 if rung >= last else self.smallest + (1 - self.smallest) * rung / last
        rows, columns = (min(side, max(8, 2 * round(side * share / 2))) for side in whole)
        return None if (rows, columns) == tuple(whole) else (rows, columns)

    def proposal(self, space: Space, answers: Answers, rung: int) -> Proposal:
        """These answers on that rung."""
        return Proposal(answers, self.epochs[rung], self.size(space.input_shape[:2], rung))

    def standing(self, history: Sequence[dict[str, Any]]) -> list[list[dict[str, Any]]]:
        """The trials on each rung, failed and running ones too; those of other epochs stand nowhere."""
        return [[trial for trial in history if epochs_asked(trial) == epochs] for epochs in self.epochs]


def fresh(
    space: Space, history: Sequence[dict[str, Any]], rng: np.random.Generator, base: str, rungs: Rungs
) -> Answers:
    """A new genotype of the base algorithm, which learns from the highest rung that has trials enough.

    Scores of different rungs do not compare, so it sees one rung only (Falkner, Klein, Hutter, "BOHB", 2018).
    """
    if base in ("successive_halving", "hyperband", "asha"):
        raise BadInput("base algorithm", f"got {base!r}", "one that trains for equally long", "base=tpe")
    standing = rungs.standing(history)
    enough = [trials for trials in standing if len(finished(trials)) >= _SEEN] or standing[:1]
    lines = [*finished(enough[-1]), *running(history)]

    def make() -> Answers:
        return Proposal.of(ALGORITHMS[base](space, lines, rng)).answers

    return untried(make, space, history, rng)


def bracketed(
    space: Space,
    history: Sequence[dict[str, Any]],
    rng: np.random.Generator,
    *,
    rungs: Rungs,
    brackets: Sequence[tuple[int, int]],
    base: str,
) -> Proposal:
    """The next trial of brackets that follow each other in a circle.

    A bracket trains its genotypes on its first rung; when all are finished, the best go one rung up, and so
    on. While trials of one bracket are still running, others begin the next.

    Args:
        space, history, rng: as every algorithm gets them.
        rungs: of the search.
        brackets: for each, how many genotypes it begins with, and on which rung.
        base: the algorithm that proposes them.
    """
    entries: dict[str, int] = {}  # genotype -> its place among all, in the order they first came
    for trial in history:
        if epochs_asked(trial) in rungs.epochs:
            entries.setdefault(genotype_key(trial["answers"]), len(entries))
    standing = rungs.standing(history)
    begin = number = 0
    while True:
        count, first = brackets[number % len(brackets)]
        if len(entries) < begin + count:
            return rungs.proposal(space, fresh(space, history, rng, base, rungs), first)
        mine = {key for key, place in entries.items() if begin <= place < begin + count}
        for rung in range(first, len(rungs.epochs) - 1):
            here = [trial for trial in standing[rung] if genotype_key(trial["answers"]) in mine]
            above = {genotype_key(trial["answers"]) for trial in standing[rung + 1]} & mine
            wanted = max(1, count // rungs.factor ** (rung + 1 - first))
            left = [one for one in finished(here) if genotype_key(one["answers"]) not in above]
            if running(here):
                break
            if len(above) < wanted and left:
                best = max(left, key=lambda one: one["score"])
                return rungs.proposal(space, dict(best["answers"]), rung + 1)
        begin, number = begin + count, number + 1
