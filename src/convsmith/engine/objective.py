"""What a training makes small: cross-entropy, weighed by class, and the teacher's share of it."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from .losses import cross_entropy, from_probabilities
from .lower import Lowered
from .teacher import Teacher, scores


class Objective:
    """Targets for the augmentation to blend, and the loss on what comes out of it.

    Args:
        classes: how many classes.
        label_smoothing: share of each target spread over all classes.
        class_weights: what an image of each class counts, (classes,); None for all alike.
        teacher: whose opinion counts as well; None for nobody's.
    """

    def __init__(
        self,
        classes: int,
        *,
        label_smoothing: float,
        class_weights: np.ndarray | None = None,
        teacher: Teacher | None = None,
    ) -> None:
        self.classes, self.label_smoothing, self.teacher = classes, label_smoothing, teacher
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
        shares = F.one_hot(labels, self.classes).to(torch.float32)
        return torch.cat([shares, self.opinions[torch.from_numpy(rows)].to(labels.device)], 1)

    def __call__(self, module: Lowered, x_NCHW: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """The loss of a batch and the scores that it was computed from, (N, classes).

        Args:
            module: the student.
            x_NCHW: varied images.
            target: what the augmentation made of `targets`.
        """
        if self.weights is None and self.teacher is None:
            return cross_entropy(module, x_NCHW, target, label_smoothing=self.label_smoothing)
        opinion = None
        if self.opinions is not None:
            target, opinion = target[:, : self.classes], target[:, self.classes :]
        found = scores(module, x_NCHW)
        if module.ends_in_softmax:
            each = F.cross_entropy(found, target, label_smoothing=self.label_smoothing, reduction="none")
        else:
            each = from_probabilities(found.exp(), target, label_smoothing=self.label_smoothing, mean=False)
        if self.weights is not None:
            weights = self.weights.to(each.device)
            each = each * (weights[target] if target.dim() == 1 else target @ weights)
        loss = each.mean()
        if self.teacher is not None:
            taught = self.teacher.loss(found, self.teacher.shares(x_NCHW) if opinion is None else opinion)
            loss = torch.lerp(loss, taught, self.teacher.weight)
        return loss, found
