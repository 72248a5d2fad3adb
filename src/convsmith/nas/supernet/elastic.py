"""A supernet for any space: one store of weights, of which each candidate uses slices.

Each step draws candidates that keep the limits, lowers their networks with slices of the store, trains them
for one batch and writes back. Afterwards any algorithm proposes, and the store says what each proposal is
worth: its slices, with the statistics of batch norms measured anew. The best few are then trained alone, as
every candidate is.

Sources: Z. Guo et al., "Single Path One-Shot Neural Architecture Search with Uniform Sampling", ECCV 2020
(one path a step; statistics measured anew for each candidate); J. Yu and T. Huang, "Universally Slimmable
Networks and Improved Training Techniques", ICCV 2019 (sandwich rule: the largest, the smallest and two
others; the others learn from the largest's answers).
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from torch import Tensor

from convsmith.engine.predict import evaluate
from convsmith.engine.train.statistics import sample, settle
from convsmith.errors import BadInput
from convsmith.ledger.budget import Budget

from ..algorithms import ALGORITHMS
from ..budget.fitting import fit_to_budget, largest_that_fits
from ..choose import Answers, Space
from ..lesson import LessonTask, Material
from ..loop.store import Trial
from ..trial import Seen, propose, random_numbers, run_trial
from ..within import Within
from ..workers.protocol import Evaluation
from . import course
from .batches import Batches
from .room import check_room, needed_bytes
from .weights import SharedWeights, largest_shapes

RATE, MOMENTUM, DECAY, CLIP = 0.05, 0.9, 1e-4, 5.0
OTHERS = 2  # of the sandwich, beside the largest and the smallest
SETTLED = 256
"""Training images that a candidate's statistics are measured on."""
JUDGED = 1000
"""Validation images that a candidate is judged by, at most."""
RANKED = 12
BUILDS = 300  # networks that are looked at for the largest that fits
TRAINED_SHARE = 0.7  # of the lesson's time; the rest is for looking at candidates


def check(space: Space, settings: Mapping[str, Any], limits: Budget) -> None:
    """Refuse a store that is larger than memory.

    Raises:
        BadInput: with what makes it smaller.
    """
    rng = np.random.default_rng(0)
    sizes = largest_shapes(space, rng, walks=12).values()
    largest = space.graph(fit_to_budget(space, space.complete({}, place=1.0), limits.without_latency(), rng))
    needed = needed_bytes(largest, settings["batch"]) + 8 * sum(math.prod(shape) for shape in sizes)
    check_room(f"elastic on space '{space.name}'", needed, "a smaller --option batch, or smaller images")


def suits(space: Space) -> None:
    """Any space will do."""


def learn(task: LessonTask, material: Material) -> dict[str, Any]:
    """Train the store, let the base algorithm search on it, and rank what it found.

    Args:
        task: what was asked.
        material: the images: the store learns from the training images, the validation images judge.

    Returns:
        The line of the history.
    """
    settings = task.lesson.settings
    within = Within(task.space, task.limits, task.anchor, task.expected_ms)
    ends: list[Answers] = []
    if settings["rule"] == "sandwich":
        largest = largest_that_fits(
            task.space, task.limits.without_latency(), random_numbers(task.seed, "sandwich"),
            anchor=task.anchor, builds=BUILDS,
        )  # fmt: skip
        ends = [largest, task.anchor]
    elastic = Elastic(within, material, seed=task.seed, batch=settings["batch"], ends=ends)
    shorter = task if task.seconds is None else task.lasting(TRAINED_SHARE * task.seconds)
    attended = course.attend(shorter, elastic, material, epochs=settings["epochs"])
    trials = elastic.search(task, settings["base"], settings["looks"])
    best: dict[str, Trial] = {}
    for trial in sorted((one for one in trials if one.status == "ok"), key=lambda one: one.rank):
        best.setdefault(trial.fingerprint, trial)
    if not best:
        raise BadInput("elastic", "none of its candidates could be judged", "networks that train", "auto")
    ranked = list(best.values())[:RANKED]
    course.forget(task.folder)
    seconds = attended.seconds + sum(trial.seconds for trial in trials)
    return {
        "status": "learnt", "score": None, "answers": {}, "ranked": [trial.answers for trial in ranked],
        "steps": attended.steps, "epochs": len(attended.records), "seconds": seconds,
        "report": {
            "supernet": {"params": elastic.shared.size}, "records": attended.records,
            "looked": [{"answers": one.answers, "score": one.score, "params": one.params} for one in ranked],
            "notes": [f"{len(trials)} candidates were judged with shared weights by '{settings['base']}'"],
        },
    }  # fmt: skip


