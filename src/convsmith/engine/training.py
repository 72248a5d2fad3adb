"""The state of one training, and its one step: what `engine.loop.fit` drives."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..graph import Graph
from . import weights as numbers
from .device import calculating, check_graphs, source
from .lower import Lowered, lower
from .lowered.cuda_graphs import CudaGraph, Recorded, Recorder
from .lowered.dropout import seed_dropout
from .lowered.passes import TRAINING, keep_pages
from .optimizers import Optimizer, optimizer
from .optimizers.factors import Factor, blend_
from .predict import evaluate
from .recipe import Recipe
from .train import checkpoint as checkpoints
from .train.balance import class_weights, order
from .train.constraints import Constraints
from .train.layerwise_lr import Grouped, multipliers
from .train.objective import Objective
from .train.regularizers import Penalty, check_own
from .train.schedule import share
from .train.statistics import FEW, IMAGES, norms, sample, settle
from .train.stopping import best, stops
from .train.teacher import Teacher

CPU = torch.device("cpu")
SETTLED = 50
"""Steps until the statistics of batch norms have their own momentum."""
MOST_AVERAGED = 0.05
"""The share of a training that the average of the weights looks back at most: in a short one, weights from
before the learning rate fell are worse than the last."""
SAVE_SHARE = 0.1
"""The share of the time that may go into writing checkpoints; tiny epochs are not each worth one."""


class Training:
    """A network on its way: weights, their average, the optimizer's state, and how far it has come.

    All randomness of an epoch comes from the seed and the epoch's number, so no generator needs storing.
    """

    def __init__(
        self,
        graph: Graph,
        x: np.ndarray,
        y: np.ndarray,
        recipe: Recipe,
        weights: Mapping[str, np.ndarray] | None,
        checkpoint: Path | None,
        teacher: Teacher | None = None,
        device: torch.device = CPU,
    ) -> None:
        check_own(graph)
        check_graphs(device, recipe.cuda_graphs)
        keep_pages()
        self.device, self.source = device, source(x, y, device)
        self.graph, self.x, self.y, self.recipe = graph, x, y, recipe
        self.classes = graph.output_shape[-1] or 0
        first = numbers.initial(graph, recipe.seed) if weights is None else weights
        self.module = lower(graph, first, passes=TRAINING).to(device)
        self.average = lower(graph, first, passes=TRAINING).to(device)
        self.live = [tensor for _, tensor, _, _ in numbers.tensors(self.module)]
        self.mean = [tensor.detach() for _, tensor, _, _ in numbers.tensors(self.average)]
        self.norms = norms(self.module)
        self.momenta = [norm.momentum for norm in self.norms]
        trained = [(n, t, s, a) for n, t, s, a in numbers.tensors(self.module) if t.requires_grad]
        self.trained = trained
        self.penalty, self.constraints = Penalty(self.module), Constraints(self.module)
        self.of_average = Constraints(self.average)
        self.optimizer = self._optimizer()
        self.objective = Objective(
            self.classes,
            loss=recipe.loss,
            label_smoothing=recipe.label_smoothing,
            class_weights=(
                class_weights(np.bincount(y, minlength=self.classes)) if recipe.balance == "weights" else None
            ),
            teacher=teacher,
        )
        if teacher is not None and isinstance(teacher.source, Lowered):
            teacher.source.to(device)
        self.policy = recipe.augment.scaled(recipe.strength)
        self.dice = torch.Generator(device)  # of what is drawn on the device
        self.recorded = self._recorded(CudaGraph(device)) if recipe.cuda_graphs else None
        self.total = recipe.epochs
        self.progress = 0.0
        self.steps = 0
        self.seconds = 0.0
        self.history: list[dict[str, Any]] = []
        self.best: dict[str, np.ndarray] = {}  # of the best epoch, where that one counts
        self._settled = 0, 0  # the step whose statistics were measured anew, and on how many images
        self.path = checkpoint
        self._saved, self._cost = 0.0, 0.0  # when the checkpoint was written last, and how long that took
        self.key = self._key(weights, teacher) if checkpoint else ""
        if checkpoint:
            self._resume()

    @property
    def done(self) -> bool:
        """Whether every planned epoch is behind, or the rest of them is not wanted."""
        recipe = self.recipe
        return len(self.history) >= self.total or stops(
            self.history, patience=recipe.patience, until_accuracy=recipe.until_accuracy
        )

    def _optimizer(self) -> Optimizer | Grouped:
        recipe, tensors = self.recipe, [tensor for _, tensor, _, _ in self.trained]
        decay = recipe.weight_decay or None
        settings: dict[str, dict[str, Any]] = {
            "sgd": {"momentum": recipe.momentum, "nesterov": recipe.momentum > 0},
            "muon": {"adam_weight_decay": decay},  # of the convolutions, which are no matrices
        }

        def make(places: list[int]) -> Optimizer:
            some = [tensors[at] for at in places]
            return optimizer(
                recipe.optimizer,
                some,
                weight_decay=decay,
                decayed=[tensor.dim() > 1 for tensor in some],
                **settings.get(recipe.optimizer, {}),
            )

        if recipe.layer_decay == 1:
            return make(list(range(len(tensors))))
        by_name = multipliers(self.graph, recipe.layer_decay)
        return Grouped(tensors, [by_name[name] for name, _, _, _ in self.trained], make)

    def _recorded(self, recorder: Recorder) -> Recorded:
        blends = bool(self.policy.mixup or self.policy.cutmix)
        return Recorded(self._change, recorder, self.dice, classes=self.classes if blends else None)

    def replan(self, epochs: int | None) -> None:
        """Change the total of epochs; the rest of the schedule is spread over what is left of them."""
        if epochs is not None:
            self.total = max(int(epochs), len(self.history))

    def epoch(self, deadline: Callable[[], bool] | None) -> dict[str, Any] | None:
        """One pass over the images; None where the deadline came first."""
        done = len(self.history)
        rng = np.random.default_rng([self.recipe.seed, done])
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        images = order(self.y[:: self.recipe.views], self.recipe.balance, rng)
        self.source.order(of_views(images, self.recipe.views, self.recipe.seed, done))
        size = min(self.recipe.batch_size, len(images))
        batches = max(1, len(images) // size)  # what is left over waits for another epoch's order
        grows = (1.0 - self.progress) / (self.total - done)
        start = self.progress
        loss_sum = torch.zeros((), device=self.device)
        right = torch.zeros((), dtype=torch.int64, device=self.device)
        rate = 0.0
        self.module.train()
        seed_dropout(self.module, self._beside(generator))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(rng.integers(2**62)))
            for batch in range(batches):
                at = start + grows * batch / batches
                rate = self.rate(at)
                loss, hits = self._step(*self.source.batch(batch * size, size), rate, generator, batches)
                loss_sum += loss
                right += hits
                if deadline is not None and deadline():
                    return None
        self.progress = 1.0 if done + 1 == self.total else start + grows
        return {
            "epoch": done + 1,
            "loss": float(loss_sum) / batches,
            "accuracy": int(right) / (batches * size),
            "learning_rate": rate,
        }

    def _beside(self, generator: torch.Generator) -> torch.Generator:
        """The generator itself on a processor; on a device one of its own, as torch wants it."""
        if self.device.type == "cpu" and self.recorded is None:
            return generator
        return self.dice.manual_seed(generator.initial_seed())

    def rate(self, at: float) -> float:
        """The learning rate at this progress, 0 to 1."""
        return self.recipe.learning_rate * share(self.recipe.schedule, at, self.recipe.warm_up)

    def _step(
        self,
        x_NCHW: Tensor,
        labels: Tensor,
        rows: np.ndarray,
        rate: float,
        generator: torch.Generator,
        batches: int,
    ) -> tuple[Tensor, Tensor]:
        target = self.objective.targets(labels, rows)
        x_NCHW, target = self.policy(x_NCHW, target, classes=self.classes, generator=generator)
        self.steps += 1
        for norm, momentum in zip(self.norms, self.momenta, strict=True):
            # At the start the statistics are the mean of what was seen: Keras's momentum of .99 would
            # carry the first values through hundreds of steps.
            norm.momentum = min(momentum, 1 - 1 / min(self.steps, SETTLED))
        horizon = min(self.recipe.ema * batches, MOST_AVERAGED * self.total * batches, self.steps / 2)
        factors = (1 / (1 + horizon), *self.optimizer.numbers(rate))
        self.optimizer.iterations += 1
        if self.recorded is None:
            return self._change(x_NCHW, target, labels, factors)
        return self.recorded(x_NCHW, target, labels, factors, settled=self.steps >= SETTLED)

    def _change(
        self, x_NCHW: Tensor, target: Tensor, labels: Tensor, factors: Sequence[Factor]
    ) -> tuple[Tensor, Tensor]:
        """The part of a step that works on tensors, by the average's share and the optimizer's numbers."""
        with calculating(self.device, self.recipe.precision):
            loss, scores = self.objective(self.module, x_NCHW, target)
            if self.penalty:
                loss = loss + self.penalty()
        loss.backward()
        self.optimizer.apply(factors[1:])
        self.constraints.apply()
        with torch.no_grad():
            if self.recipe.ema:
                blend_(self.mean, self.live, factors[0])
            return loss.detach(), (scores.argmax(1) == labels).sum()

    def judged(self, images: int = IMAGES) -> Lowered:
        """The network whose weights count, the average where one is kept; its statistics are measured anew.

        Args:
            images: that they are measured on; nothing is done where it was done on as many.
        """
        found = self.average if self.recipe.ema else self.module
        if self.recipe.ema:
            self.of_average.apply()  # a mean of weights that keep to something need not keep to it
        if self.steps and self._settled not in ((self.steps, images), (self.steps, IMAGES)):
            views = self.recipe.views  # the first view of each is the image as it will be judged
            rows = sample(len(self.x) // views, self.recipe.seed, images)
            settle(found, self.x, [views * some for some in rows])
            self._settled = self.steps, images
        return found

    def evaluate(self, x: np.ndarray, y: np.ndarray) -> dict[str, float]:
        """Loss and accuracy of the weights that count."""
        is_last = len(self.history) + 1 >= self.total
        return evaluate(self.judged(IMAGES if is_last else FEW), x, np.asarray(y))

    def keep_best(self) -> None:
        """Keep the weights where the last epoch is the best so far and the best is wanted."""
        if self.recipe.patience is not None and best(self.history) == len(self.history) - 1:
            self.best = numbers.dump(self.judged(FEW))

    def averaged(self) -> dict[str, np.ndarray]:
        """The weights that count."""
        return self.best or numbers.dump(self.judged())

    def save(self) -> None:
        """Write the checkpoint, where one is wanted and is worth its time."""
        if self.path is None:
            return
        began = time.perf_counter()
        if not self.done and began - self._saved < self._cost / SAVE_SHARE:
            return
        arrays = {f"live/{name}": array for name, array in numbers.dump(self.module).items()}
        arrays |= {f"mean/{name}": array for name, array in numbers.dump(self.average).items()}
        arrays |= {f"best/{name}": array for name, array in self.best.items()}
        for slot, tensors in self.optimizer.state.items():
            for (name, _, shape, axes), tensor in zip(self.trained, tensors, strict=True):
                arrays[f"{slot}/{name}"] = numbers.to_keras(tensor, shape, axes)
        state = {
            "asked": self.recipe.epochs,
            "total": self.total,
            "progress": self.progress,
            "steps": self.steps,
            "iterations": self.optimizer.iterations,
            "seconds": self.seconds,
            "history": self.history,
        }
        checkpoints.write(self.path, arrays, state, self.key)
        self._saved = time.perf_counter()
        self._cost = self._saved - began

    def _resume(self) -> None:
        found = checkpoints.read(self.path, self.key) if self.path else None
        if found is None:
            return
        arrays, state = found

        def part(prefix: str) -> dict[str, np.ndarray]:
            return {name.removeprefix(prefix): a for name, a in arrays.items() if name.startswith(prefix)}

        numbers.load(self.module, part("live/"))
        numbers.load(self.average, part("mean/"))
        self.best = part("best/")
        with torch.no_grad():
            for slot, tensors in self.optimizer.state.items():
                for (name, _, _, axes), tensor in zip(self.trained, tensors, strict=True):
                    numbers.into(tensor, arrays[f"{slot}/{name}"], axes)
        self.steps, self.progress, self.seconds = state["steps"], state["progress"], state["seconds"]
        self.optimizer.iterations = state["iterations"]
        self.history = state["history"]
        # A run that was re-planned keeps its plan, unless the caller now asks for another length.
        self.replan(state["total"] if state["asked"] == self.recipe.epochs else self.recipe.epochs)

    def _key(self, weights: Mapping[str, np.ndarray] | None, teacher: Teacher | None) -> str:
        """What this training was asked to do, but for its length."""
        recipe = self.recipe.to_json()
        del recipe["epochs"], recipe["strength"]
        if recipe["views"] == 1:
            del recipe["views"]
        digest = hashlib.sha256(np.ascontiguousarray(self.y).tobytes())
        for index in np.linspace(0, len(self.x) - 1, num=min(16, len(self.x)), dtype=np.int64):
            digest.update(np.ascontiguousarray(self.x[index]).tobytes())
        first = hashlib.sha256()
        for name in sorted(weights or {}):
            first.update(np.ascontiguousarray((weights or {})[name]).tobytes())
        found = {
            "network": self.graph.fingerprint,
            "images": [list(self.x.shape), digest.hexdigest()],
            "first weights": first.hexdigest(),
            "teacher": teacher.fingerprint if teacher else None,
            **recipe,
        }
        return json.dumps(json.loads(json.dumps(found)), sort_keys=True)


def of_views(images: np.ndarray, views: int, seed: int, epoch: int) -> np.ndarray:
    """The rows of an epoch that takes one view of each image; in so many epochs each view comes once.

    Args:
        images: their order in the epoch.
        views: of each image, in rows side by side.
        seed: of the order in which an image's views come.
        epoch: from 0.

    Example:
        >>> rows = [of_views(np.array([1, 0]), 3, 0, epoch) for epoch in range(3)]
        >>> sorted(np.concatenate(rows).tolist()), [(row // 3).tolist() for row in rows]
        ([0, 1, 2, 3, 4, 5], [[1, 0], [1, 0], [1, 0]])
    """
    if views == 1:
        return images
    turns = np.random.default_rng([seed, 1, epoch // views]).random((int(images.max()) + 1, views))
    return images * views + turns.argsort(1)[images, epoch % views]
