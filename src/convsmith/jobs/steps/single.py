"""The training of one network, with every option of `train`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...errors import BadInput
from ...units import counted
from ..inputs.trained import opened
from ..running.job import TrainJob
from ..running.threads import set_threads
from .full import Final, keep
from .start import Start, start

if TYPE_CHECKING:
    import numpy as np

    from ...engine.loop import Fitted
    from ...engine.train.teacher import Teacher
    from ...graph import Graph

FINE_TUNING = 0.03
"""Weights that know something already are changed this much slower, unless a rate is asked for."""


def train_one(job: TrainJob) -> Final:
    """Train the run's network; writes graph.json, history.jsonl, weights.safetensors, training.json."""
    from ...engine.loop import fit
    from ...engine.train.objective import CROSS_ENTROPY
    from ...engine.train.presets import PRESETS

    asked = job.options
    begun = start(job)
    graph, first = begun.graph, begun.weights
    teacher = teacher_of(job, graph)
    job.run.write_json("graph.json", graph.to_json())
    x_NHWC, y = job.part("train")
    threads = set_threads(job.run, asked.threads, graph, x_NHWC[:256], y[:256])
    job.display.say(f"{graph.name}: {graph.params:,} parameters, on {counted(threads, 'thread')}")
    rate = _rate(job, graph, x_NHWC, y, begun)
    epochs = asked.epochs or PRESETS[asked.recipe].epochs
    until = None if asked.until_accuracy is None else float(asked.until_accuracy)
    with job.display.bar("training") as bar:

        def on_epoch(record: dict[str, Any]) -> None:
            job.clock.save()
            job.display.epoch("winner", record, epochs)
            told = f"loss {record['loss']:.3f}, validation {record['val_accuracy']:.1%}"
            bar.update(record["epoch"] / epochs, f"epoch {record['epoch']} of {epochs}, {told}")

        fitted = fit(
            graph,
            x_NHWC,
            y,
            recipe=asked.recipe,
            epochs=epochs,
            batch_size=asked.batch_size,
            optimizer=asked.optimizer,
            learning_rate=rate,
            schedule=asked.schedule,
            warm_up=asked.warm_up,
            weight_decay=asked.weight_decay,
            layer_decay=asked.layer_decay,
            loss=asked.loss or CROSS_ENTROPY,
            label_smoothing=asked.label_smoothing,
            ema=asked.ema,
            weights=first,
            augment=asked.augment,
            balance=asked.balance,
            patience=asked.patience,
            until_accuracy=until,
            teacher=teacher,
            precision=asked.precision,
            device=asked.device,
            cuda_graphs=bool(asked.cuda_graphs),
            seed=asked.seed,
            validation=job.part("validation"),
            checkpoint=job.run.path / "checkpoint.safetensors",
            on_epoch=on_epoch,
        )
    job.run.write_json(
        "training.json", {"recipe": fitted.recipe, "epochs": fitted.epochs, "best": fitted.best}
    )
    final = Final("winner", graph, fitted.weights, fitted.history, fitted.seconds, fitted.epochs)
    keep(job, final)
    _say(job, fitted, epochs)
    return final


def teacher_of(job: TrainJob, graph: Graph) -> Teacher | None:
    """The network that teaches, or None where nobody does.

    Raises:
        BadInput: for what is no trained network, or one for other classes.
    """
    from ...engine.lower import lower
    from ...engine.train.teacher import Teacher

    source = job.options.teacher
    if source in (None, "none"):
        return None
    theirs, weights, classes = opened(source)
    ours = job.images.classes
    if classes and classes != ours:
        raise BadInput(
            "--teacher", f"{source} knows {', '.join(classes[:6])}", f"the classes {', '.join(ours[:6])}"
        )
    job.display.say(f"taught by {theirs.name} of {source}: {theirs.params:,} parameters")
    temperature, weight = job.options.temperature, job.options.teacher_weight
    return Teacher(lower(theirs, weights), temperature=temperature, weight=weight).checked(graph, 0)


def _rate(job: TrainJob, graph: Graph, x_NHWC: np.ndarray, y: np.ndarray, begun: Start) -> float | None:
    """The learning rate: asked for, found by a sweep (kept in rates.json), or slower for known weights."""
    from ...engine.recipe import recipe as resolved
    from ...engine.train.lr_finder import find
    from ...engine.train.objective import CROSS_ENTROPY

    asked, rate = job.options, job.options.learning_rate
    if rate == "find":
        if not job.run.has("rates.json"):
            found = find(
                graph, x_NHWC, y, weights=begun.weights, batch_size=asked.batch_size,
                optimizer=asked.optimizer, recipe_name=asked.recipe,
                loss=asked.loss or CROSS_ENTROPY, weight_decay=asked.weight_decay,
                layer_decay=asked.layer_decay, label_smoothing=asked.label_smoothing,
                seed=asked.seed,
            )  # fmt: skip
            job.run.write_json("rates.json", found.to_json())
        best = float(job.run.read_json("rates.json")["rate"])
        job.display.say(f"learning rate found: {best:.3g}")
        return best
    if rate is None and begun.knows and asked.freeze != "body":
        usual = resolved(x_NHWC, y, name=asked.recipe, optimizer=asked.optimizer)
        return usual.learning_rate * FINE_TUNING
    return None if rate is None else float(rate)


def _say(job: TrainJob, fitted: Fitted, epochs: int) -> None:
    used = fitted.recipe
    if used["balance"] != "none":
        job.display.say(f"classes balanced by {used['balance']}: {used['balance_why']}")
    if fitted.epochs < epochs:
        job.display.say(f"ended after epoch {fitted.epochs} of {epochs}; epoch {fitted.best} counts")
    job.display.say(
        f"{counted(fitted.epochs, 'epoch')}, {fitted.seconds:.0f} s, loss {fitted.history[-1]['loss']:.3f}"
    )
