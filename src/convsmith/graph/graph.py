"""The Graph: a network as data. Nodes with kind, settings and inputs; frozen, checked, without weights."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ..errors import BadInput, BadName
from ..kinds import GIVE_SIZES, KINDS, Kind, Shape, ShapeError, Weight, frozen, of_layer
from ..kinds.activation import activated
from .order import topological

FORMAT = 1
MAX_NUMBERS = 2**40


@dataclass(frozen=True)
class Node:
    """One use of one layer.

    Args:
        name: unique in the Graph.
        kind: the kind of layer with its settings.
        inputs: names of the nodes whose outputs it takes, in order.
        owner: the node whose weights it uses; its own name unless the layer is shared.
        trainable: False where its weights are frozen.
        dtype: the type of its numbers, or Keras's policy by name.
        rest: what Keras's configuration says beyond the kind's settings, as canonical JSON.
    """

    name: str
    kind: Kind
    inputs: tuple[str, ...] = ()
    owner: str = ""
    trainable: bool = True
    dtype: str = "float32"
    rest: str = ""

    def __post_init__(self) -> None:
        if not self.owner:
            object.__setattr__(self, "owner", self.name)

    @property
    def kind_name(self) -> str:
        """Keras's name of the kind of layer."""
        return type(self.kind).__name__


