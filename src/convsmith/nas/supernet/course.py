"""How a lesson goes: steps within a time, records, a checkpoint to go on from."""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

from convsmith.engine.lowered.passes import keep_pages
from convsmith.engine.train import checkpoint as checkpoints
from convsmith.errors import ConvsmithError
from convsmith.runs.files import write_whole

from ..lesson import CHECKPOINT, RECORDS, LessonTask, Material

TRIED = 3  # steps whose time says how many there is time for
SPARE = 0.9  # of the time; the rest is for looks and for what is derived
_SAVED_EACH = 20.0  # seconds between checkpoints, at least, within an epoch
_SAVE_SHARE = 0.1


class Learner(Protocol):
    """What is trained."""

    each: int
    """Steps of an epoch."""
    look_costs: float
    """A look, in steps."""

    def step(self, number: int, progress: float) -> None:
        """One step; `progress` is 0 at the start and nears 1."""

    def look(self, progress: float) -> dict[str, Any]:
        """A record after an epoch; "ends" true ends the lesson."""

    def arrays(self) -> dict[str, np.ndarray]:
        """Its whole state but for `facts`."""

    def facts(self) -> dict[str, Any]:
        """What of its state is not numbers in arrays, JSON-able."""

    def restore(self, arrays: Mapping[str, np.ndarray], facts: Mapping[str, Any]) -> None:
        """Take the state back."""


@dataclass(frozen=True)
class Attended:
    """How a lesson went.

    Args:
        steps: done.
        seconds: that they took, interruptions not counted.
        records: one for each epoch.
    """

    steps: int
    seconds: float
    records: list[dict[str, Any]]


def attend(task: LessonTask, learner: Learner, material: Material, *, epochs: int) -> Attended:
    """Train the learner for its epochs, or for as many steps as there is time for.

    A time is turned into a number of steps once, after the first few; with that number in `task.steps` the
    lesson repeats bit for bit.

    Args:
        task: what was asked.
        learner: is trained.
        material: the images, by which a checkpoint is known again.
        epochs: at most.
    """
    keep_pages()
    most = epochs * learner.each
    total = task.steps if task.steps is not None else most if task.seconds is None else None
    at, spent, records = 0, 0.0, list[dict[str, Any]]()
    path = None if task.folder is None else task.folder / CHECKPOINT
    key = _key(task, material)
    found = None if path is None else checkpoints.read(path, key)
    if found is not None:
        arrays, state = found
        learner.restore(arrays, state["facts"])
        at, spent, records, total = state["at"], state["spent"], state["records"], state["total"]
    saved, cost = time.perf_counter(), 0.0
    while total is None or at < total:
        began = time.perf_counter()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(np.random.default_rng([task.seed, 5, at]).integers(2**62)))
            # The first few are alike whether their number is known or not, so that a plan repeats them.
            learner.step(at, 0.0 if total is None or at < TRIED else at / total)
        at += 1
        spent += time.perf_counter() - began
        if total is None and at >= min(TRIED, most):
            assert task.seconds is not None
            there_is_time_for = SPARE * task.seconds * at / spent / (1 + learner.look_costs / learner.each)
            total = max(at, min(most, int(there_is_time_for)))
        if total is not None and (at % learner.each == 0 or at == total):
            began = time.perf_counter()
            record = {"epoch": -(-at // learner.each), "steps": at, **learner.look(at / total)}
            spent += time.perf_counter() - began
            if not math.isfinite(record["loss"]):
                raise ConvsmithError(f"the supernet's loss became {record['loss']} after {at} steps")
            records.append(record | {"seconds": round(spent, 3)})
            if record.get("ends"):
                total = at
            if task.folder is not None:
                write_whole(task.folder / RECORDS, json.dumps(records))
            if task.tell is not None:
                task.tell(records[-1] | {"of": total})
        now = time.perf_counter()
        is_epoch = at % learner.each == 0 and now - saved >= cost / _SAVE_SHARE
        if path is not None and total is not None and at < total and (is_epoch or now - saved > _SAVED_EACH):
            state = {"at": at, "spent": spent, "records": records, "total": total, "facts": learner.facts()}
            checkpoints.write(path, learner.arrays(), state, key)
            saved = time.perf_counter()
            cost = saved - now
    return Attended(at, spent, records)


def forget(folder: Path | None) -> None:
    """Remove the checkpoint of a lesson that was learnt."""
    if folder is not None:
        (folder / CHECKPOINT).unlink(missing_ok=True)


def _key(task: LessonTask, material: Material) -> str:
    digest = hashlib.sha256(np.ascontiguousarray(material.y).tobytes())
    digest.update(str(material.x.shape).encode())
    for index in np.linspace(0, len(material.x) - 1, num=min(16, len(material.x)), dtype=np.int64):
        digest.update(np.ascontiguousarray(material.x[index]).tobytes())
    space = task.space
    return json.dumps(
        {
            "learn": task.lesson.learn, "settings": dict(task.lesson.settings), "seed": task.seed,
            "space": [space.name, list(space.input_shape), space.classes], "images": digest.hexdigest(),
        },
        sort_keys=True,
    )  # fmt: skip
