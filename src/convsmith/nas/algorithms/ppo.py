"""Reinforcement learning as in NASNet: an LSTM, moved by proximal policy optimisation.

Sources: Zoph, Vasudevan, Shlens, Le, "Learning Transferable Architectures for Scalable Image Recognition",
CVPR 2018, appendix A: one layer of 100, weights from -0.1 to 0.1, Adam at 3.5e-4, entropy 1e-5, baseline
.95, batches of 20; 20,000 networks. Schulman et al., "Proximal Policy Optimization Algorithms", 2017: the
clipped objective.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..choose import Answers, Space
from . import ALGORITHMS
from ._history import at_least_one, finished

if TYPE_CHECKING:
    import numpy as np
    from torch.optim import Optimizer

    from ._controller import Batch, Controller


@ALGORITHMS.register()
def ppo(
    space: Space,
    history: Sequence[dict[str, Any]],
    rng: np.random.Generator,
    *,
    learning_rate: float = 3.5e-4,
    baseline: float = 0.95,
    entropy: float = 1e-5,
    clip: float = 0.2,
    batch: int = 20,
    passes: int = 4,
    width: int = 100,
) -> Answers:
    """A genotype drawn from a controller that has learnt from every full batch of trials.

    It needs thousands of trials; it is here because the others are measured against it.

    Args:
        space: asks the questions; a draw over the budget becomes one within.
        history: finished trials, oldest first.
        rng: draws.
        learning_rate: Adam's.
        baseline: weight of the past in the moving average of scores that trials are compared with.
        entropy: weight of the reward for staying undecided.
        clip: how far one batch may change how likely a genotype is.
        batch: trials that are learnt from together.
        passes: steps on each batch.
        width: of the LSTM.

    Raises:
        BadInput: `batch`, `passes` or `width` below 1.
    """
    at_least_one("ppo", batch=batch, passes=passes, width=width)
    from ._controller import batches_of, taught

    controller = taught(
        space, batches_of(finished(history), batch, baseline), _Proximal(clip, entropy, passes),
        width=width, layers=1, reach=0.1, learning_rate=learning_rate,
    )  # fmt: skip
    answers = controller.draw(rng)
    return space.crossover(answers, answers, rng)  # of one with itself: within the budget


@dataclass(frozen=True)
class _Proximal:
    """Steps that change how likely a genotype is by no more than `clip`."""

    clip: float
    entropy: float
    passes: int

    def __call__(self, controller: Controller, adam: Optimizer, together: Batch) -> None:
        import torch

        with torch.no_grad():
            before = [controller.judge(answers)[0] for answers, _ in together]
        for _ in range(self.passes):
            adam.zero_grad()
            for (answers, gain), old in zip(together, before, strict=True):
                now, undecided = controller.judge(answers)
                ratio = (now - old).exp()
                kept = torch.minimum(ratio * gain, ratio.clamp(1 - self.clip, 1 + self.clip) * gain)
                (-(kept + self.entropy * undecided) / len(together)).backward()
            adam.step()
