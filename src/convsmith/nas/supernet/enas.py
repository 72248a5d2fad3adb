"""ENAS: a controller and the weights that all its networks share, trained by turns.

H. Pham et al., "Efficient Neural Architecture Search via Parameter Sharing", ICML 2018 (arXiv:1802.03268);
numbers as in the authors' code for the cells of CIFAR-10 (melodyguan/enas, scripts/cifar10_micro_search.sh,
src/cifar10/main.py and micro_controller.py): an LSTM of 64, its weights from -.1 to .1, Adam at 3.5e-3,
logits 1.10 tanh, for operations divided by 2.5, entropy 1e-4, a moving average of rewards that keeps .99, 30
steps of 10 networks for each epoch of w, the reward of one validation batch with the batch's own statistics.
w by SGD with Nesterov's momentum .9 and L2 1e-4, from .05 to .0005 by cosine with restarts after 10, 20, 40
... epochs, gradients clipped at 5, batches of 160, 6 normal cells of 20 filters.

What is otherwise here: a network's controller answers the space's own questions in their order (the authors'
points at earlier states by attention, and begins with a taste for separable convolutions); its 300 networks
an epoch come evenly between the steps of w and not after them, so that every step costs alike; no drop path
and no auxiliary head.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from convsmith.engine.lower import Lowered
from convsmith.engine.train.statistics import norms
from convsmith.ledger.budget import Budget

from ..algorithms._controller import Controller
from ..choose import Answers, Space, genotype_key
from ..lesson import LessonTask, Material
from ..relaxed import relax
from ..space.options import Options, is_ordered
from . import course
from .batches import Batches
from .cells import check_cells
from .derived import fitting
from .pinned import pinned
from .room import check_room, needed_bytes
from .weights import SharedWeights, largest_shapes

HIGHEST_RATE, LOWEST_RATE, MOMENTUM, DECAY, CLIP = 0.05, 0.0005, 0.9, 1e-4, 5.0
FIRST_PERIOD, PERIODS_GROW = 10, 2
WIDTH, REACH, CONTROLLER_RATE = 64, 0.1, 3.5e-3
TANH, OPERATIONS_LESS, ENTROPY, KEEPS = 1.10, 2.5, 1e-4, 0.99
STEPS, NETWORKS = 30, 10
SMALLEST: Answers = {"cells": 1, "filters": 4}
DRAWN = 20
"""Networks that the trained controller draws; their scores on one batch put them in order."""
JUDGED = 500  # images of that batch, at most


def check(space: Space, settings: Mapping[str, Any], limits: Budget) -> None:
    """Refuse a space without cells, and weights that are larger than memory.

    Raises:
        BadInput: as of `darts`.
    """
    suits(space)
    one = pinned(space, _wanted(settings))
    graph = one.graph(one.complete({}, place=1.0))
    sizes = largest_shapes(one, np.random.default_rng(0), walks=8).values()
    needed = needed_bytes(graph, settings["batch"]) + 8 * sum(math.prod(shape) for shape in sizes)
    hint = "a smaller --option batch, cells or filters"
    check_room(f"enas on space '{space.name}'", needed, hint)


def suits(space: Space) -> None:
    """Refuse a space without cells; raises as `check`."""
    check_cells(space, {"cells": 1})


def learn(task: LessonTask, material: Material) -> dict[str, Any]:
    """Train controller and weights, and put some of the controller's networks in order.

    Args:
        task: what was asked.
        material: the images: w learns from the training images, the controller from the validation images.

    Returns:
        The line of the history.
    """
    settings = task.lesson.settings
    enas = Enas(task.space, material, seed=task.seed, batch=settings["batch"], sizes=_wanted(settings))
    attended = course.attend(task, enas, material, epochs=settings["epochs"])
    drawn = enas.best()
    sizes = relax(task.space, _wanted(settings)).fixed
    cells = [{name: value for name, value in one.items() if name not in enas.sizes} for one, _ in drawn]
    ranked, notes = fitting(task, iter(cells), {**sizes, **enas.sizes})
    course.forget(task.folder)
    return {
        "status": "learnt", "score": None, "answers": {}, "ranked": ranked,
        "steps": attended.steps, "epochs": len(attended.records), "seconds": attended.seconds,
        "report": {
            "supernet": {"params": enas.shared.size}, "records": attended.records,
            "drawn": [{"answers": one, "score": score} for one, score in drawn], "notes": notes,
        },
    }  # fmt: skip


def squash(logits: Tensor, options: Options) -> Tensor:
    """The controller's logits: 1.10 tanh; for operations, whose options are no numbers, that by 2.5."""
    return (TANH if is_ordered(options) else TANH / OPERATIONS_LESS) * logits.tanh()


