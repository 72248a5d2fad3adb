"""Which weights a member of a pretrained network's space takes from it: its Graph alone decides.

Of a group of inner channels those stay that carry most into the layer behind them: the spread of a
channel's values, as its batch norm and activation make it of normally distributed numbers, times the size
of the weights that take it. What a missing channel gave on average is given by the bias behind it, so that
a network with fewer channels is not the same function, but one with the same means.

The criterion: Z. Liu et al., "Learning Efficient Convolutional Networks through Network Slimming", ICCV
2017, which goes by batch-norm scales, with the weights behind them, which decide what such a scale is
worth.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..graph import Graph
from ..kinds.batch_normalization import BatchNormalization
from ..kinds.depthwise_conv2d import DepthwiseConv2D
from .groups import Group, inner

if TYPE_CHECKING:
    import numpy as np

    from .source import Source

    Weights = Mapping[str, np.ndarray]


def inherited(graph: Graph, source: Source, *, seed: int = 0) -> dict[str, np.ndarray]:
    """First weights for a member: the source's where it has the layer, by initializers where it is new.

    Args:
        graph: the member, as `members.member` makes it.
        source: the pretrained network that it was made from.
        seed: of the new layers' first weights.

    Returns:
        full name -> float32 array in Keras's layout, exactly the member's.
    """
    import numpy as np

    from ..engine.weights import initial

    trunk = source.graph
    cut = _sliced(graph, trunk, source.weights)
    found = initial(graph, seed)
    for name, weight in graph.weights.items():
        array = cut.get(name, source.weights.get(name))
        if array is None:
            continue
        if array.ndim == 4 and array.shape[2] != weight.shape[2] == 1:
            array = array.sum(2, keepdims=True)  # grey: the colours are equal
        found[name] = np.ascontiguousarray(array, np.float32)
    return found


def _sliced(graph: Graph, source: Graph, weights: Weights) -> dict[str, np.ndarray]:
    """The weights that are not the source's as they are, because of channels that are left out."""
    import numpy as np

    changed: dict[str, np.ndarray] = {}
    for group in inner(source):
        if group.first not in graph or group.last not in graph:
            continue
        count = graph[group.first].kind.filters  # type: ignore[attr-defined]
        if count >= group.channels:
            continue
        order = ranking(group, source, weights)
        stay = np.sort(order[:count])
        gone = np.sort(order[count:])
        means = behaviour(group, source, weights)[0]
        kernel = changed.get(f"{group.last}/kernel", weights[f"{group.last}/kernel"])
        mean = np.einsum("hwio,i->o", kernel[:, :, gone], means[gone])
        for name in (group.first, *group.between, group.last):
            node = source[name]
            for weight in node.kind.weights(*source.input_shapes(node)):
                full = f"{name}/{weight.name}"
                array = changed.get(full, weights[full])
                axis = array.ndim - 1
                if name == group.last or isinstance(node.kind, DepthwiseConv2D):
                    axis = 2 if array.ndim == 4 else (None if name == group.last else 0)  # type: ignore[assignment]
                if axis is not None:
                    changed[full] = np.take(array, stay, axis=axis)
        _make_up(source, group.last, mean, weights, changed)
    return changed


def _make_up(source: Graph, last: str, mean: np.ndarray, weights: Weights, changed: dict[str, Any]) -> None:
    """Give what the channels that are gone gave on average, where something behind them can."""
    takers = source.consumers(last)
    bias = f"{last}/bias"
    if len(takers) == 1 and isinstance(takers[0].kind, BatchNormalization):
        name = f"{takers[0].name}/moving_mean"
        changed[name] = changed.get(name, weights[name]) - mean
    elif bias in weights:
        changed[bias] = changed.get(bias, weights[bias]) + mean


def ranking(group: Group, source: Graph, weights: Weights) -> np.ndarray:
    """The group's channels, the one that matters most first."""
    import numpy as np

    return np.argsort(-importance(group, source, weights), kind="stable")


def importance(group: Group, source: Graph, weights: Weights) -> np.ndarray:
    """How much each of the group's channels moves what lies behind it, (channels,)."""
    import numpy as np

    _, spread = behaviour(group, source, weights)
    kernel = weights[f"{group.last}/kernel"]
    takers = source.consumers(group.last)
    if len(takers) == 1 and isinstance(takers[0].kind, BatchNormalization):
        scale, _ = takers[0].kind.folded(_own(source, takers[0].name, weights))
        kernel = kernel * scale
    found: np.ndarray = spread * np.sqrt((kernel.astype(np.float64) ** 2).sum((0, 1, 3)))
    return found


def behaviour(group: Group, source: Graph, weights: Weights) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each channel's values where the group ends, as its last norm makes them.

    Without a norm each has mean 0 and deviation 1.
    """
    import numpy as np

    from ..kinds.activation import activation_module

    points, shares = np.polynomial.hermite_e.hermegauss(64)
    shares = shares / shares.sum()
    values = np.repeat(points[None], group.channels, 0)
    for name in group.between:
        node = source[name]
        if isinstance(node.kind, BatchNormalization):
            own = _own(source, name, weights)
            gamma = own.get("gamma", np.ones(group.channels))
            beta = own.get("beta", np.zeros(group.channels))
            values = beta[:, None] + np.abs(gamma)[:, None] * points[None]
        elif node.kind_name in ("Activation", "ReLU", "LeakyReLU"):
            import torch

            kind = node.kind
            module: Any = (
                activation_module(kind.activation or "linear")  # type: ignore[attr-defined]
                if node.kind_name == "Activation"
                else kind.module(source.shapes[name])
            )
            values = module(torch.from_numpy(np.ascontiguousarray(values, np.float32))).numpy()
    mean = values @ shares
    return mean, np.sqrt(np.maximum(((values - mean[:, None]) ** 2) @ shares, 0))


def _own(source: Graph, name: str, weights: Weights) -> dict[str, np.ndarray]:
    node = source[name]
    return {
        weight.name: weights[f"{name}/{weight.name}"]
        for weight in node.kind.weights(*source.input_shapes(node))
    }
