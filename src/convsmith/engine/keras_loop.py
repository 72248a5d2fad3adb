"""Keras's training loop on the lowered network: batches, metrics, callbacks, logs as Keras counts them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import BadInput
from .compiled import Loss, optimizer_of, refuse
from .live import Live
from .lower import Lowered
from .passes import seed_dropout
from .predict import to_NCHW
from .regularizers import Penalty


def images(given: Any, name: str) -> np.ndarray:
    """Arrays, tensors or lists as one numpy array.

    Raises:
        BadInput: generators, datasets, several inputs.
    """
    if given is None or isinstance(given, dict) or (isinstance(given, tuple | list) and _several(given)):
        raise refuse(name, f"came {type(given).__name__}", "one array")
    if hasattr(given, "detach"):
        given = given.detach().cpu().numpy()
    if not hasattr(given, "__array__") and not isinstance(given, tuple | list):
        raise refuse(name, f"came {type(given).__name__}", "an array")
    return np.asanyarray(given)


def _several(given: Any) -> bool:
    return bool(given) and hasattr(given[0], "__array__") and np.ndim(given[0]) > 1


def judge(
    module: Lowered,
    loss: Loss,
    metrics: list[str],
    x: np.ndarray,
    y: np.ndarray,
    weights: np.ndarray | None,
    size: int,
    penalty: Penalty,
) -> dict[str, float]:
    """Loss and metrics over images, as Keras's evaluate logs them."""
    target = loss.targets(y, module.graph.output_shape[-1] or 0)
    totals = Totals(metrics)
    module.eval()
    with torch.inference_mode():
        for at in range(0, len(x), size):
            part = target[at : at + size]
            share = None if weights is None else torch.from_numpy(weights[at : at + size])
            value, scores = loss(module, to_NCHW(x[at : at + size]), part, share)
            totals.add(value, scores, part)
        totals.loss += float(penalty()) * totals.images
    return totals.logs()


class Totals:
    """Means over the images seen so far: the loss, and the share that is right."""

    def __init__(self, metrics: list[str]) -> None:
        self.metrics = metrics
        self.loss, self.right, self.images = 0.0, 0, 0

    def add(self, loss: Tensor, scores: Tensor, target: Tensor) -> None:
        """Count one batch."""
        count = len(target)
        self.images += count
        self.loss += float(loss.detach()) * count
        if self.metrics:
            labels = target if target.dim() == 1 else target.argmax(1)
            self.right += int((scores.detach().argmax(1) == labels).sum())

    def logs(self) -> dict[str, float]:
        """Names and numbers, sorted by name as Keras does."""
        found = dict.fromkeys(self.metrics, self.right / self.images)
        return dict(sorted({**found, "loss": self.loss / self.images}.items()))