def rate_at(epoch: float) -> float:
    """The learning rate of w: cosine from the highest to the lowest, again and again, each time twice as
    long.

    Example:
        >>> [round(rate_at(epoch), 3) for epoch in (0, 5, 10, 20, 30)]
        [0.05, 0.025, 0.05, 0.025, 0.05]
    """
    period = float(FIRST_PERIOD)
    while epoch >= period:
        epoch, period = epoch - period, period * PERIODS_GROW
    return LOWEST_RATE + (HIGHEST_RATE - LOWEST_RATE) * (1 + math.cos(math.pi * epoch / period)) / 2


class Enas:
    """A controller, and the weights that its networks share.

    Args:
        space: of cells.
        material: images.
        seed: of everything random.
        batch: images in a step.
        sizes: answers that the controller does not give: {"cells": 6, "filters": 20}.
    """

    def __init__(self, space: Space, material: Material, *, seed: int, batch: int, sizes: Answers) -> None:
        self.space = pinned(space, sizes)
        first = self.space.complete({})
        self.sizes: Answers = {name: first[name] for name in sizes if name in first}
        self.seed = seed
        self.shared = SharedWeights(self.space, seed)
        classes = space.classes
        more: dict[str, Any] = {"classes": classes, "size": batch, "seed": seed}
        rows = np.arange(len(material.y))
        self.train = Batches(material.x, material.y, rows, augment=material.augment, stream=1, **more)
        rows = np.arange(len(material.y_validation))
        x, y = material.x_validation, material.y_validation
        self.valid = Batches(x, y, rows, augment="none", stream=2, **more)
        self.judge = Batches(x, y, rows, augment="none", stream=3, **{**more, "size": JUDGED})
        self.each, self.look_costs = self.train.count, 0.0
        # It asks about the smallest networks, which are made sooner: the questions are the same.
        asking = pinned(space, SMALLEST)
        self.controller = Controller(asking, width=WIDTH, layers=1, reach=REACH, squash=squash)
        least = asking.complete({})
        self.asked: Answers = {name: least[name] for name in self.sizes}
        self.adam = torch.optim.Adam(self.controller.parameters(), CONTROLLER_RATE)
        self.baseline = 0.0
        self.networks = 0  # that the controller has learnt from
        self._sums = [0.0, 0.0, 0.0, 0.0]  # since the last record: losses of w, steps, rewards, networks

    def step(self, number: int, progress: float) -> None:
        """A step of w on a network that the controller draws, then those of the controller that are due."""
        answers = self._draw(6, number)
        x, target = self.train.batch(number)
        module = self.shared.candidate(answers)
        loss = -(target * _scores(module, x).log_softmax(1)).sum(1).mean()
        loss.backward()
        self.shared.descend(
            [self.shared.gradients(answers)], rate=rate_at(number / self.each), momentum=MOMENTUM,
            decay=DECAY, clip=CLIP,
        )  # fmt: skip
        self._sums[0] += float(loss.detach())
        self._sums[1] += 1
        due = (number + 1) * STEPS * NETWORKS // self.each
        while self.networks < due:
            self._judge_one()

    def look(self, progress: float) -> dict[str, Any]:
        """Losses and rewards since the last record."""
        loss, steps, rewards, count = self._sums
        self._sums = [0.0] * 4
        return {
            "loss": loss / max(1.0, steps), "reward": rewards / max(1.0, count), "baseline": self.baseline,
        }  # fmt: skip

    def best(self) -> list[tuple[Answers, float]]:
        """Networks that the controller draws, each once, by their score on one batch of validation images."""
        found: dict[str, tuple[Answers, float]] = {}
        for number in range(DRAWN):
            answers = self._draw(7, number)
            key = genotype_key(answers)
            if key not in found:
                found[key] = answers, self.score(answers)
        return sorted(found.values(), key=lambda one: -one[1])

    def score(self, answers: Answers) -> float:
        """Accuracy with the shared weights on one batch of validation images, by its own statistics."""
        return _accuracy(self.shared.candidate(answers), *self.judge.batch(0))

    def _draw(self, stream: int, number: int) -> Answers:
        """A network of the controller's taste, in the size of those that share weights."""
        drawn = self.controller.draw(np.random.default_rng([self.seed, stream, number]))
        return {**drawn, **self.sizes}

    def _judge_one(self) -> None:
        answers = self._draw(8, self.networks)
        x, target = self.valid.batch(self.networks)
        accuracy = _accuracy(self.shared.candidate(answers), x, target)
        chance, entropy = self.controller.judge({**answers, **self.asked})
        reward = accuracy + ENTROPY * float(entropy.detach())
        self.baseline -= (1 - KEEPS) * (self.baseline - reward)
        (-chance * (reward - self.baseline) / NETWORKS).backward()
        self.networks += 1
        if self.networks % NETWORKS == 0:
            self.adam.step()
            self.adam.zero_grad()
        self._sums[2] += accuracy
        self._sums[3] += 1

    def arrays(self) -> dict[str, np.ndarray]:
        """Shared weights, controller, its gradients so far and Adam's moments."""
        found = self.shared.state()
        for name, parameter in self.controller.named_parameters():
            found[f"c:{name}"] = parameter.detach().numpy()
            if parameter.grad is not None:
                found[f"g:{name}"] = parameter.grad.numpy()
            for slot in ("exp_avg", "exp_avg_sq"):
                if slot in self.adam.state[parameter]:
                    found[f"{slot}:{name}"] = self.adam.state[parameter][slot].numpy()
        return found

    def facts(self) -> dict[str, Any]:
        """Counts and averages."""
        first = next(iter(self.controller.parameters()))
        count = self.adam.state[first].get("step", 0)
        return {
            "adam": int(count), "baseline": self.baseline, "networks": self.networks, "sums": self._sums,
        }  # fmt: skip

    def restore(self, arrays: Mapping[str, np.ndarray], facts: Mapping[str, Any]) -> None:
        """Take the state back."""
        self.shared.restore(arrays)
        with torch.no_grad():
            for name, parameter in self.controller.named_parameters():
                parameter.copy_(torch.from_numpy(arrays[f"c:{name}"]))
                if f"g:{name}" in arrays:
                    parameter.grad = torch.from_numpy(arrays[f"g:{name}"].copy())
                if f"exp_avg:{name}" in arrays:
                    self.adam.state[parameter] = {
                        "step": torch.tensor(float(facts["adam"])),
                        "exp_avg": torch.from_numpy(arrays[f"exp_avg:{name}"].copy()),
                        "exp_avg_sq": torch.from_numpy(arrays[f"exp_avg_sq:{name}"].copy()),
                    }
        self.baseline, self.networks = facts["baseline"], facts["networks"]
        self._sums = list(facts["sums"])


def _scores(module: Lowered, x: Tensor) -> Tensor:
    return module.logits(x) if module.ends_in_softmax else module(x)


def _accuracy(module: Lowered, x: Tensor, target: Tensor) -> float:
    """By the batch's own statistics; dropout is off."""
    module.eval()
    for norm in norms(module):
        norm.training = True
    with torch.no_grad():
        return float((_scores(module, x).argmax(1) == target.argmax(1)).float().mean())


def _wanted(settings: Mapping[str, Any]) -> Answers:
    return {"cells": settings["cells"], "filters": settings["filters"]}
