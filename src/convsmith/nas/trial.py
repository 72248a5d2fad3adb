"""One trial: propose a genotype that is new and keeps the budget, note it, and write down what came."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from convsmith.errors import BadInput
from convsmith.graph import Graph
from convsmith.ledger.budget import Budget, Latency

from .budget.fitting import fit_to_budget
from .choose import Answers, Space
from .loop.store import Key, Status, Trial
from .proposal import Proposal
from .workers.protocol import Evaluate, Evaluation, Outcome, Task, perform

if TYPE_CHECKING:
    import numpy as np

__all__ = [
    "Draft",
    "Evaluate",
    "Evaluation",
    "Seen",
    "draft",
    "propose",
    "random_numbers",
    "run_trial",
]

_TRIES = 30  # proposals until one is a network that its arm has not trained yet


def random_numbers(seed: int, arm: str, *place: int) -> np.random.Generator:
    """The generator of one trial; it depends on nothing that ran before."""
    import numpy as np

    return np.random.default_rng([seed, zlib.crc32(arm.encode()), *place])


class Seen:
    """What an arm has seen: its finished trials, oldest first, and those that are running.

    Args:
        trials: finished ones to begin with.
    """

    def __init__(self, trials: Iterable[Trial] = ()) -> None:
        self.trials: list[Trial] = []
        self._lines: list[dict[str, Any]] = []
        self._learnt: list[dict[str, Any]] = []
        self._running: dict[Key, dict[str, Any]] = {}
        self._of: dict[str, list[dict[str, Any]]] = {}
        for trial in trials:
            self.add(trial)

    def add(self, trial: Trial) -> None:
        """A trial is finished."""
        self.trials.append(trial)
        self._lines.append(trial.to_json())
        self._of.setdefault(trial.fingerprint, []).append(self._lines[-1])
        self._running.pop(trial.key, None)

    def begin(self, draft: Draft) -> None:
        """A trial is running from now on."""
        self._running[draft.key] = draft.to_json()

    def learn(self, line: dict[str, Any]) -> None:
        """What came of a lesson, which is no trial."""
        self._learnt.append(line)

    def lines(self) -> list[dict[str, Any]]:
        """What an algorithm is given: what it learnt, every finished trial, then those that are running."""
        return [*self._learnt, *self._lines, *self._running.values()]

    def of(self, fingerprint: str) -> list[dict[str, Any]]:
        """The trials of one network."""
        running = [line for line in self._running.values() if line["fingerprint"] == fingerprint]
        return [*self._of.get(fingerprint, ()), *running]


def propose(
    space: Space,
    algorithm: Callable[..., Answers | Proposal],
    history: Seen,
    rng: np.random.Generator,
    *,
    budget: Budget,
    latency_ms: Latency | None = None,
    anchor: Answers | None = None,
) -> Proposal | None:
    """The algorithm's next proposal that keeps the budget and that `history` does not hold yet.

    Args:
        space: the space, within the budget.
        algorithm: ``(space, history, rng) -> answers`` or a `Proposal`.
        history: the arm's trials.
        rng: of this trial.
        budget: checked again here, whatever the algorithm did.
        latency_ms: measures a network; needed when latency is limited.
        anchor: a genotype known to keep the budget; found anew when absent.

    Returns:
        The proposal, or None when nothing new was found in 30 proposals and as many samples.

    Raises:
        BadInput: the last one, where every proposal and every sample raised.
    """
    import numpy as np

    lines, wrong = history.lines(), list[Exception]()
    for attempt in range(2 * _TRIES):
        try:
            made = algorithm(space, lines, rng) if attempt < _TRIES else space.sample(rng)
            proposal = Proposal.of(made)
            if not budget.check(space.graph(proposal.answers), latency_ms).kept:
                answers = fit_to_budget(
                    space, proposal.answers, budget, rng, latency_ms=latency_ms, anchor=anchor
                )
                proposal = Proposal(answers, proposal.epochs, proposal.size)
            fingerprint = space.graph(proposal.answers).fingerprint
        except (BadInput, np.linalg.LinAlgError) as error:
            # A space that raises for a few combinations, a layer nobody can count, a block that a latency
            # table lacks: other networks are there.
            wrong.append(error)
            continue
        if not any(proposal.is_done_by(trial, fingerprint) for trial in history.of(fingerprint)):
            return proposal
    if len(wrong) == 2 * _TRIES:
        raise wrong[-1]
    return None


@dataclass(frozen=True)
class Draft:
    """A trial that was proposed and is not finished.

    Args:
        arm, arm_index, rung: as in `Trial`.
        proposal: its genotype, epochs and size of images; the epochs are set.
        seed: of its training.
        fingerprint: of the network of the genotype.
        graph: the network to train: of the proposal's size.
        figures: what the network of the genotype costs.
        refused: why it may not be trained; None where it may.
    """

    arm: str
    arm_index: int
    rung: int
    proposal: Proposal
    seed: int
    fingerprint: str
    graph: Graph
    figures: dict[str, Any]
    refused: str | None

    @property
    def key(self) -> Key:
        """As of the trial that it becomes."""
        return self.rung, self.arm, self.arm_index

    def to_json(self) -> dict[str, Any]:
        """What proposed.jsonl keeps of it, and what algorithms see while it runs."""
        size = self.proposal.size
        return {
            "arm": self.arm, "arm_index": self.arm_index, "rung": self.rung, "status": "running",
            "score": None, "epochs": self.proposal.epochs, "size": None if size is None else list(size),
            "answers": self.proposal.answers, "seed": self.seed, "fingerprint": self.fingerprint,
            **self.figures, "seconds": None, "curve": [],
        }  # fmt: skip

    def finished(self, outcome: Outcome | None, *, index: int, at: float) -> Trial:
        """The trial, from what came of it; None where it was refused."""
        status: Status = "over_budget" if outcome is None else "failed"
        score: float | None = None
        loss: float | None = None
        error, more = self.refused, dict[str, Any]()
        epochs, size = self.proposal.epochs or 0, self.proposal.size
        if outcome is not None:
            error = outcome.error
            if outcome.evaluation is not None:
                status, score = "ok", outcome.evaluation.score
                loss, more = outcome.evaluation.loss, outcome.evaluation.more
            if 0 < len(outcome.curve) < epochs:
                more, epochs = {**more, "epochs_asked": epochs}, len(outcome.curve)
        return Trial(
            index=index, arm=self.arm, arm_index=self.arm_index, rung=self.rung, epochs=epochs,
            seed=self.seed, answers=self.proposal.answers, fingerprint=self.fingerprint, status=status,
            score=score, loss=loss, **self.figures, seconds=outcome.seconds if outcome else 0.0, at=at,
            error=error, more=more, size=None if size is None else list(size),
            curve=list(outcome.curve) if outcome else [],
        )  # fmt: skip


def draft(
    space: Space,
    proposal: Proposal,
    *,
    arm: str,
    arm_index: int,
    rung: int,
    epochs: int,
    seed: int,
    budget: Budget,
    latency_ms: Latency | None,
) -> Draft:
    """Check a proposal against the budget, before anything is trained.

    Args:
        space: the space.
        proposal: of this space.
        arm, arm_index, rung: as in `Trial`.
        epochs: to train where the proposal does not say.
        seed: of the search.
        budget: hard; what is over it is refused. At another size of images, the network there is checked too.
        latency_ms: measures a network; needed when latency is limited.
    """
    graph = space.graph(proposal.answers)
    verdict = budget.check(graph, latency_ms)
    figures = dict(verdict.figures)
    refused = None if verdict.kept else str(verdict)
    trained = graph
    if proposal.size is not None and refused is None:
        other = Space(space.function, (*proposal.size, space.input_shape[2]), space.classes, name=space.name)
        trained = other.graph(other.complete(proposal.answers))
        there = budget.without_latency().check(trained)
        refused = None if there.kept else f"at {'x'.join(map(str, proposal.size))}: {there}"
    chosen = Proposal(proposal.answers, proposal.epochs or epochs, proposal.size)
    training_seed = int(random_numbers(seed, arm, arm_index, rung, 1).integers(2**31))
    return Draft(arm, arm_index, rung, chosen, training_seed, graph.fingerprint, trained, figures, refused)


def run_trial(
    space: Space,
    answers: Answers,
    evaluate: Evaluate,
    *,
    index: int,
    arm: str,
    arm_index: int,
    rung: int,
    epochs: int,
    seed: int,
    budget: Budget,
    latency_ms: Latency | None,
    elapsed: Callable[[], float],
) -> Trial:
    """Check a genotype against the budget, train it here, and write down what came.

    Args:
        space: the space.
        answers: the genotype.
        evaluate: trains it; not called when the network is over the budget.
        index, arm, arm_index, rung: as in `Trial`.
        epochs: to train.
        seed: of the search.
        budget: hard.
        latency_ms: measures a network; needed when latency is limited.
        elapsed: seconds of the search when it ends.
    """
    made = draft(
        space, Proposal(answers), arm=arm, arm_index=arm_index, rung=rung, epochs=epochs, seed=seed,
        budget=budget, latency_ms=latency_ms,
    )  # fmt: skip
    task = Task(index, made.graph, epochs, made.seed)
    outcome = None if made.refused else perform(evaluate, task)
    return made.finished(outcome, index=index, at=elapsed())
