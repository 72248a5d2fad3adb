"""One trial: propose a genotype that is new and keeps the budget, train it, write down what came."""

from __future__ import annotations

import inspect
import math
import time
import traceback
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from convsmith.errors import BadName
from convsmith.graph import Graph
from convsmith.runs import CannotWrite

from .algorithms import ALGORITHMS
from .budget import Budget, Latency, figures_of
from .choose import Answers, Space
from .fit import fit_to_budget
from .store import Status, Trial

if TYPE_CHECKING:
    import numpy as np

_TRIES = 30  # proposals until one is a network that its arm has not trained yet


@dataclass(frozen=True)
class Evaluation:
    """What training a network gave.

    Args:
        score: validation accuracy, 0 to 1; higher is better. NaN makes the trial a failed one.
        seconds: that the training took.
        loss: validation loss; decides between equal scores.
        more: anything else worth a place in the trial's record, JSON-able.
    """

    score: float
    seconds: float
    loss: float | None = None
    more: dict[str, Any] = field(default_factory=dict)


class Evaluate(Protocol):
    """Trains a network from scratch and says how good it is; the same arguments give the same score."""

    def __call__(self, graph: Graph, /, *, epochs: int, seed: int) -> Evaluation: ...


def random_numbers(seed: int, arm: str, *place: int) -> np.random.Generator:
    """The generator of one trial; it depends on nothing that ran before."""
    import numpy as np

    return np.random.default_rng([seed, zlib.crc32(arm.encode()), *place])


def settings_of(algorithm: str, options: dict[str, Any]) -> dict[str, Any]:
    """An algorithm's settings: its defaults, with `options` instead where given.

    Raises:
        BadName: an option that the algorithm does not have.

    Example:
        >>> settings_of("evolution", {"sample": 3})
        {'population': 8, 'sample': 3, 'mutations': 1}
    """
    parameters = inspect.signature(ALGORITHMS[algorithm]).parameters.values()
    settings = {one.name: one.default for one in parameters if one.kind is one.KEYWORD_ONLY}
    for name in options:
        if name not in settings:
            raise BadName(f"option of algorithm '{algorithm}'", name, settings)
    return settings | options


def propose(
    space: Space,
    algorithm: Callable[..., Answers],
    history: Sequence[Trial],
    rng: np.random.Generator,
    *,
    budget: Budget,
    latency_ms: Latency | None = None,
) -> Answers | None:
    """The algorithm's next genotype that keeps the budget and whose network `history` does not hold yet.

    Args:
        space: the space, within the budget.
        algorithm: ``(space, history, rng) -> answers``.
        history: the arm's finished trials, oldest first.
        rng: of this trial.
        budget: checked again here, whatever the algorithm did.
        latency_ms: measures a network; needed when latency is limited.

    Returns:
        The genotype, or None when nothing new was found in 30 proposals and as many samples.
    """
    known = {trial.fingerprint for trial in history}
    lines = [trial.to_json() for trial in history]
    for attempt in range(2 * _TRIES):
        answers = algorithm(space, lines, rng) if attempt < _TRIES else space.sample(rng)
        if not budget.check(space.graph(answers), latency_ms).kept:
            answers = fit_to_budget(space, answers, budget, rng, latency_ms=latency_ms)
        if space.graph(answers).fingerprint not in known:
            return answers
    return None


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
    """Train one network and record it; one that is over the budget is recorded and not trained.

    Args:
        seed: of the search; the training's own is derived from it, the arm, the place and the rung.
        elapsed: seconds of the search so far.

    Returns:
        The trial, whose status says what came; only a full disk and a person's Ctrl-C go through.
    """
    graph = space.graph(answers)
    verdict = budget.check(graph, latency_ms)
    figures = figures_of(graph) | {"latency_ms": verdict.figures.get("latency_ms")}
    training_seed = int(random_numbers(seed, arm, arm_index, rung, 1).integers(2**31))
    status: Status = "ok"
    score: float | None = None
    loss: float | None = None
    error: str | None = None
    more: dict[str, Any] = {}
    seconds, began = 0.0, time.perf_counter()
    if not verdict.kept:
        status, error = "over_budget", str(verdict)
    else:
        try:
            result = evaluate(graph, epochs=epochs, seed=training_seed)
            seconds, loss, more = float(result.seconds), result.loss, dict(result.more)
            if math.isfinite(result.score):
                score = float(result.score)
            else:
                status, error = "failed", f"the score is {result.score}"
        except CannotWrite:
            raise
        except Exception:
            seconds = time.perf_counter() - began
            status, error = "failed", traceback.format_exc()
    return Trial(
        index=index, arm=arm, arm_index=arm_index, rung=rung, epochs=epochs, seed=training_seed,
        answers=answers, fingerprint=graph.fingerprint, status=status, score=score, loss=loss, **figures,
        seconds=seconds, at=elapsed(), error=error, more=more,
    )  # fmt: skip