class Work:
    """One call of `fit`."""

    def __init__(self, model: Any, module: Lowered, loss: Loss, metrics: list[str], size: int) -> None:
        self.model, self.module, self.loss, self.metrics, self.size = model, module, loss, metrics, size
        self.live = Live(model, module)
        self.live.pull()
        self.penalty = Penalty(module)
        variables = [self.live.variables[name] for name, _, _, _ in self.live.trained]
        parameters = [tensor for _, tensor, _, _ in self.live.trained]
        if not parameters:
            raise BadInput(f"model '{model.name}'", "has nothing to train", "a trainable layer")
        self.optimizer = optimizer_of(model, variables, parameters)
        self.live.pull_state(self.optimizer)
        self.generator = torch.Generator().manual_seed(int(np.random.randint(2**31)))
        seed_dropout(module, self.generator)

    def run(
        self,
        x: np.ndarray,
        y: np.ndarray,
        weights: np.ndarray | None,
        validation: Any,
        *,
        epochs: range,
        callbacks: Any,
        verbose: Any,
        shuffle: bool,
        validation_size: int,
        validation_freq: int,
    ) -> Any:
        import keras

        target = self.loss.targets(y, self.module.graph.output_shape[-1] or 0)
        if len(target) != len(x):
            raise BadInput("y", f"{len(target)} targets for {len(x)} images", "one for each")
        given = list(callbacks) if isinstance(callbacks, list | tuple) else [callbacks] if callbacks else []
        steps = math.ceil(len(x) / self.size)
        told = keras.callbacks.CallbackList(
            given,
            add_history=True,
            add_progbar=verbose != 0,
            verbose=verbose,
            epochs=epochs.stop,
            steps=steps,
            model=self.model,
        )
        each_batch = [callback for callback in given if _watches_batches(callback)]
        self.model.stop_training = False
        logs: dict[str, float] = {}
        told.on_train_begin()
        for epoch in epochs:
            told.on_epoch_begin(epoch)
            if given:
                self.live.pull()
            logs = self._epoch(x, target, weights, shuffle, told, bool(each_batch), verbose != 0)
            if given:
                self.live.push()
                self.live.push_state(self.optimizer)
            if validation is not None and (epoch + 1) % validation_freq == 0:
                logs |= self._validated(validation, validation_size, told)
            told.on_epoch_end(epoch, logs)
            if self.model.stop_training:
                break
        self.optimizer.finish()
        self.live.push()
        self.live.push_state(self.optimizer)
        told.on_train_end(logs)
        return self.model.history

    def _epoch(
        self,
        x: np.ndarray,
        target: Tensor,
        weights: np.ndarray | None,
        shuffle: bool,
        told: Any,
        each_batch: bool,
        shown: bool,
    ) -> dict[str, float]:
        order = np.random.permutation(len(x)) if shuffle else np.arange(len(x))
        totals = Totals(self.metrics)
        self.module.train()
        for step, at in enumerate(range(0, len(x), self.size)):
            if shown or each_batch:
                told.on_train_batch_begin(step)
            chosen = np.sort(order[at : at + self.size])
            part = target[torch.from_numpy(chosen)]
            share = None if weights is None else torch.from_numpy(weights[chosen])
            value, scores = self.loss(self.module, to_NCHW(x[chosen]), part, share)
            value = value + self.penalty()
            value.backward()
            self.optimizer.step(self._rate())
            totals.add(value, scores, part)
            if each_batch:
                self.live.push()
                self.live.push_state(self.optimizer)
            if shown or each_batch:
                told.on_train_batch_end(step, totals.logs())
            if each_batch:
                self.live.pull()
            if self.model.stop_training:
                break
        return totals.logs()

    def _rate(self) -> float:
        """The learning rate of this step: a callback may have changed it, a schedule counts the steps."""
        theirs = self.model.optimizer
        schedule = getattr(theirs, "_learning_rate", None)
        if callable(schedule) and not hasattr(schedule, "assign"):
            return float(schedule(self.optimizer.iterations))
        return float(theirs.learning_rate)

    def _validated(self, data: Any, size: int, told: Any) -> dict[str, float]:
        if not isinstance(data, tuple | list) or len(data) not in (2, 3):
            raise refuse("validation_data", f"came {type(data).__name__}", "(x, y)")
        weights = np.asarray(data[2], np.float32) if len(data) == 3 else None
        told.on_test_begin()
        x, y = images(data[0], "validation x"), images(data[1], "validation y")
        logs = judge(self.module, self.loss, self.metrics, x, y, weights, size, self.penalty)
        told.on_test_end(logs)
        return {f"val_{name}": value for name, value in logs.items()}


def _watches_batches(callback: Any) -> bool:
    """Whether a callback of the user's looks at every batch, and so must see the weights after each."""
    import keras

    if isinstance(callback, keras.callbacks.ModelCheckpoint) and callback.save_freq == "epoch":
        return False
    base = keras.callbacks.Callback
    return any(
        name in vars(callback) or getattr(type(callback), name) is not getattr(base, name)
        for name in ("on_train_batch_begin", "on_train_batch_end", "on_batch_begin", "on_batch_end")
    )
