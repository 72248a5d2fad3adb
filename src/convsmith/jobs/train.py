"""Train one network on images: sized, tested once, explained, exported, reported."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..errors import BadInput
from ..own_code import is_in_file
from ..signatures import composed
from .options.common import Data, Running
from .options.train import TrainOptions
from .running.begin import begin, check_resumed
from .running.run_result import Done
from .running.runner import run_steps

if TYPE_CHECKING:
    from ..graph import Graph


@composed
def train(network: str, data: Data = None, *, options: TrainOptions, running: Running) -> Done:
    """Train one network on images, test it once, explain it, export it and write a report.

    Stopped at any moment, the same command goes on where it was.

    Returns:
        What came out, with the run folder.

    Raises:
        BadInput: images, options or a network that cannot be used; said before anything is trained.

    Example:
        ``convsmith.train("lenet5", "digits", size=(32, 32), epochs=5).test_accuracy``
    """
    started = time.monotonic()
    options = replace(options.checked(), network=_fixed(network))
    if running.resume is not None:
        check_resumed(running.resume, "train", options)
    from .steps.training import STEPS, Training

    job = begin("train", data, options, running, steps=len(STEPS), started=started)
    with job.run as run:
        if not run.finished:
            run_steps(STEPS, Training(job))
        return Done(run.path, run.read_json("result.json"))


def _fixed(network: Any) -> Any:
    """What the recipe keeps of a network: a zoo name as it is, anything else as its Graph's JSON."""
    from ..graph import read
    from ..zoo import NETWORKS

    if isinstance(network, str) and (is_in_file(network) or ("/" not in network and "." not in network)):
        NETWORKS.find(network)
        return network
    graph = read(network)
    _check_ends(graph)
    return graph.to_json()


def _check_ends(graph: Graph) -> None:
    """Say a network that does not tell classes of images apart: with several ends, or without one.

    Raises:
        BadInput: with the names of its ends.
    """
    for ends, shapes, what in (
        (graph.inputs, (3,), "input of rows, columns and channels"),
        (graph.outputs, (1,), "output of a number for each class"),
    ):
        found = ", ".join(f"{name} {graph.shapes[name]}" for name in ends[:6])
        if len(ends) != 1 or len(graph.shapes[ends[0]]) not in shapes:
            side = "inputs" if ends is graph.inputs else "outputs"
            raise BadInput(
                f"network '{graph.name}'", f"has the {side} {found}", f"one {what}",
                "cs.fit(model, x, y), which is Keras's call for models of any ends",
            )  # fmt: skip
