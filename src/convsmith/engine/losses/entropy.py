"""Cross-entropies: of classes, of yes and no, focal, and fused with the softmax where it is last."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from ..lower import Lowered
from .base import EPSILON, LOSSES, shares


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
        target = shares(target, probabilities.shape[1]).to(probabilities.dtype)
    target = smoothed(target, label_smoothing)
    each = -(target * _shares(probabilities, 1).log()).sum(1)
    return each.mean() if mean else each


def clipped_log_softmax(logits: Tensor) -> Tensor:
    """The logarithm of a softmax (N, classes) that is clipped as Keras clips it: no gradient beyond.

    Example:
        >>> clipped_log_softmax(torch.tensor([[0.0, 50.0]])).exp()
        tensor([[1.0000e-07, 1.0000e+00]])
    """
    return F.log_softmax(logits, 1).clamp(math.log(EPSILON), math.log1p(-EPSILON))


def _log_shares(y_pred: Tensor, from_logits: bool, axis: int) -> Tensor:
    if from_logits:
        return F.log_softmax(y_pred, axis)
    return _shares(y_pred, axis).log()


def _shares(y_pred: Tensor, axis: int) -> Tensor:
    return (y_pred / y_pred.sum(axis, keepdim=True)).clamp(EPSILON, 1 - EPSILON)


def smoothed(y_true: Tensor, smoothing: float) -> Tensor:
    """Shares of classes of which this share is spread evenly over all."""
    return y_true * (1 - smoothing) + smoothing / y_true.shape[-1] if smoothing else y_true


@LOSSES.register("categorical_crossentropy")
def categorical_crossentropy(
    y_true: Tensor, y_pred: Tensor, *, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> Tensor:
    """Minus the logarithm of the right class's share."""
    return -(smoothed(y_true, label_smoothing) * _log_shares(y_pred, from_logits, axis)).sum(axis)


@LOSSES.register("sparse_categorical_crossentropy")
def sparse_categorical_crossentropy(
    y_true: Tensor,
    y_pred: Tensor,
    *,
    from_logits: bool = False,
    ignore_class: int | None = None,
    axis: int = -1,
) -> Tensor:
    """The same for class numbers; 0 where the class is the ignored one (`ignored` tells where)."""
    labels, at = _labels(y_true, y_pred, axis), axis % y_pred.dim()
    skipped = ignored(y_true, y_pred, ignore_class=ignore_class, axis=axis)
    if skipped is not None:
        labels = labels.masked_fill(skipped, 0)
        y_pred = y_pred.masked_fill(skipped.unsqueeze(at), 0.0)
        if not from_logits:  # nothing divided by nothing has no gradient either
            y_pred = y_pred + skipped.unsqueeze(at).to(y_pred.dtype)
    each = -_log_shares(y_pred, from_logits, at).gather(at, labels.unsqueeze(at)).squeeze(at)
    return each if skipped is None else each.masked_fill(skipped, 0.0)


def ignored(y_true: Tensor, y_pred: Tensor, *, ignore_class: int | None, axis: int = -1) -> Tensor | None:
    """Where the class is the ignored one; None where none is."""
    return None if ignore_class is None else _labels(y_true, y_pred, axis) == ignore_class


def _labels(y_true: Tensor, y_pred: Tensor, axis: int) -> Tensor:
    labels = y_true.to(torch.int64)
    return labels.squeeze(axis) if labels.dim() == y_pred.dim() and labels.shape[axis] == 1 else labels


@LOSSES.register("categorical_focal_crossentropy")
def categorical_focal_crossentropy(
    y_true: Tensor,
    y_pred: Tensor,
    *,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Tensor:
    """Cross-entropy that counts hard images more (Lin et al., 2017, section 3)."""
    found = _shares(y_pred.softmax(axis) if from_logits else y_pred, axis)
    entropy = -smoothed(y_true, label_smoothing) * found.log()
    return (alpha * (1 - found) ** gamma * entropy).sum(axis)


@LOSSES.register("binary_crossentropy")
def binary_crossentropy(
    y_true: Tensor, y_pred: Tensor, *, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> Tensor:
    """Minus the logarithm of the share of the right one of two, for each output on its own."""
    y_true = y_true * (1 - label_smoothing) + 0.5 * label_smoothing
    if from_logits:
        return F.binary_cross_entropy_with_logits(y_pred, y_true, reduction="none").mean(axis)
    return F.binary_cross_entropy(y_pred.clamp(EPSILON, 1 - EPSILON), y_true, reduction="none").mean(axis)


@LOSSES.register("binary_focal_crossentropy")
def binary_focal_crossentropy(
    y_true: Tensor,
    y_pred: Tensor,
    *,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Tensor:
    """Binary cross-entropy that counts hard images more; balanced by `alpha` where asked."""
    y_true = y_true * (1 - label_smoothing) + 0.5 * label_smoothing
    y_pred = y_pred.sigmoid() if from_logits else y_pred
    entropy = F.binary_cross_entropy(y_pred.clamp(EPSILON, 1 - EPSILON), y_true, reduction="none")
    right = y_true * y_pred + (1 - y_true) * (1 - y_pred)
    each = (1 - right) ** gamma * entropy
    if apply_class_balancing:
        each = each * (y_true * alpha + (1 - y_true) * (1 - alpha))
    return each.mean(axis)


@LOSSES.register("categorical_generalized_cross_entropy")
def categorical_generalized_cross_entropy(y_true: Tensor, y_pred: Tensor, *, q: float = 0.5) -> Tensor:
    """Between cross-entropy (q near 0) and absolute error (1), for noisy labels (Zhang and Sabuncu, 2018)."""
    right = y_pred.gather(-1, _labels(y_true, y_pred, -1).unsqueeze(-1)).squeeze(-1)
    return (1 - right**q) / q
