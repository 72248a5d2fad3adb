"""Losses of numbers: squared, absolute and relative differences, and what compares whole distributions."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from .base import EPSILON, LOSSES


@LOSSES.register("mean_squared_error")
def mean_squared_error(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """The mean of the squared differences."""
    return (y_true - y_pred).square().mean(-1)


@LOSSES.register("mean_absolute_error")
def mean_absolute_error(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """The mean of the differences' sizes."""
    return (y_true - y_pred).abs().mean(-1)


@LOSSES.register("mean_absolute_percentage_error")
def mean_absolute_percentage_error(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """The mean of the differences' sizes, in percent of the targets'."""
    return 100.0 * ((y_true - y_pred) / y_true.abs().clamp(min=EPSILON)).abs().mean(-1)


@LOSSES.register("mean_squared_logarithmic_error")
def mean_squared_logarithmic_error(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """The mean of the squared differences of log(1 + y); numbers below 0 count as 0."""
    floor = torch.tensor(EPSILON)
    ours, theirs = torch.maximum(y_pred, floor), torch.maximum(y_true, floor)
    return ((ours + 1).log() - (theirs + 1).log()).square().mean(-1)


@LOSSES.register("huber")
def huber(y_true: Tensor, y_pred: Tensor, *, delta: float = 1.0) -> Tensor:
    """Squared error up to `delta`, absolute error beyond (Huber, 1964)."""
    return F.huber_loss(y_pred, y_true, reduction="none", delta=delta).mean(-1)


@LOSSES.register("log_cosh")
def log_cosh(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """The mean of the logarithm of the difference's hyperbolic cosine."""
    error = y_pred - y_true
    return (error + F.softplus(-2.0 * error) - math.log(2.0)).mean(-1)


@LOSSES.register("kl_divergence")
def kl_divergence(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """Kullback and Leibler's divergence of the output from the target, in nats."""
    y_true, y_pred = y_true.clamp(EPSILON, 1), y_pred.clamp(EPSILON, 1)
    return (y_true * (y_true / y_pred).log()).sum(-1)


@LOSSES.register("poisson")
def poisson(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """Minus the log-likelihood of counts, but for what the output does not change."""
    return (y_pred - y_true * (y_pred + EPSILON).log()).mean(-1)


@LOSSES.register("cosine_similarity")
def cosine_similarity(y_true: Tensor, y_pred: Tensor, *, axis: int = -1) -> Tensor:
    """Minus the cosine of the angle between target and output."""
    return -(_unit(y_true, axis) * _unit(y_pred, axis)).sum(axis)


def _unit(x: Tensor, axis: int) -> Tensor:
    return x * x.square().sum(axis, keepdim=True).rsqrt().clamp(max=1 / EPSILON)
