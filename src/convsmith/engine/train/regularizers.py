"""Penalties on weights and outputs, as Keras defines them: L1, L2 and both."""

from __future__ import annotations

from torch import Tensor, nn

from ...errors import BadInput
from ...graph import Graph
from ...kinds import Kind
from ...kinds.origin import own_parts
from ..lower import Lowered, PenalisedStep
from ..weights import tensors
from .penalties import activity_factors, factors


class Penalty:
    """The sum of all penalties of a network, on weights and on layers' outputs: l1 × Σ|w| + l2 × Σw² of each.

    Those on outputs are of the images that the network saw last, each image's own on average.

    Args:
        module: a lowered network; frozen weights have no penalty, as in Keras.

    Raises:
        BadInput: a regularizer that is not known here, by layer.
    """

    def __init__(self, module: Lowered) -> None:
        for node in module.graph.nodes:
            activity_factors(node.kind, f"layer {node.name}")
        self.outputs = [step for step in module.steps_by_name.values() if isinstance(step, PenalisedStep)]
        self.terms: list[tuple[Tensor, float, float]] = []
        for name, tensor, _, _ in tensors(module):
            owner, _, weight = name.rpartition("/")
            given = setting_of(module.graph[owner].kind, weight, "regularizer")
            if given is not None and isinstance(tensor, nn.Parameter) and tensor.requires_grad:
                self.terms.append((tensor, *factors(given, f"layer {owner}")))

    def __bool__(self) -> bool:
        """Whether there is anything to penalise."""
        return bool(self.terms or self.outputs)

    def __call__(self) -> Tensor | float:
        """The penalty as it is now; what outputs gave is counted once."""
        return self.of_weights() + self.of_outputs()

    def of_weights(self) -> Tensor | float:
        """The part that changes with the weights alone."""
        total: Tensor | float = 0.0
        for tensor, l1, l2 in self.terms:
            if l1:
                total = total + l1 * tensor.abs().sum()
            if l2:
                total = total + l2 * tensor.square().sum()
        return total

    def of_outputs(self) -> Tensor | float:
        """The part of the images that were seen last; nothing until others are seen."""
        total: Tensor | float = 0.0
        for step in self.outputs:
            if step.spent is not None:
                total, step.spent = total + step.spent, None
        return total


def check_own(graph: Graph) -> None:
    """Refuse a network with regularizers or constraints that are not Keras's own, by layer.

    Raises:
        BadInput: for the first.
    """
    for node in graph.nodes:
        for setting, what in own_parts(node.kind.settings(), ("regularizer", "constraint")).items():
            raise BadInput(
                f"layer {node.name}, {setting}", f"got {what} of the program's own, which is not run here",
                "one of Keras's", "model.fit of Keras itself",
            )  # fmt: skip


def setting_of(kind: Kind, weight: str, sort: str) -> str | None:
    """The regularizer or constraint of a weight: Keras names a depthwise kernel's after its first word.

    Args:
        sort: "regularizer" or "constraint".
    """
    kind = getattr(kind, "inner", kind)
    names = [weight, weight.removesuffix("_kernel")]
    if weight == "kernel":
        names.append("depthwise")
    names.append(weight.rpartition("_")[2])  # an attention's "query_kernel" has the kernels' own
    return next((found for name in names if (found := getattr(kind, f"{name}_{sort}", None))), None)
