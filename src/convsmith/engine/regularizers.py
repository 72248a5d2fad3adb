"""Penalties on weights, as Keras defines them: L1, L2 and both."""

from __future__ import annotations

import json

from torch import Tensor, nn

from ..errors import BadInput
from ..graph import Graph
from ..kinds import Kind
from ..kinds.origin import is_keras, own_parts, title
from .lower import Lowered
from .weights import tensors

DEFAULT = 0.01
"""Keras's factor where only the name is given."""


class Penalty:
    """The sum of all penalties of a network: for each regularized weight l1 × Σ|w| + l2 × Σw².

    Args:
        module: a lowered network; frozen weights have no penalty, as in Keras.

    Raises:
        BadInput: a regularizer that is not known here, by layer.
    """

    def __init__(self, module: Lowered) -> None:
        self.terms: list[tuple[Tensor, float, float]] = []
        for name, tensor, _, _ in tensors(module):
            owner, _, weight = name.rpartition("/")
            given = _given(module.graph[owner].kind, weight)
            if given is not None and isinstance(tensor, nn.Parameter) and tensor.requires_grad:
                self.terms.append((tensor, *factors(given, f"layer {owner}")))

    def __call__(self) -> Tensor | float:
        """The penalty as it is now."""
        total: Tensor | float = 0.0
        for tensor, l1, l2 in self.terms:
            if l1:
                total = total + l1 * tensor.abs().sum()
            if l2:
                total = total + l2 * tensor.square().sum()
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


def _given(kind: Kind, weight: str) -> str | None:
    """The regularizer of a weight: Keras names a depthwise kernel's after the kernel's first word."""
    names = [weight, weight.removesuffix("_kernel")]
    if weight == "kernel":
        names.append("depthwise")
    return next((found for name in names if (found := getattr(kind, f"{name}_regularizer", None))), None)


def factors(regularizer: str, where: str) -> tuple[float, float]:
    """The factors l1 and l2 of a regularizer.

    Args:
        regularizer: Keras's name (``"l2"``) or its serialised form as JSON.
        where: whose it is, for the message.

    Example:
        >>> factors('{"class_name":"L1L2","config":{"l1":0.5,"l2":0.25}}', "layer a")
        (0.5, 0.25)
    """
    name = regularizer
    config: dict[str, float] = {}
    if regularizer.startswith("{"):
        found = json.loads(regularizer)
        name, config = str(found.get("class_name")), found.get("config") or {}
        if not is_keras(found, "regularizers"):
            raise BadInput(
                where, f"regularizer {title(found)} of the program's own", "L1, L2 or L1L2 of Keras",
                "model.fit of Keras itself",
            )  # fmt: skip
    plain = name.lower().replace("_", "")
    if plain not in ("l1", "l2", "l1l2"):
        raise BadInput(where, f"regularizer {name}", "L1, L2 or L1L2", "model.fit of Keras itself")
    usual = DEFAULT if plain != "l1l2" else 0.0
    l1 = float(config.get("l1", usual)) if plain != "l2" else 0.0
    l2 = float(config.get("l2", usual)) if plain != "l1" else 0.0
    return l1, l2
