"""Peak memory, each figure under a memory model with a name: figures of different models do not compare.

| model | what it assumes, at inference, batch 1 |
|---|---|
| `every_layer` | every layer's output has its own buffer, kept to the end (the sum of activation sizes) |
| `liveness` | layers run in the Graph's order; a buffer is freed after its last reader; views are free |
| `fused` | liveness, and activations and normalisations write over their only input; padding costs nothing |
| `in_place_depthwise` | fused, and a depthwise convolution writes over its only input, channel by channel |

Views are Flatten, Reshape and what inference skips (dropout, augmentation). The image is a buffer too, freed
like any other. Weights are not included. The depthwise half of a SeparableConv2D needs a buffer of its own.
Source of the last model: J. Lin et al., "MCUNet", 2020.
"""

from __future__ import annotations

from typing import Any

from ..errors import BadInput
from ..graph import Graph, Node
from ..kinds import Reach, size

MODELS = ("every_layer", "liveness", "fused", "in_place_depthwise")
BYTES = {"float32": 4, "float16": 2, "int8": 1}
"""Bytes of one number at each precision."""
STATES = {
    "sgd": 0, "momentum": 1, "rmsprop": 1, "adagrad": 1, "lion": 1,
    "adam": 2, "adamw": 2, "nadam": 2, "adadelta": 2, "adamax": 2, "ftrl": 2,
}  # fmt: skip
"""Numbers that each optimizer (Keras's defaults) remembers for every trainable parameter."""

_LOCAL = Reach()
_VIEWS = frozenset(("Flatten", "Reshape", "Identity"))
_VIEW_FUNCTIONS = frozenset(
    ("numpy.Reshape", "numpy.Squeeze", "numpy.ExpandDims", "nn.Identity", "core.StopGradient")
)


def liveness(graph: Graph, *, precision: str = "float32") -> int:
    """Peak bytes of activations for one image when each buffer is freed after its last reader.

    Args:
        graph: the network, with known sizes.
        precision: float32, float16 or int8.

    Raises:
        BadInput: where a layer's size is not known.

    Example:
        >>> from convsmith.graph import notation as keras
        >>> x = inputs = keras.Input((8, 8, 1))
        >>> x = keras.layers.Conv2D(4, 3, padding="same")(x)
        >>> liveness(keras.Model(inputs, keras.layers.Flatten()(x)))
        1280
    """
    found = peak_memory(graph, "liveness", precision=precision)
    if found is None:
        raise BadInput(f"network '{graph.name}'", "has unknown sizes", "known sizes", "--input 224x224x3")
    return found


def peak_memory(graph: Graph, model: str, *, precision: str = "float32") -> int | None:
    """Peak bytes of activations for one image under a named memory model; None where a size is unknown.

    Args:
        graph: the network.
        model: one of `MODELS`.
        precision: float32, float16 or int8.
    """
    if model not in MODELS:
        raise BadInput("memory model", f"came {model!r}", " or ".join(MODELS))
    numbers: dict[str, int] = {}
    for name, shape in graph.shapes.items():
        total = size(shape)
        if total is None:
            return None
        numbers[name] = total
    each = BYTES[precision]
    if model == "every_layer":
        return each * sum(numbers[node.name] for node in graph.nodes if not _is_view(graph, node))
    return each * _sweep(graph, numbers, model)


def _sweep(graph: Graph, numbers: dict[str, int], model: str) -> int:
    """The largest sum of live buffers, in numbers; time linear in the number of layers."""
    home, over = _buffers(graph, model)
    last = {home[node.name]: index for index, node in enumerate(graph.nodes)}
    for index, node in enumerate(graph.nodes):
        for source in node.inputs:
            last[home[source]] = index
    for name in graph.outputs:
        last[home[name]] = len(graph.nodes)
    freed: dict[int, list[str]] = {}
    for name, index in last.items():
        freed.setdefault(index, []).append(name)
    held: dict[str, int] = {}
    live = peak = 0
    for index, node in enumerate(graph.nodes):
        place, new = home[node.name], numbers[node.name]
        between = _between(graph, node)
        if between:
            dying = sum(held[name] for name in freed.get(index, ()) if name != place)
            in_place = model == "in_place_depthwise" and dying
            peak = max(peak, live if in_place else live + between, live - dying + between + new)
        if place == node.name:
            held[place] = new
            live += new
        elif node.name in over:
            peak = max(peak, live - held[place] + max(held[place], new))
            live += new - held[place]
            held[place] = new
        peak = max(peak, 0 if between else live)
        live -= sum(held[name] for name in freed.get(index, ()))
    return peak


