"""The exam of a search algorithm: pure, repeatable, resumable anywhere, within the budget."""

from __future__ import annotations

import copy
import random as python_random
from collections.abc import Callable
from typing import Any

from ..ledger.budget import Budget
from ..nas.budget.fitting import ensure_feasible
from ..nas.choose import Answers, Space
from ..nas.loop.store import Trial
from ..nas.proposal import Proposal
from ..nas.spaces import space as find_space
from ..nas.trial import Evaluation, Seen, propose, run_trial
from ..nas.within import Within

_OTHERS = 5  # every so many trials, the last one is also taken as one that another worker still trains


def exam_algorithm(
    algorithm: Callable[..., Answers | Proposal],
    *,
    space: Space | None = None,
    budget: Budget | None = None,
    trials: int = 40,
    seed: int = 0,
) -> list[float]:
    """Examine an algorithm on simulated trainings, every ninth of which fails.

    Args:
        algorithm: ``(space, history, rng, *, ...) -> answers`` or a `Proposal`.
        space: where it searches; "stages" for 8x8 images without one.
        budget: what it must keep; 20,000 parameters without one.
        trials: how many.
        seed: of every draw.

    Returns:
        The scores of the trials that worked, in order.

    Raises:
        AssertionError: the same seed gave other answers; it changed its history, or drew from a global
            generator; it remembers something between calls; a network was over the budget.

    Example:
        >>> from convsmith.nas.algorithms import ALGORITHMS
        >>> len(exam_algorithm(ALGORITHMS["random"], trials=18))
        16
    """
    import numpy as np

    space = find_space("stages", (8, 8, 1), 10) if space is None else space
    budget = Budget(params=20_000) if budget is None else budget
    name = getattr(algorithm, "__name__", "algorithm")
    within = Within(space, budget, ensure_feasible(space, budget, np.random.default_rng(seed)))

    def ask(history: list[dict[str, Any]], place: int) -> Answers | Proposal:
        return algorithm(within, history, np.random.default_rng([seed, place]))

    def train(graph: Any, /, *, epochs: int, seed: int) -> Evaluation:
        if not budget.check(graph).kept:
            raise AssertionError(f"{name} had a network over the budget trained: {budget.check(graph)}")
        if place % 9 == 8:
            raise FloatingPointError("a simulated failure")
        return Evaluation(1 / (1 + abs(len(graph) - 20)), seconds=1.0)

    finished: list[Trial] = []
    proposals: list[Answers | Proposal] = []
    for place in range(trials):
        history = [trial.to_json() for trial in finished]
        untouched = copy.deepcopy(history)
        proposals.append(ask(history, place))
        generators = (python_random.getstate(), str(np.random.get_state()))  # an import may have drawn before
        assert ask(history, place) == proposals[-1], f"{name} gives other answers with the same seed"
        assert history == untouched, f"{name} changes its history"
        state = (python_random.getstate(), str(np.random.get_state()))
        assert state == generators, f"{name} draws from a global generator, not from rng"
        space.replay(Proposal.of(proposals[-1]).answers)
        if finished and place % _OTHERS == 0:
            others = [finished[-1].to_json() | {"status": "running", "score": None}]
            space.replay(Proposal.of(ask([*history[:-1], *others], place)).answers)
        rng = np.random.default_rng([seed, place])
        proposed = propose(within, algorithm, Seen(finished), rng, budget=budget)
        assert proposed is not None, f"{name} and {trials} samples found no new network"
        trial = run_trial(
            space, proposed.answers, train, index=place, arm=name, arm_index=place, rung=0,
            epochs=proposed.epochs or 1, seed=seed, budget=budget, latency_ms=None, elapsed=lambda: 0.0,
        )  # fmt: skip
        assert trial.status != "over_budget", f"{name} proposed over the budget: {trial.error}"
        assert "AssertionError" not in (trial.error or ""), trial.error
        finished.append(trial)
    for place in reversed(range(trials)):  # as after an interruption there: nothing but the history counts
        history = [trial.to_json() for trial in finished[:place]]
        assert ask(history, place) == proposals[place], f"{name} remembers more than its history"
    return [trial.score for trial in finished if trial.score is not None]
