"""An evaluation that other processes and other machines can make for themselves, and tasks as JSON."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from convsmith.errors import BadInput
from convsmith.graph import Graph
from convsmith.own_code import run_source
from convsmith.runs import CannotWrite

from ..lesson import LessonTask
from .protocol import Evaluate, Evaluation, Outcome, Task, by_name, named, perform

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Portable:
    """How to make an evaluation: a function of a module, and what it is called with.

    Args:
        make: ``module:function``; called with settings and arrays by name, it returns the evaluation.
        settings: JSON-able.
        arrays: the images and whatever else is large; they travel once to each process or machine, and
            arrive read-only.
        code: Python files to run before, path -> text: what registers kinds of layers of one's own.

    Example:
        >>> portable = Portable("convsmith.nas.workers.portable:constant", {"score": 0.5})
        >>> from convsmith.zoo import network
        >>> portable.build()(network("lenet5"), epochs=1, seed=0).score
        0.5
    """

    make: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)
    code: Mapping[str, str] = field(default_factory=dict)

    def build(self, arrays: Mapping[str, np.ndarray] | None = None) -> Evaluate:
        """The evaluation, in this process; `arrays` replaces those that it was described with."""
        for path, text in self.code.items():
            run_source(text.encode(), path, path)
        made: Evaluate = by_name(self.make)(**self.settings, **(self.arrays if arrays is None else arrays))
        return made


def constant(score: float) -> Evaluate:
    """An evaluation that trains nothing, for trying out workers."""
    return lambda graph, *, epochs, seed: Evaluation(score, 0.0)


def task_to_json(task: Task | LessonTask) -> dict[str, Any]:
    """A task as JSON.

    Raises:
        BadInput: its `stop` is not a function of a module.
    """
    if isinstance(task, LessonTask):
        return task.to_json()
    return {
        "number": task.number, "graph": task.graph.to_json(), "epochs": task.epochs, "seed": task.seed,
        "stop": None if task.stop is None else named(task.stop), "history": list(task.history),
    }  # fmt: skip


def task_from_json(line: Mapping[str, Any]) -> Task | LessonTask:
    """The task that `task_to_json` wrote."""
    if "lesson" in line:
        return LessonTask.from_json(line)
    stop = None if line["stop"] is None else by_name(line["stop"])
    graph = Graph.from_json(line["graph"])
    return Task(line["number"], graph, line["epochs"], line["seed"], stop, line["history"])


def performed(evaluate: Evaluate, line: Mapping[str, Any]) -> Outcome:
    """Do a task that came as JSON; one that cannot be read here is a failed one, with the reason.

    Raises:
        CannotWrite: as `perform`.
    """
    try:
        task = task_from_json(line)
    except Exception:
        return Outcome(line["number"], None, 0.0, (), traceback.format_exc())
    try:
        return perform(evaluate, task)
    except CannotWrite:
        raise
    except BadInput:  # refused by a lesson
        return Outcome(task.number, None, 0.0, (), traceback.format_exc())


def outcome_to_json(outcome: Outcome) -> dict[str, Any]:
    """An outcome as JSON."""
    return asdict(outcome)


def outcome_from_json(line: Mapping[str, Any]) -> Outcome:
    """The outcome that `outcome_to_json` wrote."""
    evaluation = None if line["evaluation"] is None else Evaluation(**line["evaluation"])
    curve = tuple(line["curve"])
    return Outcome(line["number"], evaluation, line["seconds"], curve, line["error"], line.get("learnt"))
