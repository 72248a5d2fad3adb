"""A network that was trained elsewhere as a run folder: explained, asked and exported like a run's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import BadInput, BadName

if TYPE_CHECKING:
    from ..graph import Graph

_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
PIXELS: dict[str, tuple[Any, Any]] = {
    "raw": (1.0, 0.0), "x/255": (1 / 255, 0.0), "tf": (1 / 127.5, -1.0),
    "torch": (
        tuple(1 / (255 * std) for std in _STD),
        tuple(-mean / std for mean, std in zip(_MEAN, _STD, strict=True)),
    ),
}  # fmt: skip
"""What is done to pixels of 0 to 255 first: a factor and an offset; "torch" is torchvision's for ImageNet."""


@dataclass(frozen=True)
class Brought:
    """A run folder of a network that was trained elsewhere.

    Args:
        path: the folder; in it graph.json, weights.safetensors and data.json.
    """

    path: Path


def from_torch(
    module: Any,
    *,
    input_shape: Sequence[int],
    classes: Sequence[str],
    pixels: str,
    runs: str = "runs",
    name: str | None = None,
) -> Brought:
    """A run folder from a trained torch module that classifies images: for predict, explain and export.

    Args:
        module: the ``torch.nn.Module``; its last numbers are one for each class, before or after a softmax.
        input_shape: rows, columns, channels of its images.
        classes: the classes' names, in the order of its outputs.
        pixels: what its images were: raw (0 to 255), x/255 (0 to 1), tf (-1 to 1), or torch (ImageNet's mean
            and deviation taken off, as in torchvision).
        runs: where the run folder is made.
        name: of the folder; the next free number without one.

    Raises:
        BadInput: for a module that cannot be read, or gives another number of classes.
        BadName: for pixels of another name.

    Example:
        >>> import tempfile
        >>> from torch import nn
        >>> net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))
        >>> run = from_torch(net, input_shape=(8, 8, 3), classes=["cat", "dog"], pixels="x/255",
        ...                  runs=tempfile.mkdtemp())
        >>> sorted(path.name for path in run.path.glob("*.safetensors"))
        ['weights.safetensors']
    """
    from ..engine.weights import save
    from ..graph.torch import with_weights
    from ..runs import Run

    if pixels not in PIXELS:
        raise BadName("pixels", pixels, PIXELS)
    graph, weights = with_weights(module, input_shape=tuple(input_shape))
    graph = classifying(graph, len(classes), pixels)
    whole = f"{type(module).__module__}.{type(module).__name__}"
    recipe = {"network": graph.name, "pixels": pixels, "brought": whole}
    with Run.create(runs, kind="train", recipe=recipe, name=name, command=["from_torch"]) as run:
        height, width, channels = graph.input_shape
        run.write_json("graph.json", graph.to_json())
        run.write_json(
            "data.json",
            {
                "source": "", "fingerprint": "", "classes": list(classes),
                "resolution": {"height": height, "width": width, "channels": channels},
            },
        )  # fmt: skip
        save(run.path / "weights.safetensors", weights)
        run.finish()
    return Brought(run.path)


def classifying(graph: Graph, classes: int, pixels: str) -> Graph:
    """The network from raw pixels to a softmax over so many classes.

    Args:
        graph: as it was read.
        classes: how many it shall give.
        pixels: a name of `PIXELS`.

    Raises:
        BadInput: where it takes no images, or gives something else.
    """
    from ..graph import Graph, Node
    from ..kinds.activation import Activation
    from ..kinds.rescaling import Rescaling

    where = f"network '{graph.name}'"
    if len(graph.inputs) != 1 or len(graph.input_shape) != 3:
        raise BadInput(where, f"takes {graph.input_shape}", "one input of rows, columns and channels")
    if len(graph.outputs) != 1 or graph.output_shape != (classes,):
        shapes = ", ".join(str(graph.shapes[name]) for name in graph.outputs)
        raise BadInput(where, f"gives {shapes} for {classes} classes", f"one output of {classes} numbers")
    scale, offset = PIXELS[pixels]
    if isinstance(scale, tuple) and graph.input_shape[2] != len(scale):
        raise BadInput(where, f"takes {graph.input_shape[2]} channels with pixels 'torch'", "3, or x/255")
    (start,), (end,) = graph.inputs, graph.outputs
    nodes = list(graph.nodes)
    if pixels != "raw":
        scaling = Node("pixels", Rescaling(scale, offset), (start,))
        nodes = [
            replace(node, inputs=tuple("pixels" if source == start else source for source in node.inputs))
            for node in nodes
        ]
        nodes.append(scaling)
    last = getattr(graph[end].kind, "activation", None) or graph[end].kind_name.lower()
    if last != "softmax":
        nodes.append(Node("probabilities", Activation("softmax"), (end,)))
        end = "probabilities"
    return Graph(graph.name, nodes, (end,), (start,))
