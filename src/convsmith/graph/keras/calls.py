"""How the layers of a Keras configuration are called: on which tensors, as Keras 2 and Keras 3 record it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...kinds import Shape
from ...kinds.origin import is_keras_module


@dataclass
class Call:
    """One use of a layer: the tensors it takes (layer, call, output, recorded shape) and where they go."""

    sources: list[tuple[str, int, int, Shape | None]] = field(default_factory=list)
    args: list[Any] = field(default_factory=list)
    kwargs: dict[str, Any] = field(default_factory=dict)
    is_apart: bool = False
    """Whether the layer takes several tensors one by one, and not in a list."""

    def by_name(self, names: Sequence[str]) -> list[int] | None:
        """Bring tensors that are handed over one by one, by place or by name, into the order of the names.

        Args:
            names: of the call's arguments that are tensors, in order.

        Returns:
            Where each tensor was among the sources; None where they are handed over otherwise, and nothing is
            changed.
        """
        given = dict(zip(names, self.args, strict=False))
        given |= {name: self.kwargs[name] for name in names if name in self.kwargs}
        found = [given[name] for name in names if name in given]
        if len(self.args) > len(names) or not all(
            isinstance(each, dict) and set(each) == {"tensor"} for each in found
        ):
            return None
        order = [each["tensor"] for each in found]
        if sorted(order) != list(range(len(self.sources))):
            return None
        self.sources = [self.sources[place] for place in order]
        self.args = [{"tensor": place} for place in range(len(order))]
        self.kwargs = {name: item for name, item in self.kwargs.items() if name not in names}
        return order

    @property
    def template(self) -> dict[str, Any]:
        """How the tensors are handed over, where that is not one tensor, or one list of all of them."""
        places = [{"tensor": place} for place in range(len(self.sources))]
        plain = self.args == ([places] if len(places) != 1 else places)
        plain = plain or (len(places) == 1 and self.args == [places]) or not places
        plain = plain or (self.is_apart and self.args == places)
        found: dict[str, Any] = {} if plain else {"args": self.args}
        if self.kwargs:
            found["kwargs"] = self.kwargs
        return found


def is_model(entry: Any) -> bool:
    """Whether a configuration is that of a whole model."""
    config = entry.get("config") if isinstance(entry, dict) else None
    if not isinstance(config, dict) or not isinstance(config.get("layers"), list):
        return False
    return (
        "output_layers" in config or entry.get("class_name") == "Sequential" or "build_input_shape" in config
    )


def is_keras_model(entry: Mapping[str, Any]) -> bool:
    """Whether a model's class is Keras's own, which calls its layers and does nothing else."""
    home = entry.get("module")
    if home is None and not entry.get("registered_name"):
        return entry.get("class_name") in (None, "Functional", "Model", "Sequential")
    return is_keras_module(home)


def calls_of(
    config: Mapping[str, Any], entries: Mapping[str, Mapping[str, Any]]
) -> tuple[dict[tuple[str, int], Call], list[list[tuple[str, int, int]]]]:
    """Every use of every layer by (name, number of the use), and the ends; all uses are counted from 0.

    The definition of a nested Functional model is itself a use in Keras, the first one: Keras 3 counts it in
    ``input_layers`` and ``output_layers`` alone, Keras 2 everywhere.
    """
    calls: dict[tuple[str, int], Call] = {}
    old: set[str] = set()
    for name, entry in entries.items():
        nodes = entry.get("inbound_nodes") or ()
        for at, found in enumerate(nodes):
            calls[name, at] = _call(found)
            if not isinstance(found, dict):
                old.add(name)
        if not nodes and entry.get("class_name") == "InputLayer":
            calls[name, 0] = Call()
    ends = [list(_ends(config.get(key) or ())) for key in ("input_layers", "output_layers")]
    nested = {
        name for name, entry in entries.items() if is_model(entry) and "output_layers" in entry["config"]
    }
    if old:
        named = {source[:2] for call in calls.values() for source in call.sources}
        shifted = {name for name, entry in entries.items() if is_model(entry) and (name, 0) not in named}
        for call in calls.values():
            call.sources = [
                (name, at - (name in shifted and at > 0), output, shape)
                for name, at, output, shape in call.sources
            ]
    return calls, [[(n, at - (n in nested and at > 0), out) for n, at, out in some] for some in ends]


def _call(found: Any) -> Call:
    """One inbound node: Keras 3's arguments, or Keras 2's list of [layer, call, output, arguments]."""
    call = Call()
    if isinstance(found, dict):
        call.args = [_template(item, call) for item in found.get("args") or ()]
        kwargs = found.get("kwargs") or {}
        call.kwargs = {key: _template(item, call) for key, item in kwargs.items() if item is not None}
        return call
    items = [found] if found and isinstance(found[0], str) else found
    for item in items:
        call.sources.append((item[0], int(item[1]), int(item[2]), None))
        if len(item) > 3:
            call.kwargs.update({key: value for key, value in item[3].items() if value is not None})
    places: list[Any] = [{"tensor": place} for place in range(len(call.sources))]
    call.args = places if len(places) == 1 else [places]
    return call


def _template(found: Any, call: Call) -> Any:
    """The argument with its tensors taken out and numbered."""
    if isinstance(found, dict):
        if found.get("class_name") == "__keras_tensor__":
            name, at, output = found["config"]["keras_history"]
            call.sources.append(
                (str(name), int(at), int(output), recorded_shape(found["config"].get("shape")))
            )
            return {"tensor": len(call.sources) - 1}
        return {key: _template(found[key], call) for key in sorted(found)}
    if isinstance(found, (list, tuple)):
        return [_template(item, call) for item in found]
    return found


def _ends(found: Any) -> Iterator[tuple[str, int, int]]:
    """The tensors of ``input_layers`` or ``output_layers``: a triple, a list of them, or a dictionary."""
    if isinstance(found, dict):
        for key in sorted(found):
            yield from _ends(found[key])
    elif len(found) == 3 and isinstance(found[0], str):
        yield found[0], int(found[1]), int(found[2])
    else:
        for item in found:
            yield from _ends(item)


def recorded_shape(found: Any) -> Shape | None:
    good = isinstance(found, (list, tuple)) and all(size is None or isinstance(size, int) for size in found)
    return tuple(found[1:]) if good and found else None
