"""A training to the end: how many epochs the time allows, its weights and how it went, on disk."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...units import counted
from ..running.job import AnyJob, ForgeJob
from .searching.earlier import earlier_plan

if TYPE_CHECKING:
    import numpy as np

    from ...graph import Graph

PLAN = "finals.json"
MOST_EPOCHS = 1000
DRIFT = 0.04
"""A training is re-planned when its end is seen to be further off than this share of its seconds."""


@dataclass(frozen=True)
class Final:
    """A fully trained network.

    Args:
        name: "winner", "random", "largest" or "fits".
        graph: the network.
        weights: full name -> array.
        history: one record per epoch.
        seconds: of its full training.
        epochs: of its full training.
        validation: share of the validation images right, where it was not trained on them.
        loss: mean cross-entropy on the same; None where it was not asked for.
    """

    name: str
    graph: Graph
    weights: dict[str, np.ndarray]
    history: list[dict[str, Any]]
    seconds: float
    epochs: int
    validation: float | None = None
    loss: float | None = None


def keep(job: AnyJob, final: Final) -> None:
    """Write graph.json, history.jsonl and weights.safetensors: the run's own network."""
    from ...engine.weights import save

    job.run.write_json("graph.json", final.graph.to_json())
    job.run.write("history.jsonl", "".join(json.dumps(record) + "\n" for record in final.history))
    save(job.run.path / "weights.safetensors", final.weights)


def full(
    job: AnyJob,
    name: str,
    graph: Graph,
    pace: Pace,
    x_NHWC: np.ndarray,
    y: np.ndarray,
    *,
    validation: tuple[np.ndarray, np.ndarray] | None = None,
    **settings: Any,
) -> Final:
    """Train a network in finals/NAME of the run; one that is finished there is read.

    Args:
        job: the job.
        name: of the training.
        graph: the network.
        pace: how many epochs.
        x_NHWC: images.
        y: their class numbers.
        validation: images and class numbers that the network is judged on in the end.
        settings: of `engine.loop.fit`.
    """
    from ...engine.loop import fit
    from ...engine.predict import evaluate
    from ...engine.weights import save

    known = finished(job, name, graph)
    if known is not None:
        return known
    folder = job.run.path / "finals" / name
    with job.display.bar(f"training {name}") as bar:

        def on_epoch(record: dict[str, Any]) -> int | None:
            job.clock.save()
            total = pace(record)
            job.display.epoch(name, record, pace.total)
            note = f"epoch {record['epoch']} of {pace.total}, loss {record['loss']:.3f}"
            bar.update(record["epoch"] / pace.total, f"{name}: {note}")
            return total

        fitted = fit(
            graph,
            x_NHWC,
            y,
            epochs=pace.first,
            seed=job.options.seed,
            checkpoint=folder / "checkpoint.safetensors",
            on_epoch=on_epoch,
            **settings,
        )
    said = {} if validation is None else evaluate(graph, *validation, weights=fitted.weights)
    score = said.get("accuracy")
    final = Final(
        name, graph, fitted.weights, fitted.history, fitted.seconds, fitted.epochs, score, said.get("loss")
    )
    save(folder / "weights.safetensors", final.weights)
    finish(job, final, recipe=fitted.recipe)
    for leftover in folder.glob("checkpoint*"):
        leftover.unlink()
    job.display.say(
        f"{name}: {graph.params:,} parameters, {counted(fitted.epochs, 'epoch')}, {fitted.seconds:.0f} s, "
        f"loss {fitted.history[-1]['loss']:.3f}" + ("" if score is None else f", validation {score:.1%}")
    )
    return final


def finished(job: AnyJob, name: str, graph: Graph) -> Final | None:
    """The training of this name, where it came to its end."""
    from ...engine.weights import open_weights

    folder = job.run.path / "finals" / name
    if not (folder / "result.json").exists():
        return None
    result = job.run.read_json(f"finals/{name}/result.json")
    weights = open_weights(folder / "weights.safetensors", graph)
    return Final(
        name, graph, weights, result["history"], result["seconds"], result["epochs"],
        result.get("validation"), result.get("validation_loss"),
    )  # fmt: skip


def finish(job: AnyJob, final: Final, *, recipe: Mapping[str, Any]) -> None:
    """Write result.json, which says that the training came to its end; its weights are there already."""
    job.run.write_json(
        f"finals/{final.name}/result.json",
        {
            "epochs": final.epochs,
            "seconds": final.seconds,
            "validation": final.validation,
            "validation_loss": final.loss,
            "history": final.history,
            "recipe": dict(recipe),
            "graph": final.graph.to_json(),
        },
    )


class Pace:
    """How many epochs a full training has: asked for, repeated, or what fits into its share of the time.

    What the clock decides is written to finals.json before it takes effect, and read from there when the run
    goes on or another repeats it; so the same plan gives the same training.

    Args:
        job: the job.
        name: of the training.
        each: seconds of an epoch, as far as known beforehand.
        seconds: that it may take; infinite without a clock.
        epochs: of a training without a clock.
    """

    def __init__(self, job: ForgeJob, name: str, *, each: float, seconds: float, epochs: int) -> None:
        self._job, self._name = job, name
        plans = job.run.read_json(PLAN) if job.run.has(PLAN) else earlier_plan(job.options.plan, PLAN) or {}
        self._repeats = name in plans
        self._plans = plans
        self._seen: list[tuple[int, float]] = []
        if name not in plans:
            timed = job.clock.limit is not None
            fitting = max(1, min(MOST_EPOCHS, int(seconds / max(1e-4, each)))) if timed else epochs
            plans[name] = {"epochs": fitting, "changes": {}, "seconds": seconds if timed else None}
        self._mine = plans[name]
        self._fixed = job.clock.limit is None or (self._repeats and job.options.plan is not None)
        self._write()
        self.first = int(self._mine["epochs"])
        self.total = self.first

    def __call__(self, record: dict[str, Any]) -> int | None:
        """The new total of epochs after this epoch's record, or None to go on as planned."""
        changes, epoch = self._mine["changes"], record["epoch"]
        if str(epoch) not in changes and not self._fixed and epoch >= max(map(int, changes), default=0):
            total = self._replanned(record)
            if total is not None:
                changes[str(epoch)] = total
                self._write()
        found = changes.get(str(epoch))
        self.total = self.total if found is None else int(found)
        return None if found is None else int(found)

    def _replanned(self, record: dict[str, Any]) -> int | None:
        epoch, seconds, wanted = record["epoch"], record["seconds"], self._mine["seconds"]
        self._seen.append((epoch, seconds))
        then, before = self._seen[len(self._seen) // 2 - 1] if len(self._seen) > 1 else (0, 0.0)
        each = (seconds - before) / (epoch - then)  # of the later half: the load of the machine changes
        off = seconds + each * (self.total - epoch) - wanted
        is_warming_up = epoch < 2 <= self.total  # of a single epoch, this is the last moment to go on
        if is_warming_up or abs(off) <= max(DRIFT * wanted, each):
            return None
        return min(MOST_EPOCHS, epoch + max(0, round((wanted - seconds) / each)))

    def _write(self) -> None:
        self._job.run.write_json(PLAN, self._plans)