class Graph:
    """A network as data: nodes in an order in which each comes after its inputs.

    Args:
        name: the network's name.
        nodes: every node; put into topological order.
        outputs: names of the output nodes; without them, every node that no other takes.
        inputs: names of the input nodes in order; without them, every InputLayer in order.

    Raises:
        BadInput: for a repeated name, an unknown input, a cycle, or shapes that do not fit, by layer.

    Example:
        >>> from convsmith.graph import notation as keras
        >>> x = inputs = keras.Input((32, 32, 3))
        >>> x = keras.layers.Conv2D(10, 3)(x)
        >>> graph = keras.Model(inputs, x, name="tiny")
        >>> graph.params, graph.shapes["conv2d"]
        (280, (30, 30, 10))
    """

    def __init__(
        self,
        name: str,
        nodes: Iterable[Node],
        outputs: Iterable[str] = (),
        inputs: Iterable[str] = (),
    ) -> None:
        self.name = name
        self.nodes = _ordered(tuple(nodes))
        self._index = {node.name: node for node in self.nodes}
        taken = {source for node in self.nodes for source in node.inputs}
        self.outputs = tuple(outputs) or tuple(node.name for node in self.nodes if node.name not in taken)
        self.inputs = tuple(inputs) or tuple(
            node.name for node in self.nodes if node.kind_name == "InputLayer"
        )
        for wanted in (*self.outputs, *self.inputs):
            if wanted not in self._index:
                raise BadName(f"network '{name}'", wanted, self._index)
        self.shapes = self._infer()

    def _infer(self) -> dict[str, Shape]:
        shapes: dict[str, Shape] = {}
        for node in self.nodes:
            try:
                shape = node.kind.shape(*[shapes[source] for source in node.inputs])
                if getattr(node.kind, "activation", None) == "glu":
                    shape = activated(shape, "glu")
            except BadInput as error:
                raise of_layer(error, node.name, node.kind) from None
            except IndexError:
                raise ShapeError(
                    "has no input",
                    "a layer before it",
                    "connect it",
                    where=f"layer {node.name} ({node.kind_name})",
                ) from None
            total = 1
            for item in shape:
                if item is not None:
                    if type(item) is not int or item < 1:
                        raise BadInput(
                            f"layer {node.name} ({node.kind_name})",
                            f"output shape {shape}",
                            "whole numbers of at least 1",
                        )
                    total *= item
            if total > MAX_NUMBERS:
                raise BadInput(
                    f"layer {node.name} ({node.kind_name})", f"output shape {shape}", "less than 2^40 numbers"
                )
            shapes[node.name] = shape
        return shapes

    def __getitem__(self, name: str) -> Node:
        try:
            return self._index[name]
        except KeyError:
            raise BadName(f"layer of network '{self.name}'", name, self._index) from None

    def __contains__(self, name: object) -> bool:
        return name in self._index

    def __len__(self) -> int:
        return len(self.nodes)

    def __repr__(self) -> str:
        more = " known" if self.unknown else ""
        return f"Graph({self.name!r}, {len(self.nodes)} nodes, {self.known_params:,}{more} parameters)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Graph) and self.to_json() == other.to_json()

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    def input_shapes(self, node: Node) -> tuple[Shape, ...]:
        """The shapes that the node takes, in order."""
        return tuple(self.shapes[source] for source in node.inputs)

    @property
    def input_shape(self) -> Shape:
        """The shape of the only input, or of the first."""
        if not self.inputs:
            raise BadInput(f"network '{self.name}'", "has no input", "an InputLayer", GIVE_SIZES)
        return self.shapes[self.inputs[0]]

    @property
    def output_shape(self) -> Shape:
        """The shape of the only output, or of the first."""
        return self.shapes[self.outputs[0]]

    @cached_property
    def weights(self) -> dict[str, Weight]:
        """Every array of the network by its full name (owner/name), each once, in the order of the nodes."""
        found = {}
        for node in self.nodes:
            if node.owner == node.name:
                for weight in node.kind.weights(*self.input_shapes(node)):
                    found[f"{node.name}/{weight.name}"] = weight
        return found

    @cached_property
    def unknown(self) -> tuple[str, ...]:
        """Names of the layers whose weights are not known (Lambda, layers of one's own)."""
        return tuple(node.name for node in self.nodes if not node.kind.counted)

    @property
    def params(self) -> int | None:
        """Numbers that the network holds, batch-norm statistics included; None where a layer is unknown."""
        return None if self.unknown else self.known_params

    @cached_property
    def known_params(self) -> int:
        """Numbers that the layers hold whose weights are known."""
        return sum(weight.size for weight in self.weights.values())

    @property
    def trainable_params(self) -> int | None:
        """Numbers that training changes; None where a layer is unknown."""
        if self.unknown:
            return None
        return sum(
            weight.size
            for name, weight in self.weights.items()
            if weight.trainable and self._index[name.rsplit("/", 1)[0]].trainable
        )

    @cached_property
    def macs(self) -> int | None:
        """Multiply-adds of one image; None where a layer's are not known."""
        total = 0
        for node in self.nodes:
            found = node.kind.macs(*self.input_shapes(node))
            if found is None:
                return None
            total += found
        return total

    def consumers(self, name: str) -> tuple[Node, ...]:
        """The nodes that take this node's output."""
        return self._takers.get(name, ())

    @cached_property
    def uses(self) -> dict[str, tuple[str, ...]]:
        """For each node that owns weights, every node that uses them, itself first."""
        found: dict[str, list[str]] = {}
        for node in self.nodes:
            found.setdefault(node.owner, []).append(node.name)
        return {owner: tuple(sorted(names, key=lambda name: name != owner)) for owner, names in found.items()}

    @cached_property
    def _takers(self) -> dict[str, tuple[Node, ...]]:
        found: dict[str, list[Node]] = {}
        for node in self.nodes:
            for source in dict.fromkeys(node.inputs):
                found.setdefault(source, []).append(node)
        return {name: tuple(nodes) for name, nodes in found.items()}

    @cached_property
    def fingerprint(self) -> str:
        """A hash of what the network is, whatever its layers are called."""
        order = topological({name: self._index[name].inputs for name in self._from_outputs()})
        place = {name: index for index, name in enumerate(order)}
        owners: dict[str, int] = {}
        what: list[list[Any]] = []
        for name in order:
            node = self._index[name]
            what.append(
                [
                    node.kind_name,
                    node.kind.settings(),
                    [place[source] for source in node.inputs],
                    owners.setdefault(node.owner, place[name]),
                    node.trainable,
                    node.dtype,
                    node.rest,
                ]
            )
        ends = [[place[name] for name in self.inputs], [place[name] for name in self.outputs]]
        return hashlib.sha256(json.dumps([what, ends], sort_keys=True).encode()).hexdigest()

    def _from_outputs(self) -> list[str]:
        """Every node, each output's sources before the next output's: an order that names do not change."""
        seen: dict[str, None] = {}
        for end in self.outputs:
            stack = [end]
            while stack:
                name = stack.pop()
                if name not in seen:
                    seen[name] = None
                    stack.extend(reversed(self._index[name].inputs))
        seen.update(dict.fromkeys(node.name for node in self.nodes))
        return list(seen)

    def to_json(self) -> dict[str, Any]:
        """The Graph as a JSON-able dictionary; `from_json` gives it back."""
        nodes = []
        for node in self.nodes:
            entry: dict[str, Any] = {
                "name": node.name,
                "kind": node.kind_name,
                "settings": node.kind.settings(),
            }
            if node.inputs:
                entry["inputs"] = list(node.inputs)
            if node.owner != node.name:
                entry["owner"] = node.owner
            if not node.trainable:
                entry["trainable"] = False
            if node.dtype != "float32":
                entry["dtype"] = node.dtype
            if node.rest:
                entry["rest"] = node.rest
            nodes.append(entry)
        return {
            "format": FORMAT,
            "name": self.name,
            "inputs": list(self.inputs),
            "outputs": list(self.outputs),
            "nodes": nodes,
        }

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Graph:
        """The Graph that `to_json` wrote.

        Raises:
            BadInput: for another format or missing parts.
        """
        if found.get("format") != FORMAT:
            raise BadInput(
                "graph",
                f"format {found.get('format')!r}",
                f"format {FORMAT}",
                "the version of convsmith that wrote it",
            )
        try:
            nodes = [_node(entry) for entry in found["nodes"]]
            return cls(found["name"], nodes, found["outputs"], found["inputs"])
        except (KeyError, TypeError, AttributeError) as error:
            raise BadInput(
                "graph", f"a malformed entry ({error})", "what convsmith writes as graph.json"
            ) from None


