"""Reinforcement learning as in the first architecture search: an LSTM, moved by REINFORCE.

Source: Zoph and Le, "Neural Architecture Search with Reinforcement Learning", ICLR 2017, section 4.1: two
layers of 35, weights from -0.08 to 0.08, Adam at 6e-4, a moving average as baseline; 12,800 networks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..choose import Answers, Space
from . import ALGORITHMS
from ._history import at_least_one, finished

if TYPE_CHECKING:
    import numpy as np
    from torch.optim import Optimizer

    from ._controller import Batch, Controller


@ALGORITHMS.register()
def nasrl(
    space: Space,
    history: Sequence[dict[str, Any]],
    rng: np.random.Generator,
    *,
    learning_rate: float = 6e-4,
    baseline: float = 0.95,
    batch: int = 8,
    width: int = 35,
) -> Answers:
    """A genotype drawn from a controller that has learnt from every full batch of trials.

    It needs thousands of trials; it is here because the others are measured against it.

    Args:
        space: asks the questions; a draw over the budget becomes one within.
        history: finished trials, oldest first.
        rng: draws.
        learning_rate: Adam's.
        baseline: weight of the past in the moving average of scores that trials are compared with.
        batch: trials in a step.
        width: of the LSTM's two layers.

    Raises:
        BadInput: `batch` or `width` below 1.
    """
    at_least_one("nasrl", batch=batch, width=width)
    from ._controller import batches_of, taught

    controller = taught(
        space, batches_of(finished(history), batch, baseline), _reinforce,
        width=width, layers=2, reach=0.08, learning_rate=learning_rate,
    )  # fmt: skip
    answers = controller.draw(rng)
    return space.crossover(answers, answers, rng)  # of one with itself: within the budget


def _reinforce(controller: Controller, adam: Optimizer, together: Batch) -> None:
    adam.zero_grad()
    for answers, gain in together:
        (-gain * controller.judge(answers)[0] / len(together)).backward()
    adam.step()
