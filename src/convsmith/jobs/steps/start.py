"""The network of a training, built for its images, and the weights that it begins with."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import BadInput
from ...units import counted
from ..inputs.published import published
from ..inputs.trained import KINDS, is_known, licence_of, opened
from ..running.job import TrainJob
from .searching.own_space import keep_own

if TYPE_CHECKING:
    import numpy as np

    from ...graph import Graph
    from ...kinds import Shape


FILE = "started.json"
MOST = 0.5
"""Share of the numbers before the head that makes a network one that knows something."""


@dataclass(frozen=True)
class Start:
    """What a training begins with.

    Args:
        graph: the network for the images.
        weights: full name -> array; None for random numbers.
        knows: whether most of the numbers before the head know something.
    """

    graph: Graph
    weights: dict[str, np.ndarray] | None = None
    knows: bool = False


def start(job: TrainJob) -> Start:
    """The network for the images and the weights to begin with.

    The recipe's `pretrained` says which; where they are of other classes, the head is new. Its `freeze` names
    what stays as it is. Writes started.json: where the weights are from, and what was taken.
    """
    from ...graph.head import frozen

    found = _started(job)
    for line in own_rules(found.graph, known=found.weights is not None):
        job.display.say(line)
    until = job.options.freeze
    if until is not None:
        found = replace(found, graph=frozen(found.graph, until))
        graph = found.graph
        job.display.say(
            f"frozen up to {until}: {graph.trainable_params:,} of {graph.params:,} parameters are trainable"
        )
    return found


def _started(job: TrainJob) -> Start:
    from ...pretrained import SOURCES, open_source

    wanted, network = job.options.pretrained, job.options.network
    if wanted == "none" or (job.run.has(FILE) and job.run.read_json(FILE)["source"] is None):
        return Start(build(job))
    if wanted == "auto":
        return _automatic(job)
    if is_known(wanted):
        return _own(job, wanted)
    name, _, path = wanted.partition("=")
    if name == network:
        return _published(job, name, path or "imagenet")
    if name in SOURCES:
        source = open_source(wanted)
        return _taken(job, source.record(), source.network, dict(source.weights), new_head=True)
    if not isinstance(network, str):
        raise BadInput("--pretrained", f"'{wanted}' for a network of your own", f"{KINDS} of it")
    return _published(job, network, wanted)


def _automatic(job: TrainJob) -> Start:
    """The published weights of this very network, where they are on this machine; else random numbers."""
    from ...pretrained import SOURCES
    from ...pretrained.opening import how_to_get, on_this_machine
    from .pretrained.source import SMALLEST

    network, why = job.options.network, ""
    if isinstance(network, str) and network in SOURCES:
        rows, columns = job.working.size
        if max(rows, columns) < SMALLEST:
            why = f"images of {columns}x{rows} pixels are too small for published ones"
        elif on_this_machine(SOURCES[network]) is None:
            how = how_to_get(network, SOURCES[network])
            why = f"published ones are not on this machine; to have them: --pretrained {network}; {how}"
        else:
            return _published(job, network, "imagenet")
        job.display.say(f"weights: random numbers; {why}")
    job.run.write_json(FILE, {"source": None, "taken": why})
    return Start(build(job))


def _published(job: TrainJob, network: str, weights: str) -> Start:
    """A network of the table with its own weights, in the form that these were trained in."""
    classes = len(job.images.classes)
    graph, first, source = published(
        network, weights, job.input_shape, classes, seed=job.options.seed, flag="--pretrained"
    )
    note = f"weights from {source.name}; the head is new: {counted(classes, 'class', 'classes')}"
    _say(job, source.record(), note)
    return Start(graph, first, knows=True)


def _own(job: TrainJob, wanted: str) -> Start:
    """From a run or a file of the user's own; a head of other classes is new."""
    from ...data.files.download import checksum
    from .pretrained.source import OWN, check_unseen

    check_unseen(job, wanted, "--pretrained")
    graph, weights, classes = opened(wanted)
    path = Path(wanted)
    source = {"licence": OWN, "commercial": True, "origin": OWN} | licence_of(wanted) | {
        "name": wanted, "network": graph.name,
        "sha256": checksum(path if path.is_file() else path / "weights.safetensors"),
    }  # fmt: skip
    return _taken(job, source, graph, weights, new_head=bool(classes) and classes != job.images.classes)


def _taken(
    job: TrainJob, source: dict[str, Any], of: Graph, weights: dict[str, np.ndarray], *, new_head: bool
) -> Start:
    from ...engine.transfer import transfer

    graph = build(job)
    found = transfer(graph, weights, where=source["name"], seed=job.options.seed, of=of, new_head=new_head)
    _say(job, source, found.note)
    return Start(graph, found.weights, found.known >= MOST)


def _say(job: TrainJob, source: dict[str, Any], note: str) -> None:
    from .pretrained.source import check_same

    check_same(job, FILE, source["name"], source["sha256"])
    free = "" if source["commercial"] else "; NOT FOR COMMERCIAL USE"
    job.display.say(f"weights to start from: {source['name']}, licence {source['licence']}{free}")
    job.display.say(note)
    job.run.write_json(FILE, {"source": source, "taken": note})


def build(job: TrainJob) -> Graph:
    """The network for the images: one of the zoo is built for them, any other must fit, but for its head."""
    from ...graph import Graph
    from ...graph.head import other_head, with_classes
    from ...graph.read import resized
    from ...zoo import network as by_name

    keep_own(job, "network")
    found, classes = job.options.network, len(job.images.classes)
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


def own_rules(graph: Graph, *, known: bool) -> list[str]:
    """What a network itself asks of its training, which obeys it: a line for each sort.

    Args:
        graph: the network.
        known: whether its weights are trained already; frozen random ones would never learn anything.

    Example:
        >>> from convsmith.graph import notation as keras
        >>> x = keras.Input((8,))
        >>> graph = keras.Model(x, keras.layers.Dense(2, kernel_regularizer="l2", name="classes")(x))
        >>> own_rules(graph, known=False)
        ['penalties of the network itself: classes']
    """
    penalties, constraints, frozen = [], [], []
    for node in graph.nodes:
        settings = node.kind.settings()
        if node.kind_name == "ActivityRegularization" or any(
            name.endswith("_regularizer") for name in settings
        ):
            penalties.append(node.name)
        if any(name.endswith("_constraint") for name in settings):
            constraints.append(node.name)
        if not node.trainable and node.kind.weights(*graph.input_shapes(node)):
            frozen.append(node.name)
    lines = []
    for names, what in ((penalties, "penalties"), (constraints, "constraints"), (frozen, "frozen layers")):
        if names:
            more = f" and {len(names) - 6} more" if len(names) > 6 else ""
            lines.append(f"{what} of the network itself: {', '.join(names[:6])}{more}")
    if frozen and not known:
        lines[-1] += "; they keep the random numbers that they begin with; --pretrained gives others"
    return lines


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
