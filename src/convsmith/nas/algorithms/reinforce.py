"""Reinforcement learning without a network: a preference for each option of each question.

Sources: Williams, "Simple Statistical Gradient-Following Algorithms for Connectionist Reinforcement
Learning", 1992; with these constants on NAS-Bench-201: Dong and Yang, ICLR 2020, section 5.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..choose import Answers, Space
from ..space.options import Options, index_of
from . import ALGORITHMS
from ._history import finished

if TYPE_CHECKING:
    import numpy as np

_BETAS, _EPSILON = (0.9, 0.999), 1e-8  # Adam's


@ALGORITHMS.register()
def reinforce(
    space: Space,
    history: Sequence[dict[str, Any]],
    rng: np.random.Generator,
    *,
    learning_rate: float = 0.01,
    baseline: float = 0.9,
) -> Answers:
    """Answers drawn from a policy that every finished trial has moved a little.

    The policy is a softmax over the options of each question; a trial better than the moving average
    makes its answers likelier (REINFORCE), by a step of Adam. It needs hundreds of trials.

    Args:
        space: where to draw; a draw over the budget becomes one within.
        history: finished trials, oldest first: each is one step.
        rng: draws.
        learning_rate: Adam's.
        baseline: weight of the past in the moving average of scores that trials are compared with.

    Example:
        >>> import numpy as np
        >>> from convsmith.nas.spaces import space
        >>> digits = space("stages", (8, 8, 1), 10)
        >>> reinforce(digits, [], np.random.default_rng(0)) == reinforce(digits, [], np.random.default_rng(0))
        True
    """
    preferences = _learned(space, history, learning_rate, baseline)

    def pick(name: str, options: Options) -> int:
        import numpy as np

        known = preferences.get((name, options))
        odds = np.full(len(options), 1 / len(options)) if known is None else _softmax(known)
        return int(rng.choice(len(options), p=odds))

    answers = space.walk(pick).answers
    return space.crossover(answers, answers, rng)  # of one with itself: within the budget


def _learned(
    space: Space, history: Sequence[dict[str, Any]], learning_rate: float, keep: float
) -> dict[tuple[str, Options], np.ndarray]:
    import numpy as np

    values: dict[tuple[str, Options], np.ndarray] = {}
    moments: dict[tuple[str, Options], np.ndarray] = {}
    total = weight = 0.0
    for step, trial in enumerate(finished(history), 1):
        total, weight = keep * total + (1 - keep) * trial["score"], keep * weight + 1 - keep
        advantage = trial["score"] - total / weight
        for name, options in space.options(trial["answers"]).items():
            value = values.setdefault((name, options), np.zeros(len(options)))
            moment = moments.setdefault((name, options), np.zeros((2, len(options))))
            gradient = advantage * _softmax(value)  # of -advantage * ln p(answer)
            gradient[index_of(trial["answers"][name], options)] -= advantage
            moment[0] += (1 - _BETAS[0]) * (gradient - moment[0])
            moment[1] += (1 - _BETAS[1]) * (gradient**2 - moment[1])
            mean, square = moment[0] / (1 - _BETAS[0] ** step), moment[1] / (1 - _BETAS[1] ** step)
            value -= learning_rate * mean / (np.sqrt(square) + _EPSILON)
    return values


def _softmax(values: np.ndarray) -> np.ndarray:
    import numpy as np

    powers = np.exp(values - values.max())
    return np.asarray(powers / powers.sum())
