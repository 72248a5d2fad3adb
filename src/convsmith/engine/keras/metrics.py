"""The metrics of a compiled keras.Model: the accuracies counted here, all others by Keras's own objects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from .ends import Ends
from .loss import NUMBERED, LossOutcome, Objective


class Metrics(Protocol):
    """What is counted over the batches of an epoch."""

    @property
    def names(self) -> list[str]:
        """As they are logged, in the order in which ``evaluate`` gives them."""

    def add(
        self, outcome: LossOutcome, targets: Sequence[Tensor | None], weights: Sequence[Tensor | None]
    ) -> None:
        """Count one batch."""

    def logs(self) -> dict[str, Any]:
        """Names and numbers over what was counted."""

    def reset(self) -> None:
        """Begin again."""


class Accuracies:
    """The share of images whose largest output is the right class, under one name or several.

    Args:
        names: as they are logged.
    """

    def __init__(self, names: list[str]) -> None:
        self.listed = names
        self.reset()

    @property
    def names(self) -> list[str]:
        return self.listed

    def reset(self) -> None:
        self.right, self.images = 0, 0

    def add(
        self, outcome: LossOutcome, targets: Sequence[Tensor | None], weights: Sequence[Tensor | None]
    ) -> None:
        target = targets[0]
        if self.listed and target is not None:
            labels = target if target.dim() == 1 else target.argmax(1)
            self.right += int((outcome.outputs[0].detach().argmax(1) == labels).sum())
            self.images += len(target)

    def logs(self) -> dict[str, Any]:
        return dict.fromkeys(self.listed, self.right / max(self.images, 1))


class KerasMetrics:
    """Keras's own objects, told each batch's outputs.

    Args:
        whole: the model's metrics of ``compile`` as one object.
        ends: the model's outputs.
    """

    def __init__(self, whole: Any, ends: Ends) -> None:
        import keras

        self.whole, self.ends = whole, ends
        self.as_tensors = keras.backend.backend() == "torch"
        self.reset()

    @property
    def names(self) -> list[str]:
        return [metric.name for metric in self.whole.metrics]

    def reset(self) -> None:
        self.whole.reset_state()

    def add(
        self, outcome: LossOutcome, targets: Sequence[Tensor | None], weights: Sequence[Tensor | None]
    ) -> None:
        outputs = [out.detach() for out in outcome.outputs]
        if outcome.logits:
            outputs = [outputs[0].softmax(1)]
        shares = None if all(share is None for share in weights) else [self._given(w) for w in weights]
        asked = self.ends.together([self._given(target) for target in targets])
        found = self.ends.together([self._given(out) for out in outputs])
        if not self.whole.built:  # until then Keras does not reset objects that another model counted with
            self.whole.build(asked, found)
            self.whole.reset_state()
        self.whole.update_state(
            asked,
            found,
            sample_weight=None if shares is None else self.ends.together(shares),
        )

    def _given(self, tensor: Tensor | None) -> Any:
        return tensor if self.as_tensors or tensor is None else tensor.numpy()

    def logs(self) -> dict[str, Any]:
        return _plain(self.whole.result()) if self.whole.built else {}


def _plain(found: dict[str, Any]) -> dict[str, Any]:
    """Numbers as Python's; a result that is a dictionary is taken apart, an array stays one."""
    from keras import ops

    logs: dict[str, Any] = {}
    for name, value in found.items():
        if isinstance(value, dict):
            logs |= _plain(value)
        else:
            array = np.asarray(ops.convert_to_numpy(value))
            logs[name] = float(array) if array.ndim == 0 else array
    return logs


_ACCURACY = ("accuracy", "acc")
_NUMBERED = {
    "categorical_accuracy": False,
    "sparse_categorical_accuracy": True,
    "CategoricalAccuracy": False,
    "SparseCategoricalAccuracy": True,
}
"""Accuracies by Keras's name, and whether their targets are class numbers."""


def metrics_of(model: Any, objective: Objective) -> Metrics:
    """The model's metrics: counted here where all are the plain accuracy of one row of classes."""
    asked = getattr(model, "_compile_config", None)
    config = dict(asked.config) if asked is not None else {}
    names = None if config.get("weighted_metrics") else _accuracies(config.get("metrics") or [], objective)
    whole = next((metric for metric in model.metrics if type(metric).__name__ == "CompileMetrics"), None)
    if names is None and whole is not None:
        return KerasMetrics(whole, objective.ends)
    loss = objective.losses[0]
    if names and whole is not None and loss is not None and not whole.built:
        # EarlyStopping and others look there for which way is better.
        shape = (1, *(size or 1 for size in loss.shape))
        whole.build(np.zeros(shape[:-1] if loss.name in NUMBERED else shape), np.zeros(shape))
    return Accuracies(names or [])


def _accuracies(given: Any, objective: Objective) -> list[str] | None:
    """The names of the metrics where each is the plain accuracy; None where another is among them."""
    if not given:
        return []
    loss = objective.losses[0]
    if (
        len(objective.losses) > 1
        or loss is None
        or loss.own is not None
        or not isinstance(given, list | tuple)
    ):
        return None
    if len(loss.shape) != 1 or (loss.shape[0] or 0) < 2:
        return None
    names: list[str] = []
    for metric in given:
        if not isinstance(metric, str):
            return None  # somebody may read it afterwards
        if metric not in _ACCURACY and _NUMBERED.get(metric) != (loss.name in NUMBERED):
            return None
        names.append(metric)
    return names if len(set(names)) == len(names) else None


class Tally:
    """Means over the images seen so far: the loss, each output's loss, and the metrics."""

    def __init__(self, objective: Objective, metrics: Metrics) -> None:
        self.objective, self.metrics = objective, metrics
        metrics.reset()
        self.images, self.loss = 0, 0.0
        self.each = [0.0] * len(objective.names)

    def add(
        self,
        outcome: LossOutcome,
        targets: Sequence[Tensor | None],
        weights: Sequence[Tensor | None],
        count: int,
        penalty: Tensor | float,
    ) -> None:
        """Count one batch of so many images, with the penalty on the weights at its time."""
        self.images += count
        self.loss += (float(outcome.loss.detach()) + float(penalty)) * count
        for index in range(len(self.each)):
            self.each[index] += float(outcome.each[index].detach()) * count
        with torch.no_grad():
            self.metrics.add(outcome, targets, weights)

    def logs(self) -> dict[str, Any]:
        """Names and numbers, sorted by name as Keras does."""
        images = max(self.images, 1)
        each = {name: total / images for name, total in zip(self.objective.names, self.each, strict=True)}
        return dict(sorted({**self.metrics.logs(), **each, "loss": self.loss / images}.items()))

    def row(self) -> list[Any]:
        """The numbers in the order in which Keras's ``evaluate`` gives them."""
        logs = self.logs()
        names = [name for name in ("loss", *self.metrics.names, *self.objective.order) if name in logs]
        return [logs[name] for name in dict.fromkeys([*names, *logs])]
