"""The weights of one network in another: a layer takes them where it is the same, in the same place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..errors import BadInput
from ..graph import Graph
from ..graph.head import head
from ..units import counted
from .weights import initial

NAMED = 4
"""New layers that a note names."""
Arrays = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Transferred:
    """First weights for a network.

    Args:
        weights: full name -> array, all of them.
        new: names of those that are random.
        known: share of the numbers before the head that are the source's.
        note: one line about it.
    """

    weights: dict[str, np.ndarray]
    new: tuple[str, ...]
    known: float
    note: str


def transfer(
    graph: Graph, source: Arrays, *, where: str, seed: int, of: Graph | None = None, new_head: bool = False
) -> Transferred:
    """Begin with another training's weights, where a layer is the same and sees only what such layers make.

    A layer is the same where its name, its weights' names and their shapes are; where no name is, the layers
    are compared in their order, with their kinds, up to the first that differs. A first kernel for colours
    becomes one for grey images as their sum.

    Args:
        graph: the network to be trained.
        source: full name -> array.
        where: what they come from, for messages.
        seed: of the new layers' first weights.
        of: the network that the weights are of, for the comparison in order.
        new_head: whether the head is new although it would fit: its classes are others.

    Raises:
        BadInput: where no layer before the head takes any.

    Example:
        >>> from convsmith.zoo import network
        >>> theirs = initial(network("lenet5", classes=10), seed=1)
        >>> transfer(network("lenet5", classes=3), theirs, where="net.keras", seed=0).note
        "weights from net.keras; the head 'softmax' is new: 3 classes"
    """
    last, own = head(graph).name, initial(graph, seed)
    mine, theirs = _by_layer({name: weight.shape for name, weight in graph.weights.items()}), _arrays(source)
    same = {name: theirs[name] for name in mine if name in theirs}
    body = [name for name in mine if name != last]
    found = _agreeing(graph, mine, same)
    if not found.keys() & set(body) and of is not None:
        same = _in_order(graph, body, of, theirs)
        found = _agreeing(graph, mine, same)
    if new_head:
        found.pop(last, None)
    taken = [name for name in body if name in found]
    if not taken:
        raise BadInput(
            where, f"has no layer in common with '{graph.name}'" + _first(mine, theirs, body),
            "weights of the same network, or of one that begins alike", "--pretrained none",
        )  # fmt: skip
    for layer, arrays in found.items():
        own |= {f"{layer}/{what}": np.array(array, np.float32) for what, array in arrays.items()}
    new = [name for name in graph.weights if name.rpartition("/")[0] not in found]
    numbers = {name: sum(map(_size, mine[name].values())) for name in body}
    known = sum(numbers[name] for name in taken) / max(1, sum(numbers.values()))
    return Transferred(own, tuple(new), known, _note(graph, where, body, taken, last, last in found))


def _note(graph: Graph, where: str, body: list[str], taken: list[str], last: str, is_head_known: bool) -> str:
    classes = counted(graph.output_shape[-1] or 0, "class", "classes")
    end = "the head's too" if is_head_known else f"the head '{last}' is new: {classes}"
    if len(taken) == len(body):
        return f"weights from {where}; {end}"
    new = [name for name in body if name not in taken]
    more = f" and {len(new) - NAMED} more" if len(new) > NAMED else ""
    return (
        f"weights from {where} for {len(taken)} of {counted(len(body), 'layer')} before the head; new: "
        f"{', '.join(new[:NAMED])}{more}; {end}"
    )


def _by_layer(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, dict[str, tuple[int, ...]]]:
    found: dict[str, dict[str, tuple[int, ...]]] = {}
    for name, shape in shapes.items():
        layer, _, what = name.rpartition("/")
        found.setdefault(layer, {})[what] = tuple(shape)
    return found


def _arrays(source: Arrays) -> dict[str, dict[str, np.ndarray]]:
    found: dict[str, dict[str, np.ndarray]] = {}
    for name, array in source.items():
        layer, _, what = name.rpartition("/")
        found.setdefault(layer, {})[what] = array
    return found


def _agreeing(
    graph: Graph, mine: Mapping[str, Mapping[str, tuple[int, ...]]], same: Mapping[str, Arrays]
) -> dict[str, dict[str, np.ndarray]]:
    """The layers whose arrays fit, and that see only what such layers make."""
    found: dict[str, dict[str, np.ndarray]] = {}
    fresh: set[str] = set()  # nodes that see something new
    for node in graph.nodes:
        sees_new = any(name in fresh for name in node.inputs)
        shapes = mine.get(node.owner)
        if shapes is not None and node.owner not in found:
            arrays = _fitting(shapes, same.get(node.owner, {}))
            if arrays is not None and not sees_new:
                found[node.owner] = arrays
        if sees_new or (shapes is not None and node.owner not in found):
            fresh.add(node.name)
    return found


def _fitting(shapes: Mapping[str, tuple[int, ...]], arrays: Arrays) -> dict[str, np.ndarray] | None:
    """The arrays, where they are the layer's; a kernel for colours summed for grey images."""
    if shapes.keys() != arrays.keys():
        return None
    found = {}
    for what, shape in shapes.items():
        array = arrays[what]
        if array.ndim == 4 and array.shape[2] == 3 and shape == (*array.shape[:2], 1, array.shape[3]):
            array = array.sum(2, keepdims=True)
        if tuple(array.shape) != shape:
            return None
        found[what] = array
    return found


def _in_order(
    graph: Graph, body: list[str], of: Graph, theirs: Mapping[str, Arrays]
) -> dict[str, dict[str, np.ndarray]]:
    """The layers before the head beside the other network's, in order, up to the first of another kind."""
    found: dict[str, dict[str, np.ndarray]] = {}
    order = [name for name in dict.fromkeys(full.rpartition("/")[0] for full in of.weights) if name in theirs]
    shapes = _by_layer({name: weight.shape for name, weight in graph.weights.items()})
    for name, other in zip(body, order, strict=False):
        arrays = _fitting(shapes[name], theirs[other])
        if graph[name].kind_name != of[other].kind_name or arrays is None:
            break
        found[name] = arrays
    return found


def _first(
    mine: Mapping[str, Mapping[str, tuple[int, ...]]], theirs: Mapping[str, Arrays], body: list[str]
) -> str:
    """The first layer's arrays on both sides, as far as its name is there."""
    name = next((name for name in body if name in theirs), None)
    if name is None:
        return ""
    there = {what: tuple(array.shape) for what, array in theirs[name].items()}
    return f": '{name}' has {there} there and {dict(mine[name])} here"


def _size(shape: tuple[int, ...]) -> int:
    return int(np.prod(shape, dtype=np.int64))
