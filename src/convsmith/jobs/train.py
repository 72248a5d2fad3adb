"""Train one network on images: sized, tested once, explained, exported, reported."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import BadInput
from ..units import Size
from .begin import begin
from .done import Done
from .job import Job, check_names, check_numbers

if TYPE_CHECKING:
    from ..data import Images
    from ..graph import Graph

STEPS = ("images", "train", "test", "explain", "export", "report")
"""What the display counts."""
FINE_TUNING_RATE = 3e-4
"""Weights that know something already are changed slowly, unless a rate is asked for."""


def train(
    network: str,
    data: str | Images | None = None,
    *,
    weights: str | None = None,
    epochs: int = 20,
    augment: str = "auto",
    batch_size: int | None = None,
    optimizer: str = "auto",
    learning_rate: float | None = None,
    size: Size | None = None,
    validation: float = 0.15,
    test: float = 0.2,
    group: str | None = None,
    strict: bool = False,
    seed: int = 0,
    threads: int | None = None,
    runs: str = "runs",
    resume: str | None = None,
    quiet: bool = False,
) -> Done:
    """Train one network on images, test it once, explain it, export it and write a report.

    Stopped at any moment, the same command goes on where it was.

    Args:
        network: a name in the zoo, a .keras or .json file; in Python also a Keras model or a Graph.
        data: a folder with a folder per class, an .npz file with x and y, or "digits"; in Python also images
            that were read already.
        weights: what to start from instead of random numbers: "imagenet" (Keras downloads and verifies them),
            a file of such weights, or the run folder of the same network.
        epochs: passes over the training images.
        augment: changes to training images: "auto", "none", "digits" or "photos".
        batch_size: images per step; chosen from the images without it.
        optimizer: "auto", or sgd, adam, adamw, adadelta, rmsprop, adagrad.
        learning_rate: the largest of the one-cycle schedule; the optimizer's own without it.
        size: the working size, such as 64x64; chosen from the images without it.
        validation: share of the images that the curves are drawn on.
        test: share of the images that nothing sees before the end.
        group: regular expression on the images' names; what its parentheses match says which images belong
            together (a patient, a burst) and stay in one part.
        strict: stop when an image cannot be read, instead of leaving it out.
        seed: of every random number.
        threads: to train with; the faster of one and all cores, as measured, without it.
        runs: the folder that run folders go to.
        resume: a run folder to go on with; the same command again finds it by itself.
        quiet: no progress on standard error.

    Returns:
        What came out, with the run folder.

    Raises:
        BadInput: images, options or a network that cannot be used; said before anything is trained.

    Example:
        ``convsmith.train("lenet5", "digits", size=(32, 32), epochs=5).test_accuracy``
    """
    started = time.monotonic()
    options = locals()
    recipe = {name: options[name] for name in RECIPE}
    check_names(recipe)
    check_numbers(recipe)
    recipe["network"] = _fixed(network)
    job = begin(
        "train", data, recipe, steps=len(STEPS), runs=runs, resume=resume, started=started, quiet=quiet
    )
    with job.run as run:
        if not run.finished:
            _work(job)
        return Done(run.path, run.read_json("result.json"))


RECIPE = (
    "weights", "epochs", "augment", "batch_size", "optimizer", "learning_rate", "size", "validation", "test",
    "group", "strict", "seed", "threads",
)  # fmt: skip
"""The options that decide what comes out."""


def _fixed(network: Any) -> Any:
    """What the recipe keeps of a network: a zoo name as it is, anything else as its Graph's JSON."""
    from ..graph import read
    from ..zoo import NETWORKS

    if isinstance(network, str) and "/" not in network and "." not in network:
        NETWORKS[network]
        return network
    return read(network).to_json()


def _start(job: Job) -> tuple[Graph, Any]:
    """The network for the images and the weights to begin with, or None for random ones."""
    from ..formats.pretrained import pretrained
    from .trained import trained

    weights, network = job.recipe["weights"], job.recipe["network"]
    if weights is None:
        return _network(job), None
    if (Path(weights) / "run.json").exists():
        earlier, graph = trained(weights), _network(job)
        if {name: weight.shape for name, weight in graph.weights.items()} != {
            name: array.shape for name, array in earlier.weights.items()
        }:
            came = f"{weights} holds {earlier.graph.name} for {len(earlier.classes)} classes"
            raise BadInput(
                "--weights", came, f"the weights of {graph.name} for {len(job.images.classes)} classes"
            )
        return graph, earlier.weights
    if not isinstance(network, str):
        raise BadInput(
            "--weights", f"'{weights}' for a network of your own", "a run folder of it, or a zoo network"
        )
    return pretrained(
        network, job.input_shape, len(job.images.classes), weights=weights, seed=job.recipe["seed"]
    )


