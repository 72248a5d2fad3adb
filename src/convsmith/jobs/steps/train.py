"""Step 3: full trainings on train + validation, of the same seconds, for the winner and the two baselines."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...units import counted
from ..job import Job
from .earlier import earlier_plan
from .own_space import space_of
from .searched import searched

if TYPE_CHECKING:
    import numpy as np

    from ...engine.teacher import Teacher
    from ...graph import Graph
    from ...nas.search import Found
    from ...nas.store import Trial

PLAN = "finals.json"
EPOCHS = 60
MOST_EPOCHS = 1000
IMAGES_AFTER = 5000
DRIFT = 0.04
"""A training is re-planned when its end is seen to be further off than this share of its seconds."""


@dataclass(frozen=True)
class Final:
    """A fully trained network.

    Args:
        name: "winner", "random" or "largest".
        graph: the network.
        weights: full name -> array.
        history: one record per epoch.
        seconds: of its full training.
        epochs: of its full training.
    """

    name: str
    graph: Graph
    weights: dict[str, np.ndarray]
    history: list[dict[str, Any]]
    seconds: float
    epochs: int


def train(job: Job, found: Found, *, teacher: Teacher | None = None) -> dict[str, Final]:
    """Train the winner and the baselines; the winner's weights and history become the run's.

    A baseline that is the same network as the winner (or as the other baseline) is not trained twice.

    Args:
        teacher: whose opinion all of them learn as well; None for nobody's.

    Returns:
        "winner", and "random" and "largest" where the search had them.
    """
    space = space_of(job)
    wanted = {"winner": found.best}
    wanted |= {name: found.winners[name] for name in ("random", "largest") if name in found.winners}
    done: dict[str, Final] = {}
    by_network: dict[str, Final] = {}
    left = len({trial.fingerprint for trial in wanted.values()})
    for name, trial in wanted.items():
        if trial.fingerprint not in by_network:
            graph = space.graph(trial.answers)
            by_network[trial.fingerprint] = _one(job, name, trial, graph, left, teacher)
            left -= 1
        done[name] = by_network[trial.fingerprint]
    keep(job, done["winner"])
    return done


def keep(job: Job, final: Final) -> None:
    """Write graph.json, history.jsonl and weights.safetensors: the run's own network."""
    from ...engine.weights import save

    job.run.write_json("graph.json", final.graph.to_json())
    job.run.write("history.jsonl", "".join(json.dumps(record) + "\n" for record in final.history))
    save(job.run.path / "weights.safetensors", final.weights)


def _one(job: Job, name: str, trial: Trial, graph: Graph, left: int, teacher: Teacher | None) -> Final:
    from ...engine.loop import fit
    from ...engine.weights import open_weights, save

    folder = job.run.path / "finals" / name
    if (folder / "result.json").exists():
        result = job.run.read_json(f"finals/{name}/result.json")
        weights = open_weights(folder / "weights.safetensors", graph)
        return Final(name, graph, weights, result["history"], result["seconds"], result["epochs"])
    x_NHWC, y = job.part("train", "validation")
    pace = Pace(job, name, trial, left)
    with job.display.bar(f"training {name}") as bar:

        def on_epoch(record: dict[str, Any]) -> int | None:
            job.clock.save()
            total = pace(record)
            note = f"epoch {record['epoch']} of {pace.total}, loss {record['loss']:.3f}"
            bar.update(record["epoch"] / pace.total, f"{name}: {note}")
            return total

        fitted = fit(
            graph,
            x_NHWC,
            y,
            epochs=pace.first,
            seed=job.recipe["seed"],
            augment=job.recipe["augment"],
            teacher=teacher,
            checkpoint=folder / "checkpoint.safetensors",
            on_epoch=on_epoch,
        )
    save(folder / "weights.safetensors", fitted.weights)
    job.run.write_json(
        f"finals/{name}/result.json",
        {
            "epochs": fitted.epochs,
            "seconds": fitted.seconds,
            "history": fitted.history,
            "recipe": fitted.recipe,
            "graph": graph.to_json(),
        },
    )
    for leftover in folder.glob("checkpoint*"):
        leftover.unlink()
    job.display.say(
        f"{name}: {graph.params:,} parameters, {counted(fitted.epochs, 'epoch')}, {fitted.seconds:.0f} s, "
        f"loss {fitted.history[-1]['loss']:.3f}"
    )
    return Final(name, graph, fitted.weights, fitted.history, fitted.seconds, fitted.epochs)


class Pace:
    """How many epochs a full training has: asked for, repeated, or what fits into its share of the time.

    What the clock decides is written to finals.json before it takes effect, and read from there when the run
    goes on or another repeats it; so the same plan gives the same training.

    Args:
        left: how many trainings, this one included, share the time that is left.
    """

    def __init__(self, job: Job, name: str, trial: Trial, left: int) -> None:
        self._job, self._name = job, name
        plans = job.run.read_json(PLAN) if job.run.has(PLAN) else earlier_plan(job.recipe["plan"], PLAN) or {}
        self._repeats = name in plans
        self._plans, self._trial = plans, trial
        self._seen: list[tuple[int, float]] = []
        if name not in plans:
            plans[name] = {"epochs": self._estimate(trial, left), "changes": {}}
            plans[name]["seconds"] = None if job.clock.limit is None else self._share(left)
        self._mine = plans[name]
        self._fixed = job.clock.limit is None or (self._repeats and job.recipe["plan"] is not None)
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

    def _share(self, left: int) -> float:
        return max(0.5, (self._job.clock.left - reserve(self._job, self._trial)) / left)

    def _estimate(self, trial: Trial, left: int) -> int:
        recipe = self._job.recipe
        if self._job.clock.limit is None:
            return int(recipe["epochs"] or EPOCHS)
        split = self._job.split
        larger = (len(split.train) + len(split.validation)) / len(searched(self._job))
        each = max(1e-4, trial.seconds / trial.epochs * larger)
        return max(1, min(MOST_EPOCHS, int(self._share(left) / each)))

    def _write(self) -> None:
        self._job.run.write_json(PLAN, self._plans)


def reserve(job: Job, trial: Trial) -> float:
    """Seconds to keep for what comes after the trainings: judging, explaining, exporting, reporting.

    Most of it are the images that the evidence for the heatmaps is measured on, each about a third of what
    an image costs in training.
    """
    each = trial.seconds / trial.epochs / len(searched(job))
    return 4.0 + 0.01 * (job.clock.limit or 0.0) + each / 3 * IMAGES_AFTER
