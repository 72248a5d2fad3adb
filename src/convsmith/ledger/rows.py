"""The ledger's rows: one for each layer, every figure with the formula that it came from."""

from __future__ import annotations

from typing import Any, NamedTuple

from ..graph import Graph, Node
from ..graph.picture.label import labelled
from ..kinds import Formula, Shape, size
from .memory import BYTES
from .receptive import Field, fields, supposed


class Row(NamedTuple):
    """What one layer costs, for one image. None is "unknown", never 0.

    Args:
        node: the layer.
        input_shapes: what it takes, without the batch, channels last.
        output_shape: what it gives.
        activation_size: numbers in the output.
        params: numbers that it owns (0 where another layer owns them).
        trainable_params: those that training changes by gradient.
        statistics: those that are kept statistics (a batch norm's mean and variance).
        macs: multiply-adds of convolutions and dense layers, bias not counted.
        receptive_field: pixels of the image that one output depends on.
    """

    node: Node
    input_shapes: tuple[Shape, ...]
    output_shape: Shape
    activation_size: int | None
    params: int | None
    trainable_params: int | None
    statistics: int | None
    macs: int | None
    receptive_field: Field

    @property
    def name(self) -> str:
        """The layer's name."""
        return self.node.name

    @property
    def kind(self) -> str:
        """Keras's name of the kind of layer."""
        return getattr(self.node.kind, "keras_class", None) or self.node.kind_name

    @property
    def label(self) -> str:
        """The kind with the settings that matter to a reader, as in Keras: ``Conv2D(6, 5)``."""
        return labelled(self.node)

    @property
    def weight_bytes(self) -> int | None:
        """Bytes of the weights at float32."""
        return None if self.params is None else BYTES["float32"] * self.params

    @property
    def intensity(self) -> float | None:
        """FLOP (two for a multiply-add) per byte, when inputs, weights and output move once at float32."""
        sizes = [size(shape) for shape in self.input_shapes]
        if None in sizes or self.activation_size is None or self.params is None or self.macs is None:
            return None
        moved = 4 * (sum(item or 0 for item in sizes) + self.activation_size + self.params)
        return 2 * self.macs / moved if moved else 0.0

    @property
    def formula(self) -> Formula:
        """How shape, parameters and MACs come about, numbers filled in, results after the equals sign."""
        if not self.node.inputs or is_unknown(self.node):
            return Formula()
        found = self.node.kind.formula(*(supposed(shape) for shape in self.input_shapes))
        if any(None in shape for shape in self.input_shapes):
            found = Formula(params=found.params)
        params = f"{found.params} = {self.params:,}" if found.params and self.params else ""
        if self.node.owner != self.node.name:
            params = f"weights of {self.node.owner}"
        macs = f"{found.macs} = {self.macs:,}" if found.macs and self.macs else ""
        return Formula(found.shape, params, macs)

    @property
    def size_formula(self) -> str:
        """The activation size as a product, e.g. ``28×28×6 = 4,704``."""
        if self.activation_size is None or len(self.output_shape) < 2:
            return ""
        return "×".join(str(item) for item in self.output_shape) + f" = {self.activation_size:,}"

    def to_json(self) -> dict[str, Any]:
        """The row as ``docs/ledger-json.md`` describes it."""
        formula = self.formula
        return {
            "name": self.name,
            "kind": self.kind,
            "inputs": list(self.node.inputs),
            "owner": self.node.owner,
            "output_shape": list(self.output_shape),
            "activation_size": self.activation_size,
            "params": self.params,
            "trainable_params": self.trainable_params,
            "statistics": self.statistics,
            "macs": self.macs,
            "weight_bytes": self.weight_bytes,
            "receptive_field": self.receptive_field.to_json(),
            "intensity": None if self.intensity is None else round(self.intensity, 3),
            "formulas": {
                "output_shape": formula.shape,
                "activation_size": self.size_formula,
                "params": formula.params,
                "macs": formula.macs,
            },
        }


def is_unknown(node: Node) -> bool:
    """Whether nobody has taught convsmith this layer, so that its figures are not known."""
    return not node.kind.counted


def rows(graph: Graph) -> tuple[Row, ...]:
    """One row for each layer, in the Graph's order; time linear in the number of layers.

    Example:
        >>> from convsmith.graph import notation as keras
        >>> x = inputs = keras.Input((32, 32, 3))
        >>> graph = keras.Model(inputs, keras.layers.Conv2D(10, 3)(x))
        >>> rows(graph)[1].formula.params
        '(3×3×3 + 1)×10 = 280'
    """
    reach = fields(graph)
    shapes = graph.shapes
    found = []
    for node in graph.nodes:
        taken = tuple(shapes[source] for source in node.inputs)
        shape = shapes[node.name]
        params: int | None = 0
        trainable: int | None = 0
        statistics: int | None = 0
        if is_unknown(node):
            params = trainable = statistics = None
        elif node.owner == node.name:
            weights = node.kind.weights(*taken)
            params = sum(weight.size for weight in weights)
            learned = sum(weight.size for weight in weights if weight.trainable)
            statistics = params - learned
            trainable = learned if node.trainable else 0
        macs = node.kind.macs(*taken)
        found.append(
            Row(node, taken, shape, size(shape), params, trainable, statistics, macs, reach[node.name])
        )
    return tuple(found)