def _buffers(graph: Graph, model: str) -> tuple[dict[str, str], set[str]]:
    """Which buffer each layer's output lies in, and which layers write over their input's."""
    takers: dict[str, list[Node]] = {node.name: [] for node in graph.nodes}
    for node in graph.nodes:
        for source in node.inputs:
            takers[source].append(node)
    home: dict[str, str] = {}
    over: set[str] = set()
    alone: dict[str, bool] = {}  # nothing else reads this buffer's numbers
    for node in graph.nodes:
        source = node.inputs[0] if len(node.inputs) == 1 else ""
        only = len(takers[node.name]) == 1 and node.name not in graph.outputs
        home[node.name], alone[node.name] = node.name, only
        if not source:
            continue
        if alone[source] and _writes_over(graph, node, model):
            over.add(node.name)
            home[node.name] = home[source]
        elif _is_view(graph, node) or (model != "liveness" and _is_read_padded(node, takers[node.name])):
            home[node.name], alone[node.name] = home[source], only and alone[source]
    return home, over


def _is_view(graph: Graph, node: Node) -> bool:
    return bool(node.inputs) and (node.kind.train_only or _reshapes(node))


def _reshapes(node: Node) -> bool:
    return node.kind_name in _VIEWS or getattr(node.kind, "function", "") in _VIEW_FUNCTIONS


def _writes_over(graph: Graph, node: Node, model: str) -> bool:
    if model == "liveness":
        return False
    shapes = graph.input_shapes(node)
    groups = getattr(node.kind, "groups", 1)
    if node.kind_name == "DepthwiseConv2D" or (groups > 1 and groups == shapes[0][-1]):
        return model == "in_place_depthwise"
    return (
        shapes[0] == graph.shapes[node.name]
        and node.kind.macs(*shapes) == 0
        and node.kind.reach(*shapes) == _LOCAL
    )


def _is_read_padded(node: Node, takers: list[Node]) -> bool:
    """A padding that the windows after it can add while they read."""
    return node.kind_name == "ZeroPadding2D" and all(
        hasattr(taker.kind, "kernel_size") or hasattr(taker.kind, "pool_size") for taker in takers
    )


def _between(graph: Graph, node: Node) -> int:
    """Numbers between the two halves of a separable convolution."""
    if node.kind_name != "SeparableConv2D":
        return 0
    out = graph.shapes[node.name]
    channels = graph.shapes[node.inputs[0]][2] or 0
    multiplier = node.kind.depth_multiplier  # type: ignore[attr-defined]
    return (out[0] or 0) * (out[1] or 0) * channels * multiplier


def training_memory(
    graph: Graph, *, batch: int = 32, optimizer: str = "adam", precision: str = "float32"
) -> dict[str, Any]:
    """Bytes that training needs, by part: weights, gradients, optimizer state, saved activations.

    Weights, gradients and state are float32. Activations: the output of every layer but
    Flatten and Reshape is kept for the backward pass, `batch` times; the workspace of the libraries is
    not counted.

    Args:
        graph: the network.
        batch: images per step.
        optimizer: Keras's name in lower case, or "momentum" for SGD with momentum; see `STATES`.
        precision: of the activations.
    """
    if optimizer not in STATES:
        raise BadInput("optimizer", f"came {optimizer!r}", " or ".join(STATES))
    params, learned = graph.params, graph.trainable_params
    sizes = [size(graph.shapes[node.name]) for node in graph.nodes if not _reshapes(node)]
    image = None if None in sizes else BYTES[precision] * sum(item for item in sizes if item)
    parts: dict[str, Any] = {
        "batch": batch,
        "optimizer": optimizer,
        "weights": None if params is None else 4 * params,
        "gradients": None if learned is None else 4 * learned,
        "optimizer_state": None if learned is None else 4 * learned * STATES[optimizer],
        "activations": None if image is None else image * batch,
    }
    values = [parts[key] for key in ("weights", "gradients", "optimizer_state", "activations")]
    parts["total"] = None if None in values else sum(values)
    return parts
