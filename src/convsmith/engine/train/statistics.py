"""The statistics of batch norms, measured anew for the weights that a network is judged by.

While a network is trained they follow the weights at a distance, and an average of weights gets an average of
the statistics of other weights. Wu and Johnson, "Rethinking 'Batch' in BatchNorm", 2021, section 3; Izmailov
et al., "Averaging Weights Leads to Wider Optima and Better Generalization", 2018, section 3.2.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from ...kinds._torch import BatchNorm
from ..lower import Lowered
from ..predict import to_NCHW

IMAGES = 1024
"""Training images that are looked at for the weights that are given back, at most."""
FEW = 256
"""The same for a look between epochs, after which the training goes on."""
AT_ONCE = 128
"""In batches of about so many: the variance within a batch is the one that counts."""


def norms(module: nn.Module) -> list[BatchNorm]:
    """The batch norms whose statistics follow what they see: those that are not frozen."""
    return [part for part in module.modules() if isinstance(part, BatchNorm) and not part.frozen]


def sample(count: int, seed: int, images: int = IMAGES) -> list[np.ndarray]:
    """Which of so many images are looked at, in batches; the same for the same seed.

    Example:
        >>> [len(rows) for rows in sample(300, seed=0)]
        [100, 100, 100]
    """
    rows = np.random.default_rng([seed, count]).permutation(count)[:images]
    return [np.sort(part) for part in np.array_split(rows, -(-len(rows) // AT_ONCE))]


def settle(module: Lowered, x: np.ndarray, batches: Sequence[np.ndarray]) -> None:
    """Set each batch norm's mean and variance to the mean of those of the batches; nothing else changes.

    Dropout is off, as where the network is judged. What the statistics were does not count, so the same
    weights give the same statistics; a network without batch norms is not run.

    Args:
        module: the network; it is in evaluation mode afterwards.
        x: raw pixels (N, H, W, C); may be memory-mapped.
        batches: the rows of each batch.
    """
    found = norms(module)
    if not found:
        return
    place = found[0].running_mean.device
    momenta = [norm.momentum for norm in found]
    hooks = list(_counting(module))
    module.eval()
    try:
        for norm in found:
            norm.training = True
        with torch.no_grad():
            for rows in batches:
                module(to_NCHW(x[rows]).to(place))
    finally:
        for hook in hooks:
            hook.remove()
        for norm, momentum in zip(found, momenta, strict=True):
            norm.momentum = momentum
        module.eval()


def _counting(module: Lowered) -> Iterator[torch.utils.hooks.RemovableHandle]:
    """Make every call of a batch norm count alike, those of several calls with the same statistics too."""
    calls: dict[int, int] = {}

    def hook(step: nn.Module, _inputs: tuple[Tensor, ...]) -> None:
        for norm in norms(step):
            key = id(norm.running_mean)
            calls[key] = calls.get(key, 0) + 1
            norm.momentum = 1 - 1 / calls[key]

    for step in module.steps:
        if norms(step):
            yield step.register_forward_pre_hook(hook)
