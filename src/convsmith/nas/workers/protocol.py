"""What a worker is given and gives back, and who works: this process, others, or a cluster.

The driver hands out tasks and takes outcomes as they come; it does not know where they were made.
"""

from __future__ import annotations

import importlib
import math
import time
import traceback
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from convsmith.errors import BadInput
from convsmith.graph import Graph
from convsmith.runs import CannotWrite

from ..lesson import LessonTask

OnEpoch = Callable[[float], bool]
Stop = Callable[[Sequence[float], int, Sequence[dict[str, Any]]], bool]


@dataclass(frozen=True)
class Evaluation:
    """What training a network gave.

    Args:
        score: validation accuracy, 0 to 1; higher is better. NaN makes the trial a failed one.
        seconds: that the training took.
        loss: validation loss; decides between equal scores.
        more: anything else worth a place in the trial's record, JSON-able.
    """

    score: float
    seconds: float
    loss: float | None = None
    more: dict[str, Any] = field(default_factory=dict)


class Evaluate(Protocol):
    """Trains a network from scratch and says how good it is; the same arguments give the same score.

    Where learning curves may end trainings it is also given ``on_epoch``, to call with the validation score
    after each epoch; True ends the training there.
    """

    def __call__(self, graph: Graph, /, *, epochs: int, seed: int) -> Evaluation: ...


@dataclass(frozen=True)
class Task:
    """One training for a worker.

    Args:
        number: by which its outcome is known.
        graph: the network.
        epochs: to train.
        seed: of every random number in the training.
        stop: ``(curve, epochs, history) -> bool``, asked after each epoch; None trains to the end.
        history: finished trials that `stop` compares with.
    """

    number: int
    graph: Graph
    epochs: int
    seed: int
    stop: Stop | None = None
    history: Sequence[dict[str, Any]] = ()


@dataclass(frozen=True)
class Outcome:
    """What came of a task: an evaluation, or the reason why there is none.

    Args:
        number: of the task.
        evaluation: None where it failed.
        seconds: that it took.
        curve: validation scores after each epoch, where they were watched.
        error: why it failed, with the traceback.
        learnt: of a lesson, the line of its algorithm's history.
    """

    number: int
    evaluation: Evaluation | None
    seconds: float
    curve: tuple[float, ...] = ()
    error: str | None = None
    learnt: dict[str, Any] | None = None


class Pool(ABC):
    """Those who train, at `slots` places at once."""

    is_alone = False
    """Whether there is one place for ever, so that what is under way follows from what is finished."""

    @property
    @abstractmethod
    def slots(self) -> int:
        """How many tasks are worked on at once; may change while a cluster grows or shrinks."""

    @abstractmethod
    def submit(self, task: Task | LessonTask) -> None:
        """Give a task to whoever is free next."""

    @abstractmethod
    def wait(self) -> Outcome:
        """The next outcome, in the order in which they come."""

    def close(self) -> None:  # noqa: B027 - most have nothing to give back
        """End all work; what is running is lost."""

    def evaluate(self, graph: Graph, /, *, epochs: int, seed: int) -> Evaluation:
        """One training, waited for while nothing else runs.

        Raises:
            RuntimeError: it failed.
        """
        self.submit(Task(-1, graph, epochs, seed))
        outcome = self.wait()
        if outcome.evaluation is None:
            raise RuntimeError(outcome.error)
        return outcome.evaluation


class Here(Pool):
    """This process itself, one task after the other.

    Args:
        evaluate: trains a network.
    """

    is_alone = True

    def __init__(self, evaluate: Evaluate) -> None:
        self._evaluate, self._waiting = evaluate, deque[Task | LessonTask]()

    @property
    def slots(self) -> int:
        return 1

    def submit(self, task: Task | LessonTask) -> None:
        self._waiting.append(task)

    def wait(self) -> Outcome:
        return perform(self._evaluate, self._waiting.popleft())


def perform(evaluate: Evaluate, task: Task | LessonTask) -> Outcome:
    """Do a task; whatever goes wrong in it is its outcome, but for a full disk, which ends the search.

    What a lesson refuses ends it as well.

    Example:
        >>> from convsmith.zoo import network
        >>> task = Task(7, network("lenet5"), epochs=2, seed=0)
        >>> perform(lambda graph, *, epochs, seed: Evaluation(0.9, 1.5), task).evaluation.score
        0.9
        >>> perform(lambda graph, *, epochs, seed: Evaluation(float("nan"), 1.5), task).error
        'the score is nan'
    """
    if isinstance(task, LessonTask):
        return _learn(evaluate, task)
    curve: list[float] = []
    more: dict[str, Any] = {}
    if task.stop is not None:
        stop = task.stop

        def on_epoch(score: float) -> bool:
            curve.append(float(score))
            return len(curve) < task.epochs and bool(stop(curve, task.epochs, task.history))

        more["on_epoch"] = on_epoch
    began = time.perf_counter()
    try:
        result = evaluate(task.graph, epochs=task.epochs, seed=task.seed, **more)
        score, seconds = float(result.score), float(result.seconds)
    except CannotWrite:
        raise
    except Exception:
        seconds = time.perf_counter() - began
        return Outcome(task.number, None, seconds, tuple(curve), traceback.format_exc())
    if not math.isfinite(score):
        return Outcome(task.number, None, seconds, tuple(curve), f"the score is {score}")
    return Outcome(
        task.number, Evaluation(score, seconds, result.loss, dict(result.more)), seconds, tuple(curve)
    )


def _learn(evaluate: Evaluate, task: LessonTask) -> Outcome:
    began = time.perf_counter()
    try:
        learnt = task.learn(evaluate)
    except BadInput:  # a full disk, too
        raise
    except Exception:
        return Outcome(task.number, None, time.perf_counter() - began, (), traceback.format_exc())
    return Outcome(task.number, None, float(learnt["seconds"]), learnt=learnt)


def named(thing: Callable[..., Any]) -> str:
    """``module:name`` of a function of a module, by which another process finds it.

    Example:
        >>> named(perform)
        'convsmith.nas.workers.protocol:perform'
    """
    module, name = getattr(thing, "__module__", None), getattr(thing, "__qualname__", "<lambda>")
    if module in (None, "__main__") or "<" in name or "." in name:
        raise BadInput(f"function {name}", "cannot be found by other processes", "a function of a module")
    return f"{module}:{name}"


def by_name(name: str) -> Any:
    """The function of ``module:name``."""
    module, _, function = name.partition(":")
    return getattr(importlib.import_module(module), function)
