"""DARTS: weights and operations of a relaxed cell learned by turns.

H. Liu, K. Simonyan, Y. Yang, "DARTS: Differentiable Architecture Search", ICLR 2019 (arXiv:1806.09055);
numbers as in section 3.1 and the authors' code (quark0/darts, cnn/train_search.py, cnn/architect.py): w by
SGD from .025 to .001 (cosine), momentum .9, decay 3e-4, gradients clipped at 5, batches of 64, half of the
images; alpha by Adam at 3e-4, betas .5 and .999, decay 1e-3, on the other half, before each step of w. First
order takes w as it is; second order looks one step of w ahead. Batch norms of operations have no parameters,
pools are normalised.

Cures of its collapse to skip connections, each as its authors have it:

- "beta" (P. Ye et al., "beta-DARTS", CVPR 2022, arXiv:2203.01665; Sunshine-Ye/Beta-DARTS): the mean over
groups of
  ln sum exp alpha is added to alpha's loss, from 0 to 50 times as the search goes on.
- "drnas" (X. Chen et al., "DrNAS", ICLR 2021, arXiv:2006.10355; xiangning-chen/DrNAS): weights are drawn from
a
  Dirichlet distribution whose concentrations are elu(alpha) + 1; the decay of alpha pulls them to 1.
- "minus" (X. Chu et al., "DARTS-", ICLR 2021, arXiv:2009.01027): a further skip connection beside each group,
from 1
  down to 0. Where a cell halves the image it shares the weights of the skip that is weighed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from convsmith.engine import weights as numbers
from convsmith.errors import BadInput
from convsmith.ledger.budget import Budget

from ..choose import Answers, Space
from ..lesson import LessonTask, Material
from ..relaxed import Relaxed, relax
from . import course
from .batches import Batches, halves
from .cells import SKIPS, alarm, check_cells, share_of_skips
from .curvature import WINDOW, grows, largest_eigenvalue
from .derived import fitting
from .mixed import Supernet, plain, shares
from .room import check_room, needed_bytes

LEARNING_RATE, LOWEST_RATE, MOMENTUM, DECAY, CLIP = 0.025, 0.001, 0.9, 3e-4, 5.0
ALPHA_RATE, ALPHA_BETAS, ALPHA_DECAY = 3e-4, (0.5, 0.999), 1e-3
BETA_MOST = 50.0
"""The last weight of beta-DARTS's term: 50 x epoch / epochs in its authors' code."""
UNROLLED = 1e-2  # the step of second order's differences, over the norm of the gradient
LOOK_COSTS = 7.0
"""Steps: sixteen gradients in alpha, where a step has two in all weights, or in alpha and w."""


def suits(space: Space) -> None:
    """Refuse a space without cells; raises as `check`."""
    check_cells(space, {"cells": 1})


def check(space: Space, settings: Mapping[str, Any], limits: Budget) -> None:
    """Refuse a space without cells, and a supernet that is larger than memory.

    Raises:
        BadInput: with the spaces that can be learnt on; with what makes it smaller.
    """
    relaxed = check_cells(space, _wanted(settings))
    copies = 2.0 if settings["order"] == 2 else 1.0
    check_room(
        f"darts on space '{space.name}'",
        needed_bytes(relaxed.graph, settings["batch"], copies=copies),
        "a smaller --option batch, cells or filters",
    )


def learn(task: LessonTask, material: Material) -> dict[str, Any]:
    """Train a relaxed space, and derive its cells within the limits.

    Args:
        task: what was asked; its settings are those of the algorithm.
        material: the images; the training images alone are used, a half each for w and alpha.

    Returns:
        The line of the history: genotypes in order, and a report.
    """
    settings = task.lesson.settings
    relaxed = relax(task.space, _wanted(settings))
    darts = Darts(relaxed, material, seed=task.seed, classes=task.space.classes, **_own(settings))
    attended = course.attend(task, darts, material, epochs=settings["epochs"])
    weights = plain(shares(darts.chosen_alphas))
    ranked, notes = fitting(task, relaxed.derived(weights), relaxed.fixed)
    if missing := sorted(set(relaxed.groups) - set(relaxed.mixes.values())):
        notes.append(
            f"nothing was learned of {len(missing)} of {len(relaxed.groups)} edges: the supernet has no such "
            "cell; more --option cells has both sorts"
        )
    course.forget(task.folder)
    return {
        "status": "learnt", "score": None, "answers": {}, "ranked": ranked,
        "steps": attended.steps, "epochs": len(attended.records), "seconds": attended.seconds,
        "report": {
            "supernet": {"params": relaxed.graph.params, "macs": relaxed.graph.macs},
            "records": attended.records, "weights": weights,
            "alarm": alarm(attended.records), "notes": notes,
        },
    }  # fmt: skip


class Darts:
    """The two problems that are solved by turns.

    Args:
        relaxed: the space.
        material: images.
        seed: of everything random.
        classes: how many.
        cure: "none", "beta", "drnas" or "minus".
        order: 1 or 2.
        batch: images in a step.
        early_stop: end where the eigenvalue grows, with the cell of five epochs before.
    """

    def __init__(
        self, relaxed: Relaxed, material: Material, *, seed: int, classes: int, cure: str = "none",
        order: int = 1, batch: int = 64, early_stop: bool = False,
    ) -> None:  # fmt: skip
        self.relaxed, self.cure, self.order, self.early_stop = relaxed, cure, order, early_stop
        self.net = Supernet(relaxed, seed)
        first, second = halves(len(material.y), seed)
        if min(len(first), len(second)) < 2:
            raise BadInput(
                "darts",
                f"{len(material.y)} training images",
                "at least 2 in each of two halves",
                "more images",
            )
        more: dict[str, Any] = {"classes": classes, "size": batch, "augment": material.augment, "seed": seed}
        self.train = Batches(material.x, material.y, first, stream=1, **more)
        self.valid = Batches(material.x, material.y, second, stream=2, **more)
        self.each, self.look_costs = self.train.count, LOOK_COSTS
        self.sgd = torch.optim.SGD(self.net.weights, LEARNING_RATE, momentum=MOMENTUM, weight_decay=DECAY)
        self.adam = torch.optim.Adam(
            list(self.net.alphas.values()), ALPHA_RATE, betas=ALPHA_BETAS, weight_decay=ALPHA_DECAY
        )
        self._loss = (0.0, 0)
        self._past: list[np.ndarray] = []  # alphas after each epoch, for the early stop
        self._values: list[float] = []

    def step(self, number: int, progress: float) -> None:
        """Alpha on the second half, then w on the first."""
        rate = LOWEST_RATE + (LEARNING_RATE - LOWEST_RATE) * (1 + math.cos(math.pi * progress)) / 2
        x, target = self.train.batch(number)
        x_valid, target_valid = self.valid.batch(number)
        self.adam.zero_grad()
        if self.order == 2:
            self._unrolled((x, target), (x_valid, target_valid), rate, progress)
        else:
            alphas = list(self.net.alphas.values())
            for alpha, gradient in zip(
                alphas, _gradients(self._alpha_loss(x_valid, target_valid, progress), alphas), strict=True
            ):
                alpha.grad = gradient
        self.adam.step()
        self.sgd.zero_grad()
        loss = self.net.loss(x, target, self._weights(progress, fixed=True))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.net.weights, CLIP)
        self.sgd.param_groups[0]["lr"] = rate
        self.sgd.step()
        self._loss = (self._loss[0] + float(loss.detach()), self._loss[1] + 1)

    def look(self, progress: float) -> dict[str, Any]:
        """Loss, the share of skips in the cell that would be derived now, and the eigenvalue."""
        cell = next(self.relaxed.derived(plain(shares(self.net.alphas))))
        value = self._eigenvalue()
        self._values.append(value)
        self._past.append(self._flat().numpy().copy())
        loss, count = self._loss
        self._loss = (0.0, 0)
        record = {
            "loss": loss / max(1, count), "skips": share_of_skips(self.relaxed, cell), "eigenvalue": value,
            "cell": cell,
        }  # fmt: skip
        if self.early_stop and grows(self._values):
            record["ends"] = True
        return record

    @property
    def chosen_alphas(self) -> dict[str, Tensor]:
        """The alphas that are derived from: the last, or where the search was stopped those of before."""
        flat = self._flat()
        if self.early_stop and grows(self._values):
            flat = torch.from_numpy(self._past[-1 - WINDOW])
        return self._split(flat)

    def arrays(self) -> dict[str, np.ndarray]:
        """Weights, momenta, alphas and their moments."""
        found = {f"w/{name}": array for name, array in numbers.dump(self.net.module).items()}
        for place, weight in enumerate(self.net.weights):
            momentum = self.sgd.state[weight].get("momentum_buffer")
            if momentum is not None:
                found[f"momentum/{place}"] = momentum.numpy()
        found["alpha"] = self._flat().numpy()
        for slot in ("exp_avg", "exp_avg_sq"):
            parts = [self.adam.state[alpha].get(slot) for alpha in self.net.alphas.values()]
            if all(part is not None for part in parts):
                found[slot] = torch.cat(parts).numpy()
        if self._past:
            found["past"] = np.stack(self._past)
        return found

    def facts(self) -> dict[str, Any]:
        """Adam's count, the loss so far in this epoch, the eigenvalues."""
        first = next(iter(self.net.alphas.values()))
        count = self.adam.state[first].get("step")
        return {"adam": 0 if count is None else int(count), "loss": list(self._loss), "values": self._values}

    def restore(self, arrays: Mapping[str, np.ndarray], facts: Mapping[str, Any]) -> None:
        """Take the state back."""
        weights = {name[2:]: array for name, array in arrays.items() if name.startswith("w/")}
        numbers.load(self.net.module, weights)
        for place, weight in enumerate(self.net.weights):
            if f"momentum/{place}" in arrays:
                like = torch.empty_like(weight).copy_(torch.from_numpy(arrays[f"momentum/{place}"]))
                self.sgd.state[weight]["momentum_buffer"] = like
        with torch.no_grad():
            rows = {slot: self._split(torch.from_numpy(arrays[slot].copy())) for slot in _slots(arrays)}
            for name, alpha in self.net.alphas.items():
                alpha.copy_(rows["alpha"][name])
                if "exp_avg" in rows:
                    self.adam.state[alpha] = {
                        "step": torch.tensor(float(facts["adam"])),
                        "exp_avg": rows["exp_avg"][name].clone(),
                        "exp_avg_sq": rows["exp_avg_sq"][name].clone(),
                    }
        self._past = [row.copy() for row in arrays["past"]] if "past" in arrays else []
        self._loss, self._values = (facts["loss"][0], facts["loss"][1]), list(facts["values"])

    def _weights(self, progress: float, *, fixed: bool = False) -> dict[str, Tensor]:
        """The weights of a step; `fixed`: no gradient goes into alpha."""
        alphas: dict[str, Tensor] = dict(self.net.alphas)
        if fixed:
            alphas = {name: alpha.detach() for name, alpha in alphas.items()}
        if self.cure == "drnas":
            return {
                name: torch.distributions.Dirichlet(torch.nn.functional.elu(alpha) + 1).rsample()
                for name, alpha in alphas.items()
            }
        found = shares(alphas)
        if self.cure == "minus":
            for name, row in found.items():
                beside = torch.tensor([float(one in SKIPS) for one in self.relaxed.groups[name].options])
                found[name] = row + (1 - progress) * beside
        return found

    def _alpha_loss(self, x: Tensor, target: Tensor, progress: float) -> Tensor:
        loss = self.net.loss(x, target, self._weights(progress))
        if self.cure == "beta":
            spread = torch.stack([alpha.logsumexp(0) for alpha in self.net.alphas.values()]).mean()
            loss = loss + BETA_MOST * progress * spread
        return loss

    def _unrolled(
        self, train: tuple[Tensor, Tensor], valid: tuple[Tensor, Tensor], rate: float, progress: float
    ) -> None:
        """The gradient of alpha where w has gone one step further (Liu et al., equations 6 to 8)."""
        weights, alphas = self.net.weights, list(self.net.alphas.values())
        kept = [weight.detach().clone() for weight in weights]
        gradients = torch.autograd.grad(self.net.loss(*train, self._weights(progress, fixed=True)), weights)
        with torch.no_grad():
            for weight, gradient in zip(weights, gradients, strict=True):
                momentum = self.sgd.state[weight].get("momentum_buffer")
                ahead = gradient + DECAY * weight
                if momentum is not None:
                    ahead = ahead + MOMENTUM * momentum
                weight.sub_(rate * ahead)
        found = _gradients(self._alpha_loss(*valid, progress), [*alphas, *weights])
        of_alpha, direction = found[: len(alphas)], found[len(alphas) :]
        reach = UNROLLED / float(torch.cat([one.flatten() for one in direction]).norm().clamp_min(1e-12))
        sides = []
        for sign in (1, -1):
            with torch.no_grad():
                for weight, old, one in zip(weights, kept, direction, strict=True):
                    weight.copy_(old + sign * reach * one)
            sides.append(_gradients(self.net.loss(*train, self._weights(progress)), alphas))
        with torch.no_grad():
            for weight, old in zip(weights, kept, strict=True):
                weight.copy_(old)
        for alpha, own, ahead, behind in zip(alphas, of_alpha, *sides, strict=True):
            alpha.grad = own - rate * (ahead - behind) / (2 * reach)

    def _eigenvalue(self) -> float:
        """The largest eigenvalue of the Hessian in alpha of the loss on one batch of the second half."""
        x, target = self.valid.batch(0)
        alphas = list(self.net.alphas.values())
        here = self._flat()

        def gradient(point: Tensor) -> Tensor:
            self._put(point)
            loss = self.net.loss(x, target, shares(self.net.alphas))
            return torch.cat(_gradients(loss, alphas))

        value = largest_eigenvalue(gradient, here)
        self._put(here)
        return value

    def _flat(self) -> Tensor:
        return torch.cat([alpha.detach() for alpha in self.net.alphas.values()])

    def _split(self, flat: Tensor) -> dict[str, Tensor]:
        sizes = [len(alpha) for alpha in self.net.alphas.values()]
        return dict(zip(self.net.alphas, flat.split(sizes), strict=True))

    def _put(self, flat: Tensor) -> None:
        with torch.no_grad():
            for alpha, row in zip(self.net.alphas.values(), self._split(flat).values(), strict=True):
                alpha.copy_(row)


def _gradients(loss: Tensor, of: Sequence[Tensor]) -> list[Tensor]:
    """The gradients of a loss; zeros of what has no part in it: a supernet may lack one sort of cell."""
    found = torch.autograd.grad(loss, of, allow_unused=True)
    return [torch.zeros_like(one) if it is None else it for one, it in zip(of, found, strict=True)]


def _slots(arrays: Mapping[str, np.ndarray]) -> list[str]:
    return [slot for slot in ("alpha", "exp_avg", "exp_avg_sq") if slot in arrays]


def _wanted(settings: Mapping[str, Any]) -> Answers:
    return {"cells": settings["cells"], "filters": settings["filters"]}


def _own(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {name: settings[name] for name in ("cure", "order", "batch", "early_stop")}
