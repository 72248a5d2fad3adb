"""A network with weights to start from: its trunk for any images, its cuts, where it comes from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ..errors import BadInput, BadName
from ..graph import Graph, Node
from ..graph.head import with_classes
from ..kinds.concatenate import Concatenate
from ..kinds.conv2d import Conv2D
from ..kinds.rescaling import Rescaling
from .cuts import Cut, ancestors, padded, upto, with_input

if TYPE_CHECKING:
    import numpy as np

    Weights = Mapping[str, np.ndarray]

LARGEST = 1024
"""Pixels of a side up to which the smallest possible one is looked for."""


@dataclass(frozen=True, eq=False)
class Source:
    """Weights to start from, with the network that they belong to.

    Args:
        name: what it is called: a name of the table, or the path of the user's own.
        network: the whole network, from raw pixels (0 to 255; the scaling is a layer of its own) on.
        weights: full name -> float32 array in Keras's layout, of the trunk.
        classifier: the same of what lies behind the trunk; empty where that is not known.
        cuts: where the network may end, in order; the last one ends the trunk.
        licence: of the weights, such as "Apache-2.0"; "unknown" where nothing says it.
        commercial: False where the licence forbids commercial use.
        origin: who made the weights, and where they are found.
        sha256: of the file that they were read from, 64 hex digits.
        top1: published accuracy in per cent on ImageNet; None where there is none.
        classes: names of the classes that the classifier tells apart; empty where not known.
        pads_odd_sides: whether strided layers pad odd sides by one pixel more before, as Keras's
            applications do.

    Example:
        >>> from convsmith.pretrained import open_source
        >>> source = open_source("efficientnet_lite0")                                     # doctest: +SKIP
        >>> source.trunk((96, 96, 3), cut="block6").trainable_params                       # doctest: +SKIP
        87584
    """

    name: str
    network: Graph
    weights: Weights
    classifier: Weights
    cuts: tuple[Cut, ...]
    licence: str
    commercial: bool
    origin: str
    sha256: str
    top1: float | None = None
    classes: tuple[str, ...] = ()
    pads_odd_sides: bool = False

    @property
    def graph(self) -> Graph:
        """The trunk at the network's own size: from raw pixels to the last feature map."""
        return self.trunk()

    def cut(self, name: str) -> Cut:
        """The cut of this name, or of this node.

        Raises:
            BadName: where there is none.
        """
        for cut in self.cuts:
            if name in (cut.name, cut.node):
                return cut
        raise BadName(f"cut of '{self.name}'", name, [cut.name for cut in self.cuts])

    def trunk(self, input_shape: Sequence[int | None] | None = None, cut: str | None = None) -> Graph:
        """The network from raw pixels to a feature map.

        Args:
            input_shape: rows, columns, channels (rows and columns may be None, free); its own without it.
                Grey images (1 channel) are taken by a network for colours: see `weights_for`.
            cut: the block that it ends with, by name or last node; the last one without it.

        Returns:
            The Graph; its nodes are called as in `network`, and nothing in it is frozen.

        Raises:
            BadName: for a cut that there is not.
            BadInput: for other channels, or images that are too small.
        """
        end = self.cuts[-1] if cut is None else self.cut(cut)
        name = self.network.name if cut is None else f"{self.network.name}_{end.name}"
        graph = upto(self.network, end.node, name)
        graph = Graph(
            name, [replace(node, trainable=True) for node in graph.nodes], graph.outputs, graph.inputs
        )
        return graph if input_shape is None else self._for_images(graph, tuple(input_shape))

    def classified(self, input_shape: Sequence[int], classes: int) -> Graph:
        """The whole network for other images and classes: the trunk, and its own head with other units.

        Args:
            input_shape: rows, columns, channels, as `trunk` takes them.
            classes: how many.

        Raises:
            BadInput: for images that the trunk does not take.
        """
        trunk = self.trunk(input_shape)
        known = {node.name for node in self.network.nodes} - ancestors(self.network, trunk.outputs[0])
        tail = [node for node in self.network.nodes if node.name in known]
        whole = Graph(self.network.name, [*trunk.nodes, *tail], self.network.outputs, trunk.inputs)
        return with_classes(whole, classes)

    def weights_for(self, graph: Graph) -> dict[str, np.ndarray]:
        """Those of the source's weights that a network made from it takes.

        For grey images the first kernel is the sum of its three channels', which gives what the source gives
        for the same image in three equal channels.

        Args:
            graph: the trunk, a part of it, or one with more behind it; nodes are matched by name.

        Returns:
            Full name -> float32 array, for every weight of `graph` that the source has.

        Raises:
            BadInput: where a weight has another shape there.
        """
        found = {}
        for name, weight in graph.weights.items():
            array = self.weights.get(name)
            if array is None:
                continue
            if tuple(array.shape) != tuple(weight.shape):
                if array.ndim == 4 and weight.shape == (*array.shape[:2], 1, array.shape[3]):
                    array = array.sum(axis=2, keepdims=True)
                else:
                    raise BadInput(
                        f"--pretrained {self.name}", f"holds {tuple(array.shape)} for '{name}'",
                        f"{tuple(weight.shape)}, as network '{graph.name}' has it",
                    )  # fmt: skip
            found[name] = array
        return found

    def record(self) -> dict[str, Any]:
        """What a run writes down of where its weights come from."""
        return {
            "name": self.name,
            "network": self.network.name,
            "licence": self.licence,
            "commercial": self.commercial,
            "origin": self.origin,
            "sha256": self.sha256,
        }

    def _for_images(self, graph: Graph, shape: tuple[int | None, ...]) -> Graph:
        wanted = graph.input_shape[-1]
        if len(shape) != 3 or shape[2] not in (wanted, 1):
            came = f"images of {shape[2]} channels" if len(shape) == 3 else f"the shape {shape}"
            rows, columns = (size or 96 for size in (*shape[:2], 96, 96)[:2])
            raise BadInput(
                f"--pretrained {self.name}", f"got {came}", f"{wanted} channels, as it was trained with",
                f"--size {rows}x{columns}x{wanted}",
            )  # fmt: skip
        if shape[2] != wanted and not _sums(graph):
            graph = _repeated(graph, int(wanted or 3))
        try:
            return self._at(graph, shape)
        except BadInput as error:
            side = self._smallest(graph, shape[2])
            if side is None:
                raise
            raise BadInput(
                f"--pretrained {self.name}", f"takes no images of {shape[0]}x{shape[1]} ({error.came})",
                f"at least {side}x{side}", f"--size {side}x{side}",
            ) from None  # fmt: skip

    def _at(self, graph: Graph, shape: tuple[int | None, ...]) -> Graph:
        return padded(graph, shape) if self.pads_odd_sides else with_input(graph, shape)

    def _smallest(self, graph: Graph, channels: int | None) -> int | None:
        """The smallest side of a square image that the network takes."""
        low, high = 0, LARGEST
        while high - low > 1:
            side = (low + high) // 2
            try:
                self._at(graph, (side, side, channels))
                high = side
            except BadInput:
                low = side
        return high if high < LARGEST else None