class Elastic:
    """The store, and how it is trained.

    Args:
        within: the space within the limits: what is drawn keeps them. The store is, in each place, as large
            as the largest of what was drawn, so it is larger than any candidate.
        material: images.
        seed: of everything random.
        batch: images in a step.
        ends: the largest candidate and the smallest, for sandwiches; without them a step is one candidate's.
    """

    def __init__(
        self, within: Space, material: Material, *, seed: int, batch: int, ends: Sequence[Answers] = ()
    ) -> None:
        self.within, self.seed, self.ends, self._material = within, seed, list(ends), material
        self.shared = SharedWeights(Space(within.function, within.input_shape, within.classes), seed)
        rows = np.arange(len(material.y))
        self.train = Batches(
            material.x, material.y, rows, classes=within.classes, size=batch, augment=material.augment,
            seed=seed, stream=1,
        )  # fmt: skip
        self.each, self.look_costs = self.train.count, 0.0
        self._loss = [0.0, 0.0]
        self._settling = sample(len(material.y), seed, SETTLED)
        self._judging = np.sort(
            np.random.default_rng([seed, 4]).permutation(len(material.y_validation))[:JUDGED]
        )

    def step(self, number: int, progress: float) -> None:
        """One batch, for one candidate or a sandwich of them."""
        x, target = self.train.batch(number)
        rng = np.random.default_rng([self.seed, 6, number])
        drawn = [self.within.sample(rng) for _ in range(OTHERS if self.ends else 1)]
        drawn = [*self.ends[:1], *drawn, *self.ends[1:]]
        gradients = []
        taught = target
        for place, answers in enumerate(drawn):
            scores = _scores(self.shared.candidate(answers), x)
            loss = -(taught * scores.log_softmax(1)).sum(1).mean()
            loss.backward()
            gradients.append(self.shared.gradients(answers))
            if place == 0:
                self._loss = [self._loss[0] + float(loss.detach()), self._loss[1] + 1]
                taught = scores.detach().softmax(1)  # the others learn what the largest says
        rate = RATE * (1 + math.cos(math.pi * progress)) / 2
        self.shared.descend(gradients, rate=rate, momentum=MOMENTUM, decay=DECAY, clip=CLIP)

    def look(self, progress: float) -> dict[str, Any]:
        """The mean loss since the last record, and how large the store is."""
        loss, count = self._loss
        self._loss = [0.0, 0.0]
        return {"loss": loss / max(1.0, count), "numbers": self.shared.size}

    def judge(self, answers: Answers) -> dict[str, float]:
        """Loss and accuracy of a candidate's slices on validation images, its statistics measured anew."""
        module = self.shared.candidate(answers)
        settle(module, self._material.x, self._settling)
        x, y = self._material.x_validation, self._material.y_validation
        found = evaluate(module, x[self._judging], np.asarray(y)[self._judging])
        return {"loss": found["loss"], "accuracy": found["accuracy"]}

    def search(self, task: LessonTask, base: str, looks: int) -> list[Trial]:
        """So many candidates that the base algorithm proposes, each judged by its slices."""
        method, seen, trials = ALGORITHMS[base], Seen(), list[Trial]()
        for number in range(looks):
            rng = random_numbers(task.seed, "elastic", number)
            proposal = propose(
                self.within,
                method,
                seen,
                rng,
                budget=task.limits,
                latency_ms=task.expected_ms,
                anchor=task.anchor,
            )
            if proposal is None:
                break

            def evaluated(
                graph: Any, /, *, epochs: int, seed: int, answers: Answers = proposal.answers
            ) -> Evaluation:
                began = time.perf_counter()
                found = self.judge(answers)
                return Evaluation(found["accuracy"], time.perf_counter() - began, found["loss"])

            trial = run_trial(
                task.space, proposal.answers, evaluated, index=number, arm="elastic", arm_index=number,
                rung=0, epochs=1, seed=task.seed, budget=task.limits, latency_ms=task.expected_ms,
                elapsed=lambda: 0.0,
            )  # fmt: skip
            trials.append(trial)
            seen.add(trial)
        return trials

    def arrays(self) -> dict[str, np.ndarray]:
        """The store and its momenta."""
        return self.shared.state()

    def facts(self) -> dict[str, Any]:
        """The loss since the last record."""
        return {"loss": self._loss}

    def restore(self, arrays: Mapping[str, np.ndarray], facts: Mapping[str, Any]) -> None:
        """Take the state back."""
        self.shared.restore(arrays)
        self._loss = list(facts["loss"])


def _scores(module: Any, x: Tensor) -> Tensor:
    found: Tensor = module.logits(x) if module.ends_in_softmax else module(x)
    return found
