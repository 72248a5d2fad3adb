"""The network of a training, built for its images, and the weights that it begins with."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ...errors import BadInput
from ...units import counted
from ..job import Job
from ..published import published
from ..trained import is_known, opened

if TYPE_CHECKING:
    import numpy as np

    from ...graph import Graph
    from ...kinds import Shape


def start(job: Job) -> tuple[Graph, dict[str, np.ndarray] | None]:
    """The network for the images and the weights to begin with, or None for random ones.

    The recipe's `weights` name a run, a .keras or .safetensors file, "imagenet" or a file of such weights;
    where they are of another number of classes, the head is new. Its `freeze` names what stays as it is.
    """
    from ...graph.head import frozen

    graph, weights = _started(job)
    until = job.recipe["freeze"]
    if until is not None:
        graph = frozen(graph, until)
        job.display.say(f"frozen up to {until}: {graph.trainable_params:,} of {graph.params:,} numbers learn")
    return graph, weights


def _started(job: Job) -> tuple[Graph, dict[str, np.ndarray] | None]:
    weights, network = job.recipe["weights"], job.recipe["network"]
    if weights is None:
        return build(job), None
    if is_known(weights):
        from ...engine.transfer import transfer

        graph = build(job)
        found = transfer(graph, opened(weights)[1], where=weights, seed=job.recipe["seed"])
        job.display.say(found.note)
        return graph, found.weights
    if not isinstance(network, str):
        raise BadInput(
            "--weights", f"'{weights}' for a network of your own",
            "a run folder, .keras or .safetensors file of it",
        )  # fmt: skip
    classes = len(job.images.classes)
    graph, first, source = published(network, weights, job.input_shape, classes, seed=job.recipe["seed"])
    free = "" if source.commercial else "; NOT FOR COMMERCIAL USE"
    job.display.say(
        f"weights from {weights}, licence {source.licence}{free}; the head is new: "
        f"{counted(classes, 'class', 'classes')}"
    )
    return graph, first


def build(job: Job) -> Graph:
    """The network for the images: one of the zoo is built for them, any other must fit, but for its head."""
    from ...graph import Graph
    from ...graph.head import other_head, with_classes
    from ...graph.read import resized
    from ...zoo import network as by_name

    found, classes = job.recipe["network"], len(job.images.classes)
    if isinstance(found, str):
        return with_rescaling(by_name(found, job.input_shape, classes))
    graph = Graph.from_json(found)
    if None in graph.input_shape and _fits(graph.input_shape, job.input_shape):
        graph = resized(graph, job.input_shape)
        job.display.say(f"{graph.name} leaves its input open: {job.input_shape}, as the images")
    if graph.input_shape != job.input_shape:
        sizes = zip(graph.input_shape, job.input_shape, strict=True)
        wanted = "x".join(str(own or images) for own, images in sizes)
        raise BadInput(
            f"network '{graph.name}'", f"takes {graph.input_shape}", f"{job.input_shape}, as the images",
            f"--size {wanted}",
        )  # fmt: skip
    found = with_classes(graph, classes)
    if changed := other_head(graph, found):
        job.display.say(f"{graph.name}: {changed}")
    return found


def _fits(own: Shape, images: Shape) -> bool:
    """Whether images of this shape are among those that the network takes."""
    return all(size in (None, came) for size, came in zip(own, images, strict=True))


def with_rescaling(graph: Graph) -> Graph:
    """The network with a Rescaling of raw pixels in front, where it has none of its own."""
    from ...graph import Graph, Node
    from ...kinds.rescaling import Rescaling

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
