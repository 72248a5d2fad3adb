"""TimeDistributed: one layer applied to each step alone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ..errors import BadInput
from .activation import activated, activation_module
from .kind import KINDS, Formula, Kind, Reach, Shape, ShapeError, Weight, kind
from .origin import is_keras

if TYPE_CHECKING:
    import torch


@kind
class TimeDistributed(Kind):
    """Keras's TimeDistributed.

    Args:
        layer: the layer as Keras serialises it, as canonical JSON.
    """

    layer: str

    @property
    def inner(self) -> Kind:
        """The layer that is applied."""
        entry = json.loads(self.layer)
        name = entry.get("class_name")
        if name not in KINDS or not is_keras(entry, "layers"):
            raise BadInput("layer", f"got {name!r:.60}", "one of Keras's layers")
        return KINDS[name].from_config(entry["config"])

    @property
    def torch_weights(self) -> dict[str, Any]:  # type: ignore[override]
        return {name: (f"inner.{path}", axes) for name, (path, axes) in self.inner.torch_weights.items()}

    def _of_one(self, shape: Shape) -> Shape:
        if len(shape) < 2:
            raise ShapeError(f"TimeDistributed of the shape {shape}", "steps, and what each step holds")
        return shape[1:]

    def shape(self, *inputs: Shape) -> Shape:
        inner = self.inner
        out = inner.shape(self._of_one(inputs[0]))
        return (inputs[0][0], *activated(out, getattr(inner, "activation", None)))

    def weights(self, *inputs: Shape) -> tuple[Weight, ...]:
        return self.inner.weights(self._of_one(inputs[0]))

    def macs(self, *inputs: Shape) -> int | None:
        each, steps = self.inner.macs(self._of_one(inputs[0])), inputs[0][0]
        return 0 if each == 0 else None if each is None or steps is None else each * steps

    def formula(self, *inputs: Shape) -> Formula:
        found = self.inner.formula(self._of_one(inputs[0]))
        return Formula(found.shape, found.params, f"{inputs[0][0]} × {found.macs}" if found.macs else "")

    def reach(self, *inputs: Shape) -> Reach:
        return Reach(whole=True)

    def module(self, *inputs: Shape) -> torch.nn.Module:
        from ._torch_more import EachStep

        inner = self.inner
        name = getattr(inner, "activation", None)
        active = None if name in (None, "linear") else activation_module(name)
        return EachStep(inner.module(self._of_one(inputs[0])), active)
