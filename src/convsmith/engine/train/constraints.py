"""Constraints on weights, as Keras defines them: where each weight is put back to after a step."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from ...errors import BadInput
from ...kinds.origin import is_keras, title
from ..lower import Lowered
from ..weights import in_keras_layout, in_torch_layout, tensors
from .regularizers import setting_of

EPSILON = 1e-7
"""Keras's floor under a norm that something is divided by."""
Constraint = Callable[[Tensor], Tensor]


class Constraints:
    """All constraints of a network.

    Args:
        module: a lowered network; frozen weights are left alone, as in Keras.

    Raises:
        BadInput: a constraint that is not Keras's own, by layer.
    """

    def __init__(self, module: Lowered) -> None:
        self.terms: list[tuple[Tensor, Any, Any, Constraint]] = []
        for name, tensor, shape, axes in tensors(module):
            owner, _, weight = name.rpartition("/")
            given = setting_of(module.graph[owner].kind, weight, "constraint")
            if given is not None and isinstance(tensor, nn.Parameter) and tensor.requires_grad:
                self.terms.append((tensor, shape, axes, constraint(given, f"layer {owner}")))

    @torch.no_grad()
    def apply(self) -> None:
        """Put every weight where its constraint wants it."""
        for tensor, shape, axes, wanted in self.terms:
            tensor.copy_(in_torch_layout(wanted(in_keras_layout(tensor, shape, axes)), tensor, axes))


def constraint(given: str, where: str) -> Constraint:
    """A constraint as a function of a weight in Keras's layout.

    Args:
        given: Keras's name (``"non_neg"``) or its serialised form as JSON.
        where: whose it is, for the message.

    Raises:
        BadInput: for what is not one of Keras's.

    Example:
        >>> constraint("NonNeg", "layer a")(torch.tensor([-1.0, 2.0]))
        tensor([0., 2.])
    """
    name = given
    config: dict[str, Any] = {}
    if given.startswith("{"):
        found = json.loads(given)
        name, config = str(found.get("class_name")), found.get("config") or {}
        if not is_keras(found, "constraints"):
            raise BadInput(
                where, f"constraint {title(found)} of the program's own", ", ".join(KNOWN),
                "model.fit of Keras itself",
            )  # fmt: skip
    plain = name.lower().replace("_", "")
    make = _MAKERS.get(plain)
    if make is None:
        raise BadInput(where, f"constraint {name}", ", ".join(KNOWN), "model.fit of Keras itself")
    return make(config)


def _axis(config: dict[str, Any]) -> Any:
    axis = config.get("axis", 0)
    return tuple(axis) if isinstance(axis, list | tuple) else axis


def _norms(weight: Tensor, axis: Any) -> Tensor:
    return weight.square().sum(axis, keepdim=True).sqrt()


def _max_norm(config: dict[str, Any]) -> Constraint:
    most, axis = float(config.get("max_value", 2)), _axis(config)

    def wanted(weight: Tensor) -> Tensor:
        norms = _norms(weight, axis)
        return weight * (norms.clamp(0, most) / (EPSILON + norms))

    return wanted


def _unit_norm(config: dict[str, Any]) -> Constraint:
    axis = _axis(config)
    return lambda weight: weight / (EPSILON + _norms(weight, axis))


def _min_max_norm(config: dict[str, Any]) -> Constraint:
    ends = float(config.get("min_value", 0)), float(config.get("max_value", 1))
    rate, axis = float(config.get("rate", 1)), _axis(config)

    def wanted(weight: Tensor) -> Tensor:
        norms = _norms(weight, axis)
        desired = rate * norms.clamp(*ends) + (1 - rate) * norms
        return weight * (desired / (EPSILON + norms))

    return wanted


_MAKERS: dict[str, Callable[[dict[str, Any]], Constraint]] = {
    "maxnorm": _max_norm,
    "nonneg": lambda config: lambda weight: weight.clamp(min=0),
    "unitnorm": _unit_norm,
    "minmaxnorm": _min_max_norm,
}
KNOWN = ("MaxNorm", "NonNeg", "UnitNorm", "MinMaxNorm")
"""Keras's constraints, by class."""