def _node(entry: Mapping[str, Any]) -> Node:
    texts = {"name": entry["name"], "owner": "", "dtype": "float32", "rest": ""}
    texts |= {key: entry[key] for key in texts if key in entry}
    inputs, trainable = tuple(entry.get("inputs", ())), entry.get("trainable", True)
    for value in (*texts.values(), *inputs):
        if not isinstance(value, str):
            raise TypeError(f"{value!r} is not text")
    if not isinstance(trainable, bool):
        raise TypeError(f"trainable is {trainable!r}")
    return Node(kind=_kind(entry), inputs=inputs, trainable=trainable, **texts)


def _kind(entry: Mapping[str, Any]) -> Kind:
    settings = {key: frozen(value) for key, value in entry["settings"].items()}
    try:
        return KINDS[entry["kind"]](**settings).checked()
    except BadName:
        raise
    except BadInput as error:
        where = f"layer {entry['name']} ({entry['kind']}), {error.where}"
        raise BadInput(where, error.came, error.expected, error.hint) from None


def _ordered(nodes: tuple[Node, ...]) -> tuple[Node, ...]:
    """The nodes in topological order; the given order is kept where it already is one."""
    index: dict[str, Node] = {}
    for node in nodes:
        if node.name in index:
            raise BadInput(f"layer {node.name}", "appears twice", "a unique name for each layer")
        index[node.name] = node
    done: set[str] = set()
    for node in nodes:
        if not done.issuperset(node.inputs):
            break
        done.add(node.name)
    else:
        return nodes
    return tuple(index[name] for name in topological({node.name: node.inputs for node in nodes}))