def _network(job: Job) -> Graph:
    """The network for the images: a zoo network is built for them, any other must fit them."""
    from ..graph import Graph
    from ..zoo import network as by_name

    found, classes = job.recipe["network"], len(job.images.classes)
    if isinstance(found, str):
        return _with_rescaling(by_name(found, job.input_shape, classes))
    graph = Graph.from_json(found)
    if graph.input_shape != job.input_shape:
        wanted = "x".join(str(size) for size in graph.input_shape)
        raise BadInput(
            f"network '{graph.name}'",
            f"takes {graph.input_shape}",
            f"{job.input_shape}, as the images",
            f"--size {wanted}",
        )
    if graph.output_shape != (classes,):
        raise BadInput(
            f"network '{graph.name}'", f"gives {graph.output_shape}", f"({classes},), one for each class"
        )
    return graph


def _with_rescaling(graph: Graph) -> Graph:
    """The network with a Rescaling of raw pixels in front, where it has none of its own."""
    from ..graph import Graph, Node
    from ..kinds.rescaling import Rescaling

    (start,) = graph.inputs
    if any(node.kind_name in ("Rescaling", "Normalization") for node in graph.consumers(start)):
        return graph
    nodes = []
    for node in graph.nodes:
        nodes.append(
            replace(node, inputs=tuple("rescaling" if name == start else name for name in node.inputs))
        )
        if node.name == start:
            nodes.append(Node("rescaling", Rescaling(1 / 127.5, -1.0), (start,)))
    return Graph(graph.name, nodes, graph.outputs, graph.inputs)


def _work(job: Job) -> None:
    from .steps.explain import explain
    from .steps.export import export
    from .steps.images import prepare
    from .steps.judge import judge
    from .steps.report import report

    prepare(job)
    job.display.step(STEPS[1])
    finals = {"winner": _train(job)}
    job.display.step(STEPS[2])
    metrics, probabilities = judge(job, finals)
    job.display.step(STEPS[3])
    explain(job, finals["winner"], probabilities)
    job.display.step(STEPS[4])
    exported = export(job, finals["winner"])
    job.display.step(STEPS[5])
    report(job, finals, metrics, exported)
    job.clock.save()
    job.run.finish()


def _train(job: Job) -> Any:
    """The training itself; writes graph.json, history.jsonl and weights.safetensors."""
    from ..engine.loop import fit
    from .steps.train import Final, keep
    from .threads import set_threads

    (graph, start), recipe = _start(job), job.recipe
    rate = recipe["learning_rate"]
    if rate is None and start is not None:
        rate = FINE_TUNING_RATE
    job.run.write_json("graph.json", graph.to_json())
    x_NHWC, y = job.part("train")
    threads = set_threads(job.run, recipe["threads"], graph, x_NHWC[:256], y[:256])
    job.display.say(
        f"{graph.name}: {graph.params:,} parameters, on {threads} thread{'s' if threads > 1 else ''}"
    )
    with job.display.bar("training") as bar:

        def on_epoch(record: dict[str, Any]) -> None:
            job.clock.save()
            told = f"loss {record['loss']:.3f}, validation {record['val_accuracy']:.1%}"
            bar.update(
                record["epoch"] / recipe["epochs"], f"epoch {record['epoch']} of {recipe['epochs']}, {told}"
            )

        fitted = fit(
            graph,
            x_NHWC,
            y,
            epochs=recipe["epochs"],
            batch_size=recipe["batch_size"],
            optimizer=recipe["optimizer"],
            learning_rate=rate,
            weights=start,
            augment=recipe["augment"],
            seed=recipe["seed"],
            validation=job.part("validation"),
            checkpoint=job.run.path / "checkpoint.safetensors",
            on_epoch=on_epoch,
        )
    final = Final("winner", graph, fitted.weights, fitted.history, fitted.seconds, fitted.epochs)
    keep(job, final)
    job.display.say(f"{fitted.epochs} epochs, {fitted.seconds:.0f} s, loss {fitted.history[-1]['loss']:.3f}")
    return final
