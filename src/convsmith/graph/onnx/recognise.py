"""Layers that exporters write as several operators, put together again: what a person called one layer.

Each pattern is looked for behind a layer that can end it; what lies inside must serve nothing else.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ...kinds import Kind
from ...kinds.operation import Operation
from ..graph import Graph, Node
from .moved import made

Match = tuple[Kind, tuple[str, ...], list[str]]
"""A kind, the layers that it takes, and the layers that it stands for beside the one where it is found."""


def recognised(graph: Graph, arrays: dict[str, Any]) -> Graph:
    """The network with the layers that it was made of.

    Args:
        graph: as the file's operators say it.
        arrays: the weights by their full names; renamed along.
    """
    found = _Rewriting(graph, arrays)
    for node in graph.nodes:
        if node.name in found.nodes:
            found.at(node.name)
    if not found.changed:
        return graph
    return Graph(graph.name, found.nodes.values(), graph.outputs, graph.inputs)


class _Rewriting:
    def __init__(self, graph: Graph, arrays: dict[str, Any]) -> None:
        self.nodes = {node.name: node for node in graph.nodes}
        self.shapes, self.arrays, self.changed = graph.shapes, arrays, False
        self.outputs = set(graph.outputs)
        self.users: dict[str, int] = {}
        self.shared = {node.owner for node in graph.nodes if node.owner != node.name}
        for node in graph.nodes:
            for source in node.inputs:
                self.users[source] = self.users.get(source, 0) + 1

    def at(self, name: str) -> None:
        """Look for every pattern that can end at a layer."""
        if self._scaled(name):
            return
        for rule in _RULES:
            match = rule(self, self.nodes[name])
            if match is None:
                continue
            kind, sources, inside = match
            inside = list(dict.fromkeys(inside))
            own = {*inside, name}
            used = dict.fromkeys(inside, 0)
            for each in own:
                for source in self.nodes[each].inputs:
                    if source in used:
                        used[source] += 1
            if any(self.users[each] != used[each] or each in self.outputs for each in inside):
                continue
            self._replace(name, kind, sources, inside)
            return

    def _replace(self, name: str, kind: Kind, sources: tuple[str, ...], inside: list[str]) -> None:
        for each in (*inside, name):
            for source in self.nodes[each].inputs:
                self.users[source] -= 1
        for each in inside:
            del self.nodes[each]
        for source in sources:
            self.users[source] = self.users.get(source, 0) + 1
        self.nodes[name] = replace(self.nodes[name], kind=kind, inputs=sources)
        self.changed = True

    def node(self, name: str) -> Node | None:
        """A layer that is still there and computes."""
        found = self.nodes.get(name)
        return found if found is not None and found.inputs else None

    def _scaled(self, name: str) -> bool:
        """Factors and offsets that belong to the layer before them."""
        node = self.nodes[name]
        if node.kind_name != "Scale" or name in self.shared or node.owner != name:
            return False
        (before,) = node.inputs
        owner = self.nodes[before]
        if self.users[before] != 1 or before in self.outputs or before in self.shared or not owner.inputs:
            return False
        if owner.owner != before:
            return False
        kind = _with_scale(owner, node.kind, self.shapes[before])
        if kind is None:
            return False
        renamed = {"gamma": "gamma", "beta": "bias" if hasattr(kind, "use_bias") else "beta"}
        for old, new in renamed.items():
            if f"{name}/{old}" in self.arrays:
                self.arrays[f"{before}/{new}"] = self.arrays.pop(f"{name}/{old}")
        for key in [key for key in self.arrays if key.rpartition("/")[0] == before]:
            self.arrays[f"{name}/{key.rpartition('/')[2]}"] = self.arrays.pop(key)
        self._replace(name, kind, owner.inputs, [before])
        return True


def _with_scale(owner: Node, scale: Any, shape: Any) -> Kind | None:
    """The layer with the factors and offsets behind it; None where they are not its own."""
    kind: Any = owner.kind
    channels = scale.sizes == shape[-1:]
    if owner.kind_name in ("Conv2D", "DepthwiseConv2D", "Conv2DTranspose", "Dense"):
        plain = not kind.use_bias and kind.activation in (None, "linear")
        return replace(kind, use_bias=True) if plain and channels and not scale.scale else None
    if owner.kind_name == "GroupNormalization" or (
        owner.kind_name == "LayerNormalization" and kind.axis == -1
    ):
        fits = channels and not kind.center and not (kind.scale and scale.scale)
        return replace(kind, scale=kind.scale or scale.scale, center=scale.center) if fits else None
    if owner.kind_name == "LayerNormalization":
        fits = (
            scale.sizes == shape[-len(kind.axis) :] and not kind.center and not (kind.scale and scale.scale)
        )
        return replace(kind, scale=kind.scale or scale.scale, center=scale.center) if fits else None
    if owner.kind_name == "Scale":
        fits = kind.sizes == scale.sizes and not kind.center and not scale.scale
        return replace(kind, center=True) if fits else None
    return None


def _with_number(node: Node | None, *functions: str) -> tuple[str, float] | None:
    """The layer before, and the number of a function with it: x + 3, 3 + x, x / 6."""
    kind = None if node is None else node.kind
    if node is None or not isinstance(kind, Operation) or kind.function not in functions or not kind.call:
        return None
    args = json.loads(kind.call).get("args", [])
    if len(args) != 2 or len(node.inputs) != 1:
        return None
    numbers = [item for item in args if isinstance(item, int | float)]
    turned = isinstance(args[0], int | float) and kind.function in ("numpy.TrueDivide", "numpy.Power")
    return (node.inputs[0], float(numbers[0])) if len(numbers) == 1 and not turned else None


def _is(node: Node | None, name: str, **settings: Any) -> bool:
    return (
        node is not None
        and node.kind_name == name
        and all(getattr(node.kind, key) == value for key, value in settings.items())
    )


def _near(found: float, wanted: float) -> bool:
    return math.isclose(found, wanted, rel_tol=1e-4)


_GATES = {"sigmoid": "silu", "hard_sigmoid": "hard_silu"}


def _gated(all_: _Rewriting, end: Node) -> Match | None:
    """x times a function of x: swish, hard-swish, mish."""
    if end.kind_name != "Multiply" or len(end.inputs) != 2:
        return None
    for x, name in (end.inputs, end.inputs[::-1]):
        gate = all_.node(name)
        if gate is None or gate.kind_name != "Activation":
            continue
        function = getattr(gate.kind, "activation", "")
        if function in _GATES and gate.inputs == (x,):
            return made("Activation", _GATES[function]), (x,), [name]
        before = all_.node(gate.inputs[0])
        if function == "tanh" and _is(before, "Activation", activation="softplus") and before.inputs == (x,):  # type: ignore[union-attr]
            return made("Activation", "mish"), (x,), [name, gate.inputs[0]]
    return None


def _sixth(all_: _Rewriting, end: Node) -> Match | None:
    """(x + 3, cut to 0 to 6) / 6: a hard sigmoid; times x before or behind: hard-swish."""
    divided = _with_number(end, "numpy.TrueDivide")
    times = _with_number(end, "numpy.Multiply")
    if divided is not None and _near(divided[1], 6):
        name = divided[0]
    elif times is not None and _near(times[1], 1 / 6):
        name = times[0]
    else:
        return None
    cut = all_.node(name)
    inside, x = [name], None
    if cut is not None and cut.kind_name == "Multiply" and len(cut.inputs) == 2:
        for one, other in (cut.inputs, cut.inputs[::-1]):
            if _is(all_.node(other), "ReLU", max_value=6.0):
                cut, inside, x = all_.node(other), [name, other], one
                break
    if not _is(cut, "ReLU", max_value=6.0):
        return None
    assert cut is not None
    three = _with_number(all_.node(cut.inputs[0]), "numpy.Add")
    if three is None or not _near(three[1], 3) or (x is not None and three[0] != x):
        return None
    kind = made("Activation", "hard_sigmoid" if x is None else "hard_silu")
    return kind, (three[0],), [*inside, cut.inputs[0]]


def _gelu(all_: _Rewriting, end: Node) -> Match | None:
    """x × (1 + erf(x / √2)) / 2, the half at any place."""
    inside: list[str] = []
    half = False
    scaled = _with_number(end, "numpy.Multiply")
    product: Node | None = end
    if scaled is not None and _near(scaled[1], 0.5):
        product, half = all_.node(scaled[0]), True
        inside.append(scaled[0])
    if product is None or product.kind_name != "Multiply" or len(product.inputs) != 2:
        return None
    for x, gate in (product.inputs, product.inputs[::-1]):
        more = [gate]
        halved = _with_number(all_.node(x), "numpy.Multiply")
        if not half and halved is not None and _near(halved[1], 0.5):
            more.append(x)
            x = halved[0]
        elif not half:
            continue
        one = _with_number(all_.node(gate), "numpy.Add")
        error = all_.node(one[0]) if one is not None and _near(one[1], 1) else None
        if error is None or one is None or getattr(error.kind, "function", "") != "math.Erf":
            continue
        root = error.inputs[0]
        by = _with_number(all_.node(root), "numpy.TrueDivide")
        times = _with_number(all_.node(root), "numpy.Multiply")
        if (
            (by == (x, by[1]) and _near(by[1], 2**0.5))
            if by is not None
            else (times is not None and times[0] == x and _near(times[1], 0.5**0.5))
        ):
            return made("Activation", "gelu"), (x,), [*inside, *more, one[0], root]
    return None


def _mean_over(all_: _Rewriting, name: str) -> tuple[str, list[int]] | None:
    """What a mean is taken of, and its axes, where they are the last ones."""
    node = all_.node(name)
    kind = None if node is None else node.kind
    if node is None or not isinstance(kind, Operation) or kind.function != "numpy.Mean":
        return None
    axes, rank = kind.options.get("axis"), len(all_.shapes[node.inputs[0]])
    last = isinstance(axes, list) and axes == list(range(rank + 1 - len(axes), rank + 1))
    return (node.inputs[0], list(axes or ())) if last and kind.options.get("keepdims") else None


def _layer_norm(all_: _Rewriting, end: Node) -> Match | None:
    """(x - mean) / √(mean of squares + epsilon), over the last axes."""
    if getattr(end.kind, "function", "") != "numpy.TrueDivide" or len(end.inputs) != 2:
        return None
    less, root = end.inputs
    difference, square_root = all_.node(less), all_.node(root)
    if (
        not _is(difference, "Subtract")
        or getattr(square_root and square_root.kind, "function", "") != "numpy.Sqrt"
    ):
        return None
    assert difference is not None
    assert square_root is not None
    x, mean = difference.inputs
    added = _with_number(all_.node(square_root.inputs[0]), "numpy.Add")
    middle = _mean_over(all_, mean)
    variance = None if added is None else _mean_over(all_, added[0])
    if middle is None or variance is None or added is None or middle[0] != x or middle[1] != variance[1]:
        return None
    squares = all_.node(variance[0])
    power = _with_number(squares, "numpy.Power")
    twice = squares is not None and squares.kind_name == "Multiply" and squares.inputs == (less, less)
    if not twice and power != (less, 2.0):
        return None
    count = len(middle[1])
    sizes = all_.shapes[x][-count:]
    if None in sizes:
        return None
    axis = -1 if count == 1 else tuple(range(-count, 0))
    kind = made("LayerNormalization", axis=axis, epsilon=added[1], scale=False, center=False)
    return kind, (x,), [less, root, mean, square_root.inputs[0], added[0], variance[0]]


_RULES: tuple[Callable[[_Rewriting, Node], Match | None], ...] = (_gated, _sixth, _gelu, _layer_norm)
