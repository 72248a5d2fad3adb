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

from typing import Any, NamedTuple

from ..errors import BadInput
from ..graph import Graph, Node
from ..kinds import GIVE_SIZES, Kind, Reach, size

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
        raise BadInput(f"network '{graph.name}'", "has unknown sizes", "known sizes", GIVE_SIZES)
    return found


def peak_memory(graph: Graph, model: str, *, precision: str = "float32") -> int | None:
    """Peak bytes of activations for one image under a named memory model; None where a size is unknown.

    Args:
        graph: the network.
        model: one of `MODELS`.
        precision: float32, float16 or int8.
    """
    if model not in MODELS:
        raise BadInput("memory model", f"got {model!r}", " or ".join(MODELS))
    return _peaks(graph, (model,), precision)[model]


def peaks(graph: Graph, *, precision: str = "float32") -> dict[str, int | None]:
    """`peak_memory` under every model."""
    return _peaks(graph, MODELS, precision)


def _peaks(graph: Graph, models: tuple[str, ...], precision: str) -> dict[str, int | None]:
    layers = _layers(graph, only_views=models == ("liveness",))
    if layers is None:
        return dict.fromkeys(models)
    each = BYTES[precision]
    return {
        model: each * sum(layer.numbers for layer in layers if layer.role != "view")
        if model == "every_layer"
        else each * _sweep(graph, layers, model)
        for model in models
    }


class _Layer(NamedTuple):
    """What the memory models must know of a layer.

    Args:
        node: the layer.
        numbers: how many its output has.
        role: "view", "local" (number by number), "depthwise", "padding", or "" for all else.
        only: one other layer, and nobody else, takes its output.
        between: numbers between the two halves of a separable convolution.
    """

    node: Node
    numbers: int
    role: str
    only: bool
    between: int


def _layers(graph: Graph, *, only_views: bool) -> list[_Layer] | None:
    """The layers in order; None where a size is unknown. Liveness needs no other roles than views."""
    found = []
    outputs, shapes = set(graph.outputs), graph.shapes
    for node in graph.nodes:
        name = node.name
        shape = shapes[name]
        numbers = size(shape)
        if numbers is None:
            return None
        takers = graph.consumers(name)
        only = len(takers) == 1 and name not in outputs
        between = 0
        if node.kind_name == "SeparableConv2D":
            channels = (shapes[node.inputs[0]][2] or 0) * node.kind.depth_multiplier  # type: ignore[attr-defined]
            between = (shape[0] or 0) * (shape[1] or 0) * channels
        viewed = "view" if _is_view(node) else ""
        role = viewed if viewed or only_views else _role(graph, node, takers)
        found.append(_Layer(node, numbers, role, only, between))
    return found


def _role(graph: Graph, node: Node, takers: tuple[Node, ...]) -> str:
    if len(node.inputs) != 1:
        return ""
    shapes = graph.input_shapes(node)
    groups = getattr(node.kind, "groups", 1)
    if node.kind_name == "DepthwiseConv2D" or (groups > 1 and groups == shapes[0][-1]):
        return "depthwise"
    if node.kind_name == "ZeroPadding2D":
        # The windows after it can add the padding while they read.
        windows = all(
            hasattr(taker.kind, "kernel_size") or hasattr(taker.kind, "pool_size") for taker in takers
        )
        return "padding" if windows else ""
    kind = type(node.kind)
    local = (
        shapes[0] == graph.shapes[node.name]
        and (kind.macs is Kind.macs or node.kind.macs(*shapes) == 0)
        and (kind.reach is Kind.reach or node.kind.reach(*shapes) == _LOCAL)
    )
    return "local" if local else ""


_OVER = {"liveness": (), "fused": ("local",), "in_place_depthwise": ("local", "depthwise")}
"""Roles that write over their input's buffer, by model."""


def _sweep(graph: Graph, layers: list[_Layer], model: str) -> int:
    """The largest sum of live buffers, in numbers; time linear in the number of layers."""
    home, over = _buffers(layers, model)
    last = {home[layer.node.name]: index for index, layer in enumerate(layers)}
    for index, layer in enumerate(layers):
        for source in layer.node.inputs:
            last[home[source]] = index
    for name in graph.outputs:
        last[home[name]] = len(layers)
    freed: dict[int, list[str]] = {}
    for name, index in last.items():
        freed.setdefault(index, []).append(name)
    held: dict[str, int] = {}
    live = peak = 0
    for index, (node, new, _, _, between) in enumerate(layers):
        name = node.name
        place = home[name]
        if between:
            dying = sum(held[buffer] for buffer in freed.get(index, ()) if buffer != place)
            in_place = model == "in_place_depthwise" and dying
            peak = max(peak, live if in_place else live + between, live - dying + between + new)
        if place == name:
            held[name] = new
            live += new
        elif name in over:
            peak = max(peak, live - held[place] + max(held[place], new))
            live += new - held[place]
            held[place] = new
        if live > peak and not between:
            peak = live
        for buffer in freed.get(index, ()):
            live -= held[buffer]
    return peak


def _buffers(layers: list[_Layer], model: str) -> tuple[dict[str, str], set[str]]:
    """Which buffer each layer's output lies in, and which layers write over their input's."""
    home: dict[str, str] = {}
    over: set[str] = set()
    alone: dict[str, bool] = {}  # nothing else reads this buffer's numbers
    for node, _, role, only, _ in layers:
        name = node.name
        source = node.inputs[0] if role else ""
        if source and role in _OVER[model] and alone[source]:
            over.add(name)
            home[name], alone[name] = home[source], only
        elif source and (role == "view" or (role == "padding" and model != "liveness")):
            home[name], alone[name] = home[source], only and alone[source]
        else:
            home[name], alone[name] = name, only
    return home, over


def _is_view(node: Node) -> bool:
    return bool(node.inputs) and (node.kind.train_only or _reshapes(node))


def _reshapes(node: Node) -> bool:
    return node.kind_name in _VIEWS or getattr(node.kind, "function", "") in _VIEW_FUNCTIONS


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
    return training_parts(
        graph, graph.params, graph.trainable_params, batch=batch, optimizer=optimizer, precision=precision
    )


def training_parts(
    graph: Graph, params: int | None, learned: int | None, *, batch: int, optimizer: str, precision: str
) -> dict[str, Any]:
    """`training_memory` of a network whose parameters, all and trainable, have been counted."""
    if optimizer not in STATES:
        raise BadInput("optimizer", f"got {optimizer!r}", " or ".join(STATES))
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
