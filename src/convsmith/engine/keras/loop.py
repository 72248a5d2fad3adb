"""Keras's training loop on the lowered network: batches, metrics, callbacks, logs as Keras counts them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch

from ...errors import BadInput
from ..lower import Lowered
from ..lowered.dropout import seed_dropout
from ..train.constraints import Constraints
from ..train.regularizers import Penalty
from .compiled import hears, listed, optimizer_of
from .data import Arrays, Batch, Stream
from .loss import Objective
from .metrics import Metrics, Tally
from .sync import Live


def judge(
    module: Lowered,
    objective: Objective,
    metrics: Metrics,
    data: Iterable[Batch],
    penalty: Penalty,
    told: Any = None,
) -> Tally:
    """Loss and metrics over images, as Keras's evaluate counts them.

    Args:
        told: a ``keras.callbacks.CallbackList`` that hears of each batch, or None.
    """
    tally = Tally(objective, metrics)
    module.eval()
    if told is not None:
        told.model.stop_evaluating = False
    with torch.no_grad():
        of_weights = float(penalty.of_weights())
    for step, batch in enumerate(data):
        if told is not None:
            told.on_test_batch_begin(step)
        # Not torch's inference mode: what metrics and losses of Keras make in it nobody could change later.
        with torch.no_grad():
            outcome = objective(module, batch.x, batch.targets, batch.weights)
            tally.add(outcome, batch.targets, batch.weights, batch.count, of_weights + penalty.of_outputs())
        if told is not None:
            told.on_test_batch_end(step, tally.logs())
            if getattr(told.model, "stop_evaluating", False):
                break
    return tally


class Work:
    """One call of `fit`.

    Args:
        model: compiled and built.
        module: the same network, lowered.
        objective: the model's loss.
        metrics: the model's metrics.
    """

    def __init__(self, model: Any, module: Lowered, objective: Objective, metrics: Metrics) -> None:
        self.model, self.module, self.objective, self.metrics = model, module, objective, metrics
        self.live = Live(model, module)
        if not self.live.trained:
            raise BadInput(f"model '{model.name}'", "has nothing to train", "a trainable layer")
        self._pull()
        self.generator = torch.Generator().manual_seed(int(np.random.randint(2**31)))
        seed_dropout(module, self.generator)

    def _pull(self) -> None:
        """The model's weights, an optimizer for those that are trained now, and its state."""
        self.live.pull()
        self.penalty, self.constraints = Penalty(self.module), Constraints(self.module)
        variables = [self.live.variables[name] for name, _, _, _ in self.live.trained]
        parameters = [tensor for _, tensor, _, _ in self.live.trained]
        self.optimizer = optimizer_of(self.model, variables, parameters)
        self.live.pull_state(self.optimizer)

    def run(
        self,
        data: Arrays | Stream,
        validation: Arrays | Stream | None,
        *,
        epochs: int,
        initial_epoch: int,
        callbacks: Any,
        verbose: Any,
        validated: Callable[[int], bool],
    ) -> Any:
        """Train, and return Keras's History.

        Args:
            data: the batches of each epoch.
            validation: the batches to judge by.
            validated: whether the epoch of this number, from 1, ends with a validation.
        """
        from keras.callbacks import CallbackList

        given = listed(callbacks)
        told = callbacks
        if not isinstance(callbacks, CallbackList):
            told = CallbackList(
                given,
                add_history=True,
                add_progbar=verbose != 0,
                verbose=verbose,
                epochs=epochs,
                steps=data.steps,
                model=self.model,
            )
        each = [callback for callback in given if hears(callback, "train")]
        self.hears, self.sees = bool(each) or verbose != 0, any(_sees_weights(one) for one in each)
        self.model.stop_training = False
        logs: dict[str, Any] = {}
        told.on_train_begin()
        self._back(given)
        # BackupAndRestore, and nothing else, says there where an interrupted training goes on.
        for epoch in range(getattr(self.model, "_initial_epoch", None) or initial_epoch, epochs):
            told.on_epoch_begin(epoch)
            self._back(given)
            logs = self._epoch(data, told)
            if given:
                self._forth()
            if validation is not None and validated(epoch + 1):
                logs |= self._validated(validation, told, given)
            told.on_epoch_end(epoch, logs)
            self._back(given)
            if self.model.stop_training:
                break
        if (
            self.optimizer.iterations and self.live.trained
        ):  # before the first step an average of the weights is all zeros
            self.optimizer.finish()
        self._forth()
        told.on_train_end(logs)
        return self.model.history

    def _forth(self) -> None:
        """Weights and the optimizer's state into the model, for whoever looks there."""
        self.live.push()
        self.live.push_state(self.optimizer)

    def _back(self, given: list[Any]) -> None:
        """What callbacks may have changed there, out of the model."""
        if given and self.live.sort():
            self._pull()
        elif given:
            self.live.pull()
            self.live.pull_state(self.optimizer)

    def _epoch(self, data: Arrays | Stream, told: Any) -> dict[str, Any]:
        tally = Tally(self.objective, self.metrics)
        self.module.train()
        for step, batch in enumerate(data):
            if self.hears:
                told.on_train_batch_begin(step)
            outcome = self.objective(self.module, batch.x, batch.targets, batch.weights)
            penalty = self.penalty()
            if self.live.trained:
                (outcome.loss + penalty).backward()
                self.optimizer.step(self._rate())
                self.constraints.apply()
            elif step == 0:
                warnings.warn("the model has no trainable weights any more", stacklevel=2)
            now = penalty if isinstance(penalty, float) else penalty.detach()
            tally.add(outcome, batch.targets, batch.weights, batch.count, now)
            if self.sees:
                self._forth()
            if self.hears:
                told.on_train_batch_end(step, tally.logs())
            if self.sees:
                self._back([self])
            if self.model.stop_training:
                break
        return tally.logs()

    def _rate(self) -> float:
        """The learning rate of this step: a callback may have changed it, a schedule counts the steps."""
        theirs = self.model.optimizer
        schedule = getattr(theirs, "_learning_rate", None)
        if callable(schedule) and not hasattr(schedule, "assign"):
            from keras.optimizers.schedules import LearningRateSchedule

            steps = (self.optimizer.iterations,) if isinstance(schedule, LearningRateSchedule) else ()
            return float(schedule(*steps))
        return float(theirs.learning_rate)

    def _validated(self, data: Arrays | Stream, told: Any, given: list[Any]) -> dict[str, Any]:
        told.on_test_begin()
        self._back(given)
        data.again()
        logs = judge(
            self.module, self.objective, self.metrics, data, self.penalty, told if given else None
        ).logs()
        told.on_test_end(logs)
        self._back(given)
        return {f"val_{name}": value for name, value in logs.items()}


def _sees_weights(callback: Any) -> bool:
    """Whether it may also look at the weights then: Keras's own often only read the logs."""
    import keras

    title = type(callback).__name__
    if type(callback) is not getattr(keras.callbacks, title, None):
        return True
    if title in ("ModelCheckpoint", "BackupAndRestore"):
        return bool(callback.save_freq != "epoch")
    return title not in ("TerminateOnNaN", "TensorBoard", "CSVLogger", "ProgbarLogger", "RemoteMonitor")