def _sums(graph: Graph) -> bool:
    """Whether all channels are scaled alike before the first convolution: its kernel may be summed."""
    (start,) = graph.inputs
    name = start
    while len(takers := graph.consumers(name)) == 1:
        (node,) = takers
        if isinstance(node.kind, Conv2D):
            return node.kind.groups == 1 and len(graph.uses[node.owner]) == 1
        plain = isinstance(node.kind, Rescaling) and not any(
            isinstance(value, tuple) for value in (node.kind.scale, node.kind.offset)
        )
        if not plain and node.kind_name != "ZeroPadding2D":
            return False
        name = node.name
    return False


def _repeated(graph: Graph, times: int) -> Graph:
    """The network with its one channel put side by side as often as the first layer wants."""
    (start,) = graph.inputs
    nodes: list[Node] = []
    for node in graph.nodes:
        inputs = tuple("colours" if source == start else source for source in node.inputs)
        nodes.append(replace(node, inputs=inputs))
        if node.name == start:
            nodes[-1] = replace(node, kind=replace(node.kind, shape_=(*graph.shapes[start][:2], 1)))  # type: ignore[call-arg]
            nodes.append(Node("colours", Concatenate(), (start,) * times))
    return Graph(graph.name, nodes, graph.outputs, graph.inputs)
