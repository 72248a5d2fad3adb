"""A spy on what the jobs hand over: to the training loop, to the search, and to its workers."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits

from convsmith.engine import loop
from convsmith.engine.loop import Fitted
from convsmith.engine.recipe import recipe as resolved
from convsmith.engine.weights import initial
from convsmith.graph import Graph
from convsmith.jobs.train import train
from convsmith.nas import search as searching
from convsmith.nas.workers import processes, ray_workers
from convsmith.nas.workers.protocol import Here, Pool, Task

COUNT, CLASSES, TWICE = 150, 3, 12
"""Images, classes, and how many images are there a second time, byte for byte."""


class Enough(BaseException):
    """What was wanted has been handed over; nothing behind it is of interest."""


def numbered() -> tuple[np.ndarray, np.ndarray]:
    """Images of noise whose first pixel says which one it is; the last `TWICE` repeat the first ones."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (COUNT, 8, 8), np.uint8)
    x[:, 0, 0] = np.arange(COUNT)
    y = np.arange(COUNT) % CLASSES
    x[-TWICE:], y[-TWICE:] = x[:TWICE], y[:TWICE]
    return x, y.astype(np.int64)


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The numbered images as a file."""
    path = tmp_path_factory.mktemp("numbered") / "images.npz"
    x, y = numbered()
    np.savez(path, x=x, y=y)
    return path


@pytest.fixture(scope="session")
def run_of_digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """LeNet-5 after a few epochs on the first 600 digits; tests read it and write nothing into it."""
    x, y = load_digits(return_X_y=True)
    folder = tmp_path_factory.mktemp("run_of_digits")
    np.savez(folder / "digits.npz", x=(x[:600].reshape(-1, 8, 8) * 15.9).astype(np.uint8), y=y[:600])
    options = {"size": (32, 32), "epochs": 6, "threads": 1, "quiet": True, "runs": str(folder / "runs")}
    return train("lenet5", str(folder / "digits.npz"), validation=0.3, **options).path


@dataclass(frozen=True)
class Call:
    """One call of the training loop.

    Args:
        graph: the network.
        x, y: its images and class numbers.
        options: every other argument, with its value.
        history: what was told of each epoch.
    """

    graph: Graph
    x: np.ndarray
    y: np.ndarray
    options: dict[str, Any]
    history: list[dict[str, Any]]

    @property
    def pictures(self) -> set[int]:
        """The numbers of the pictures; a copy has its original's."""
        return {int(number) for number in np.asarray(self.x)[:, 0, 0, 0]}

    @property
    def seconds(self) -> float:
        """That it seemed to take."""
        return float(self.history[-1]["seconds"]) if self.history else 0.0


@dataclass
class Spy:
    """Stands where the training loop, the search and the workers stand.

    Args:
        ends: whether the first training or search ends the job, by `Enough`.
        cost: seconds that an epoch seems to take, from the network and the number of images.
        calls: of the training loop.
        tasks: that workers of this process were given.
        searches: what each search was called with.
        crews: what each crew of other processes or machines was called with, and which kind.
        now: seconds that went by, as the job sees it.
    """

    ends: bool = True
    cost: Callable[[Graph, int], float] = lambda graph, images: 0.0
    calls: list[Call] = field(default_factory=list)
    tasks: list[Task] = field(default_factory=list)
    searches: list[dict[str, Any]] = field(default_factory=list)
    crews: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    now: float = 0.0

    def fit(self, *given: Any, **named: Any) -> Fitted:
        bound = inspect.signature(_FIT).bind(*given, **named)
        bound.apply_defaults()
        options = dict(bound.arguments)
        graph, x, y = (options.pop(name) for name in ("graph", "x", "y"))
        history: list[dict[str, Any]] = []
        self.calls.append(Call(graph, x, y, options, history))
        if self.ends:
            raise Enough
        total, seconds = options["epochs"], 0.0
        while len(history) < total:
            cost = self.cost(graph, len(x))
            seconds, self.now = seconds + cost, self.now + cost
            record = {"epoch": len(history) + 1, "loss": 1.0, "accuracy": 0.5, "learning_rate": 0.1}
            if options["validation"] is not None:
                record |= {"val_loss": 1.0, "val_accuracy": 0.5}
            record["seconds"] = seconds
            history.append(record)
            if options["on_epoch"] is not None:
                asked = options["on_epoch"](dict(record))
                total = total if asked is None else max(asked, len(history))
        names = inspect.signature(resolved).parameters
        asked = {name: value for name, value in options.items() if name in names}
        chosen = resolved(np.asarray(x), y, name=options["recipe"], **asked).to_json()
        weights = initial(graph, options["seed"]) if options["weights"] is None else options["weights"]
        return Fitted(dict(weights), history, seconds, len(history), len(history), True, chosen)

    def search(self, space: Any, evaluate: Any, **named: Any) -> Any:
        self.searches.append({"space": space, "evaluate": evaluate, **named})
        if not self.ends:
            return _SEARCH(space, evaluate, **named)
        if isinstance(evaluate, Here):  # what a candidate's training would be given
            evaluate.submit(Task(0, space.graph(space.complete({})), 2, 9))
            evaluate.wait()
        raise Enough

    def submit(self, pool: Here, task: Task) -> None:
        self.tasks.append(task)
        _SUBMIT(pool, task)

    def crew(self, kind: str) -> Callable[..., Pool]:
        def made(portable: Any, *given: Any, **named: Any) -> Any:
            self.crews.append((kind, {"portable": portable, "given": given, **named}))
            raise Enough

        return made


_FIT, _SEARCH, _SUBMIT = loop.fit, searching.search, Here.submit


def watched(patch: pytest.MonkeyPatch, **settings: Any) -> Spy:
    """A spy in place."""
    spy = Spy(**settings)
    patch.setattr(loop, "fit", spy.fit)
    patch.setattr(searching, "search", spy.search)
    patch.setattr(Here, "submit", lambda pool, task: spy.submit(pool, task))
    patch.setattr(processes, "Processes", spy.crew("processes"))
    patch.setattr(ray_workers, "RayWorkers", spy.crew("ray"))
    return spy


@pytest.fixture
def spy(monkeypatch: pytest.MonkeyPatch) -> Spy:
    """A spy that ends each job at its first training or search."""
    return watched(monkeypatch)
