"""Lessons: what an algorithm that shares weights learns from the images before it proposes.

A lesson is a task as a training is one: whoever trains gets it, in this process or another, and it goes on
from its checkpoint after an interruption. What comes of it is a line of learnt.jsonl, as a trial is one of
trials.jsonl; with that line the algorithm is a pure function of its history like every other.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convsmith.errors import BadInput
from convsmith.ledger.budget import Budget

from .budget.forecast import Forecast
from .choose import Answers, Space
from .proposal import Lesson

if TYPE_CHECKING:
    import numpy as np

NUMBER = -2
"""Of the task; trainings have positive numbers, probes -1."""
CHECKPOINT, RECORDS = "learning.safetensors", "learning.json"


@dataclass(frozen=True)
class Material:
    """The images of a lesson: what candidates are trained on and judged by.

    Args:
        x, y: training images (N, H, W, C) uint8 and class numbers.
        x_validation, y_validation: those that candidates are judged by.
        augment: the policy's name.
    """

    x: np.ndarray
    y: np.ndarray
    x_validation: np.ndarray
    y_validation: np.ndarray
    augment: str


class WithImages:
    """An evaluation that can also give lessons.

    Args:
        evaluate: trains a network, as `work.Evaluate`.
        material: what it trains on.
    """

    def __init__(self, evaluate: Callable[..., Any], material: Material) -> None:
        self._evaluate, self.material = evaluate, material

    def __call__(self, graph: Any, /, **more: Any) -> Any:
        """Train a network, as the evaluation does."""
        return self._evaluate(graph, **more)


@dataclass(frozen=True)
class LessonTask:
    """One lesson for a worker.

    Args:
        lesson: what is to be learnt.
        space: where the search is.
        limits: of candidates; a shared store of weights may be over them, for it is never one.
        anchor: a genotype known to keep them.
        expected_ms: forecasts the latency, where that is limited.
        seed: of every random number.
        steps: of the training, as an earlier search decided; None to decide now.
        seconds: that it may take; None for as long as the settings say.
        folder: of its checkpoint and records; None keeps nothing.
        tell: given each record; only in this process.
        number: by which its outcome is known.
    """

    lesson: Lesson
    space: Space
    limits: Budget
    anchor: Answers
    expected_ms: Forecast | None
    seed: int
    steps: int | None = None
    seconds: float | None = None
    folder: Path | None = None
    tell: Callable[[dict[str, Any]], None] | None = None
    number: int = NUMBER

    def lasting(self, seconds: float) -> LessonTask:
        """The same with another time."""
        return replace(self, seconds=seconds)

    def learn(self, evaluate: Any) -> dict[str, Any]:
        """Learn, in this process.

        Raises:
            BadInput: the evaluation has no images; whatever the lesson refuses.
        """
        material = getattr(evaluate, "material", None)
        if material is None:
            raise BadInput(
                "search", "an algorithm that learns from images, and an evaluation without any",
                "images", "nas.lesson.WithImages(evaluate, material)",
            )  # fmt: skip
        module, _, function = self.lesson.learn.partition(":")
        found: dict[str, Any] = getattr(importlib.import_module(module), function)(self, material)
        return found

    def to_json(self) -> dict[str, Any]:
        """The task as JSON; `from_json` gives it back in another process.

        Raises:
            BadInput: the space is a function that no other process finds.
        """
        from .spaces import SPACES, name_of

        name = self.space.name
        made_by = name if name in SPACES else name_of(self.space.function)
        return {
            "lesson": {"learn": self.lesson.learn, "settings": dict(self.lesson.settings)},
            "space": [made_by, list(self.space.input_shape), self.space.classes, name],
            "limits": asdict(self.limits), "anchor": self.anchor,
            "expected_ms": None if self.expected_ms is None else self.expected_ms.to_json(),
            "seed": self.seed, "steps": self.steps, "seconds": self.seconds, "number": self.number,
            "folder": None if self.folder is None else str(self.folder.resolve()),
        }  # fmt: skip

    @classmethod
    def from_json(cls, line: Mapping[str, Any]) -> LessonTask:
        """The task that `to_json` wrote."""
        from .spaces import space_function

        made_by, shape, classes, name = line["space"]
        space = Space(space_function(made_by), shape, classes, name=name)
        expected = None if line["expected_ms"] is None else Forecast(**line["expected_ms"])
        folder = None if line["folder"] is None else Path(line["folder"])
        if folder is not None and not folder.is_dir():
            folder = None  # another machine; the lesson begins anew should it be lost
        limits = Budget(**{**line["limits"], "classes": tuple(line["limits"]["classes"])})
        lesson = Lesson({}, learn=line["lesson"]["learn"], settings=line["lesson"]["settings"])
        return cls(
            lesson, space, limits, line["anchor"], expected, line["seed"], line["steps"], line["seconds"],
            folder, number=line["number"],
        )  # fmt: skip


def check_suits(lesson: Lesson, space: Space) -> None:
    """Refuse a kind of space that an algorithm cannot learn on, whatever the images.

    Raises:
        BadInput: with those that it can learn on.
    """
    module = lesson.learn.partition(":")[0]
    importlib.import_module(module).suits(space)


def check_lesson(lesson: Lesson, space: Space, limits: Budget) -> None:
    """Refuse a space that an algorithm cannot learn on, before any work.

    Args:
        lesson: of the algorithm.
        space: of the search.
        limits: of its candidates.

    Raises:
        BadInput: with what it can learn on.
    """
    module = lesson.learn.partition(":")[0]
    importlib.import_module(module).check(space, lesson.settings, limits)
