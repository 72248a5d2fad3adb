"""The inputs and outputs of a keras.Model by name, and what the user gives for them, one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import BadInput, BadName
from ...graph import Graph
from ...kinds import Shape

WAY_OUT = "model.fit of Keras itself"


def refuse(what: str, came: str, expected: str = "", hint: str = WAY_OUT) -> BadInput:
    """The error for something that this call cannot take."""
    return BadInput(what, came, expected, hint)


@dataclass(frozen=True)
class Ends:
    """One side of a model: all its inputs, or all its outputs.

    Args:
        names: of each, in Keras's flat order; a dictionary of data has these keys.
        shapes: of each, without the batch, as Keras lays it out.
        form: ``"one"``, ``"list"``, ``"tuple"`` or ``"dict"``: how the model itself gives them.
    """

    names: tuple[str, ...]
    shapes: tuple[Shape, ...]
    form: str

    def apart(self, given: Any, what: str) -> list[Any]:
        """What the user gives for all of them, one by one.

        Raises:
            BadInput: too few, too many, or another name, by name.
        """
        if isinstance(given, Mapping):
            for name in given:
                if name not in self.names:
                    raise BadName(what, name, self.names)
            return [given.get(name) for name in self.names]
        if len(self.names) == 1:
            several = isinstance(given, tuple | list) and bool(given) and hasattr(given[0], "__array__")
            if several and np.ndim(given[0]) > 0:
                if len(given) == 1:
                    return [given[0]]
                if np.ndim(given[0]) > 1:
                    raise refuse(what, f"got {type(given).__name__} of {len(given)} arrays", "one array")
            return [given]
        if not isinstance(given, tuple | list) or len(given) != len(self.names):
            came = f"{len(given)}" if isinstance(given, tuple | list) else f"one {type(given).__name__}"
            raise BadInput(
                what,
                f"got {came} for {len(self.names)} ends of the model",
                f"a list or a dictionary of {', '.join(self.names)}",
            )
        return list(given)

    def together(self, found: Sequence[Any]) -> Any:
        """One thing for each, in the model's own form."""
        if self.form == "one":
            return found[0]
        if self.form == "dict":
            return dict(zip(self.names, found, strict=True))
        return tuple(found) if self.form == "tuple" else list(found)


def ends_of(model: Any, graph: Graph) -> tuple[Ends, Ends]:
    """The inputs and the outputs of a model.

    Raises:
        BadInput: ends within ends, or one tensor given out twice.
    """
    found = []
    for side, flat, names in (
        ("input", model.inputs, graph.inputs),
        ("output", model.outputs, graph.outputs),
    ):
        shapes = tuple(graph.shapes[name] for name in names)
        # A Sequential model has no structure of its own; a Functional one may have any.
        form = getattr(model, side, None) if type(model).__name__ != "Sequential" else flat[0]
        if len(flat) != len(names) or (isinstance(form, Mapping | list | tuple) and len(form) != len(flat)):
            raise refuse(f"model '{model.name}'", f"has {side}s within {side}s, or one twice", "a flat list")
        if isinstance(form, Mapping):
            found.append(Ends(_order(form), shapes, "dict"))
            continue
        known = tuple(getattr(model, "output_names", None) or names) if side == "output" else names
        if side == "input":
            known = tuple(tensor.name for tensor in flat)
        word = type(form).__name__ if isinstance(form, list | tuple) else "one"
        found.append(Ends(tuple(known), shapes, word))
    return found[0], found[1]


def _order(form: Mapping[str, Any]) -> tuple[str, ...]:
    """A dictionary's keys in the order in which Keras flattens it."""
    from keras import tree

    keys = dict.fromkeys(form)
    return tuple(tree.flatten(type(form)((key, key) for key in keys)))  # type: ignore[call-arg]
