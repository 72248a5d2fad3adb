"""What a training makes small: its loss, weighed by class, and the teacher's share of it."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ..losses import LOSSES, cross_entropy, from_probabilities, shares
from ..lower import Lowered
from .teacher import Teacher, scores

CROSS_ENTROPY = "categorical_crossentropy"
OBJECTIVES = (CROSS_ENTROPY, "categorical_focal_crossentropy", "mean_squared_error")
"""Keras's losses that make sense for class numbers, with Keras's defaults."""


class Objective:
    """Targets for the augmentation to blend, and the loss on what comes out of it.

    Args:
        classes: how many classes.
        loss: one of `OBJECTIVES`.
        label_smoothing: share of each target spread over all classes.
        class_weights: what an image of each class counts, (classes,); None for all alike.
        teacher: whose opinion counts as well; None for nobody's.
    """

    def __init__(
        self,
        classes: int,
        *,
        loss: str = CROSS_ENTROPY,
        label_smoothing: float,
        class_weights: np.ndarray | None = None,
        teacher: Teacher | None = None,
    ) -> None:
        self.classes, self.loss, self.label_smoothing, self.teacher = classes, loss, label_smoothing, teacher
        self.weights = None if class_weights is None else torch.from_numpy(class_weights).float()
        self.opinions: Tensor | None = None
        if teacher is not None and isinstance(teacher.source, np.ndarray):
            self.opinions = teacher.softened(torch.from_numpy(np.asarray(teacher.source, np.float32)))

    def targets(self, labels: Tensor, rows: np.ndarray) -> Tensor:
        """What goes through the augmentation with the images.

        Args:
            labels: class numbers, (N,).
            rows: the images' places among the training images, (N,).

        Returns:
            The class numbers; or, with opinions known beforehand, (N, 2 x classes): the labels' shares and
            the teacher's, so that both are blended as the images are.
        """
        if self.opinions is None:
            return labels
        known = shares(labels, self.classes)
        return torch.cat([known, self.opinions[torch.from_numpy(rows)].to(labels.device)], 1)

    def __call__(self, module: Lowered, x_NCHW: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """The loss of a batch and the scores that it was computed from, (N, classes).

        Args:
            module: the student.
            x_NCHW: varied images.
            target: what the augmentation made of `targets`.
        """
        if self.weights is None and self.teacher is None and self.loss == CROSS_ENTROPY:
            return cross_entropy(module, x_NCHW, target, label_smoothing=self.label_smoothing)
        opinion = None
        if self.opinions is not None:
            target, opinion = target[:, : self.classes], target[:, self.classes :]
        found = scores(module, x_NCHW)
        if self.loss != CROSS_ENTROPY:
            each = LOSSES[self.loss](self._shares(target), found.softmax(1))
        elif module.ends_in_softmax:
            each = F.cross_entropy(found, target, label_smoothing=self.label_smoothing, reduction="none")
        else:
            each = from_probabilities(found.exp(), target, label_smoothing=self.label_smoothing, mean=False)
        if self.weights is not None:
            if self.weights.device != each.device:
                self.weights = self.weights.to(each.device)  # once: copying it waits for the device
            each = each * (self.weights[target] if target.dim() == 1 else target @ self.weights)
        loss = each.mean()
        if self.teacher is not None:
            taught = self.teacher.loss(found, self.teacher.shares(x_NCHW) if opinion is None else opinion)
            loss = torch.lerp(loss, taught, self.teacher.weight)
        return loss, found

    def _shares(self, target: Tensor) -> Tensor:
        """Smoothed shares of classes, (N, classes)."""
        if target.dim() == 1:
            target = shares(target, self.classes)
        return target * (1 - self.label_smoothing) + self.label_smoothing / self.classes
