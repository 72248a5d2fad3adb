"""Losses with Keras's definitions, from the logits where the network ends in a softmax."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from .lower import Lowered

EPSILON = 1e-7
"""Keras's floor under a probability before its logarithm."""


def cross_entropy(
    module: Lowered,
    x_NCHW: Tensor,
    target: Tensor,
    *,
    label_smoothing: float = 0.0,
    from_logits: bool = False,
) -> tuple[Tensor, Tensor]:
    """The mean cross-entropy of a batch, and the scores that it was computed from.

    Args:
        x_NCHW: raw pixels.
        target: class numbers (N,), int64, or shares of classes (N, classes), float32.
        label_smoothing: this share of each target is spread evenly over all classes.
        from_logits: the network's output is logits (Keras's ``from_logits``).

    Returns:
        The loss, a scalar; and the logits or probabilities, (N, classes).
    """
    if module.ends_in_softmax and not from_logits:
        scores = module.logits(x_NCHW)
        return F.cross_entropy(scores, target, label_smoothing=label_smoothing), scores
    scores = module(x_NCHW)
    if from_logits:
        return F.cross_entropy(scores, target, label_smoothing=label_smoothing), scores
    return from_probabilities(scores, target, label_smoothing=label_smoothing), scores


def from_probabilities(
    probabilities: Tensor, target: Tensor, *, label_smoothing: float = 0.0, mean: bool = True
) -> Tensor:
    """Keras's cross-entropy of outputs that are not logits: made to sum to 1, clipped, logarithm.

    Args:
        probabilities: (N, classes).
        target: class numbers (N,), int64, or shares of classes (N, classes).
        label_smoothing: this share of each target is spread evenly over all classes.
        mean: the mean over the batch; else one loss for each image, (N,).
    """
    if target.dtype == torch.int64:
        target = F.one_hot(target, probabilities.shape[1]).to(probabilities.dtype)
    if label_smoothing:
        target = target * (1 - label_smoothing) + label_smoothing / probabilities.shape[1]
    shares = (probabilities / probabilities.sum(1, keepdim=True)).clamp(EPSILON, 1 - EPSILON)
    each = -(target * shares.log()).sum(1)
    return each.mean() if mean else each
