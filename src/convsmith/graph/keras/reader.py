"""Keras's format as a Graph, without Keras: Sequential, Functional, nested and shared layers, operators.

Nothing in a configuration is run; a layer that no kind describes becomes `Unknown`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ...errors import BadInput
from ...kinds import GIVE_SIZES, Shape
from ...kinds.input_layer import InputLayer
from ...kinds.operation import Operation
from ...kinds.unknown import OWN_CALL, Unknown
from ..graph import Graph, Node
from ..names import Names
from ..order import topological
from .calls import Call, calls_of, is_keras_model, is_model, recorded_shape
from .layer import dtype_name, entry_name, layer_kind, text

MAX_NODES = 100_000
MAX_DEPTH = 64

InputShape = Sequence[int | None] | Mapping[str, Sequence[int | None]] | None


def from_keras_json(
    entry: Mapping[str, Any], *, input_shape: InputShape = None, plain: Collection[str] = ()
) -> Graph:
    """The Graph of a model's configuration, as ``model.to_json()`` writes it.

    A model of a class that is not Keras's may do anything beside calling its layers: behind them stands an
    unknown layer of that class.

    Args:
        entry: the configuration, parsed.
        input_shape: sizes without the batch for the input, or by input name; replaces what is recorded.
        plain: classes of models that are not Keras's, and are known to call their layers as Keras does.

    Raises:
        BadInput: where it is not a model's configuration, with the layer's name.
    """
    if not is_model(entry):
        raise BadInput(
            "network",
            "is not the configuration of a Keras model",
            "a Functional or Sequential one",
            "Keras's own model.fit for a model that is defined by its code",
        )
    reader = _Reader(input_shape, plain)
    config = entry["config"]
    name = config.get("name") or "model"
    inputs, outputs = reader.model(entry, _Place(), None, {})
    return Graph(str(name), reader.nodes, list(dict.fromkeys(outputs)), list(dict.fromkeys(inputs)))


@dataclass(frozen=True)
class _Place:
    """Where in nested models the walk is, and what they hand down to their layers."""

    path: tuple[str, ...] = ()
    prefix: str = ""
    trainable: bool = True
    training: bool | None = None

    def inside(self, config: Mapping[str, Any]) -> _Place:
        """The place of a model's own layers."""
        if len(self.path) > MAX_DEPTH:
            raise BadInput(f"layer {self.prefix[:60]}", "is nested too deeply", f"at most {MAX_DEPTH} levels")
        return replace(self, trainable=self.trainable and config.get("trainable", True) is not False)


class _Reader:
    """The walk through one configuration; `nodes` fills as it goes."""

    def __init__(self, input_shape: InputShape, plain: Collection[str]) -> None:
        self.nodes: list[Node] = []
        self.recorded: dict[str, Shape] = {}
        self.wanted, self.plain = input_shape, plain
        self._taken = Names()
        self._owners: dict[Any, str] = {}

    def model(
        self,
        entry: Mapping[str, Any],
        place: _Place,
        given: Sequence[str] | None,
        shapes: Mapping[int, Shape | None],
    ) -> tuple[list[str], list[str]]:
        """Read a model; `given` are the nodes that it is called on, None for the network itself."""
        config = entry["config"]
        read = self._functional if "output_layers" in config else self._sequential
        if is_keras_model(entry) or entry.get("class_name") in self.plain:
            return read(config, place.inside(config), given, shapes)
        # What the layers make need not be what the model gives.
        inputs, ends = read(config, place.inside(config), given, {})
        wanted = shapes or dict.fromkeys(range(len(ends)))
        home = entry.get("module")
        own = Unknown(str(entry.get("class_name")), home if isinstance(home, str) else None, OWN_CALL)
        name = place.prefix[:-1] or self._free(str(config.get("name") or "model"))
        made = [name, *(self._free(name) for _ in range(max(wanted, default=0)))]
        for place_, output in enumerate(made):
            self.nodes.append(
                Node(
                    output, replace(own, output_shape=wanted.get(place_)), tuple(ends), name, place.trainable
                )
            )
        return inputs, made

    def _sequential(
        self,
        config: Mapping[str, Any],
        place: _Place,
        given: Sequence[str] | None,
        shapes: Mapping[int, Shape | None],
    ) -> tuple[list[str], list[str]]:
        layers = list(config["layers"])
        first = layers[0] if layers else {}
        if first.get("class_name") == "InputLayer":
            layers = layers[1:]
        current = list(given) if given is not None else [self._first(config, first)]
        inputs = list(current)
        for number, entry in enumerate(layers, 1):
            after = layers[number] if number < len(layers) else None
            out = _built_shape(after) if after is not None else shapes.get(0)
            ins = _built_shape(entry)
            call = Call([(name, 0, 0, ins) for name in current], [{"tensor": 0}])
            current = self._call(entry, place, call, current, {0: out})
        return inputs, current

    def _first(self, config: Mapping[str, Any], first: Mapping[str, Any]) -> str:
        """The input of a Sequential, from wherever its shape is written."""
        settings = dict(first.get("config") or {})
        if first.get("class_name") != "InputLayer":
            batched = config.get("build_input_shape") or settings.get("batch_input_shape")
            built = batched or (None, *(_built_shape(first) or ()))
            name = "input_layer"
            if len(built) < 2 and self.wanted is None:
                raise BadInput(
                    f"network '{config.get('name')}'",
                    "has no input shape (a Sequential that is not built)",
                    "the sizes of its input",
                    GIVE_SIZES,
                )
            settings = {"batch_shape": list(built), "dtype": "float32"}
        else:
            name = str(settings.get("name") or "input_layer")
        return self._input(settings, name, alone=True)

    def _functional(
        self,
        config: Mapping[str, Any],
        place: _Place,
        given: Sequence[str] | None,
        shapes: Mapping[int, Shape | None],
    ) -> tuple[list[str], list[str]]:
        entries = {entry_name(entry): entry for entry in config["layers"]}
        if len(entries) < len(config["layers"]):
            raise BadInput(
                f"network '{config.get('name')}'", "has two layers of one name", "a name for each layer"
            )
        calls, ends = calls_of(config, entries)
        used: dict[tuple[str, int], dict[int, Shape | None]] = {}
        for call in calls.values():
            for source, at, output, shape in call.sources:
                used.setdefault((source, at), {})[output] = shape
        for number, (source, at, output) in enumerate(ends[1]):
            used.setdefault((source, at), {}).setdefault(output, shapes.get(number))
        order = topological({each: [source[:2] for source in call.sources] for each, call in calls.items()})
        made: dict[tuple[str, int], list[str]] = {}
        starts = [end[:2] for end in ends[0]]
        if given is not None:
            if len(given) != len(starts):
                raise BadInput(
                    f"layer {place.prefix[:-1]}",
                    f"is called on {len(given)} tensors",
                    f"{len(starts)}, as it is defined",
                )
            made.update({start: [name] for start, name in zip(starts, given, strict=True)})
        for each in order:
            if each in made:
                continue
            name = each[0]
            entry = entries[name]
            if entry.get("class_name") == "InputLayer" and not calls[each].sources:
                made[each] = [self._input(entry["config"], place.prefix + name, alone=len(starts) == 1)]
                continue
            sources = [self._tensor(made, ref[:2], ref[2]) for ref in calls[each].sources]
            made[each] = self._call(entry, place, calls[each], sources, used.get(each, {0: None}))
        named = [[self._tensor(made, end[:2], end[2]) for end in some] for some in ends]
        return named[0], named[1]

    @staticmethod
    def _tensor(made: Mapping[tuple[str, int], list[str]], key: tuple[str, int], output: int) -> str:
        found = made.get(key)
        if found is None or not 0 <= output < len(found):
            raise BadInput(
                f"layer {key[0]}", f"has no output {output} of call {key[1]}", "one that is called"
            )
        return found[output]

    def _input(self, config: Mapping[str, Any], name: str, *, alone: bool) -> str:
        try:
            kind = InputLayer.from_config(config)
        except BadInput as error:
            raise BadInput(f"layer {name} (InputLayer)", error.came, error.expected, error.hint) from None
        wanted = self.wanted.get(name) if isinstance(self.wanted, Mapping) else self.wanted
        if wanted is not None:
            if not alone and not isinstance(self.wanted, Mapping):
                raise BadInput(
                    "input shape", f"one shape {tuple(wanted)} for several inputs", "a shape by input name"
                )
            kind = InputLayer(tuple(wanted), kind.dtype)
        own = self._free(name)
        self.nodes.append(Node(own, kind))
        return own

    def _call(
        self,
        entry: Mapping[str, Any],
        place: _Place,
        call: Call,
        sources: Sequence[str],
        wanted: Mapping[int, Shape | None],
    ) -> list[str]:
        """Add one use of a layer or of a nested model; the names of the nodes that are its outputs."""
        path = (*place.path, entry_name(entry))
        title = place.prefix + path[-1]
        config = entry["config"]
        training = call.kwargs.pop("training", None)
        training = place.training if training is None else bool(training)
        if is_model(entry):
            block = self._free(title)
            inner = replace(place, path=path, prefix=f"{block}/", training=training)
            return self.model(entry, inner, sources, wanted)[1]
        if entry.get("class_name") == "MultiHeadAttention":
            order = call.by_name(("query", "value", "key"))
            sources = sources if order is None else [sources[place] for place in order]
        kind, rest = layer_kind(entry, title, call)
        call.is_apart = kind.apart
        if training is not None:
            rest["training"] = training
        if call.template and not isinstance(kind, Operation):
            rest["call"] = call.template
        trainable = place.trainable and config.get("trainable", True) is not False
        made = []
        for output in range(max(wanted, default=0) + 1):
            own = kind
            if isinstance(kind, Unknown):
                seen = [source[3] for source in call.sources]
                whole = None if None in seen else tuple(shape for shape in seen if shape is not None)
                own = replace(kind, output_shape=wanted.get(output), input_shapes=whole)
            elif isinstance(kind, Operation):
                own = replace(kind, output=output)
            elif output:
                raise BadInput(f"layer {title}", f"is used for its output {output + 1}", "one output")
            name = self._free(title)
            more = {**rest, "output": output} if output and isinstance(own, Unknown) else rest
            owner = self._owners.setdefault(entry.get("shared_object_id", path), name)
            self.nodes.append(
                Node(name, own, tuple(sources), owner, trainable, dtype_name(config), text(more))
            )
            shape = wanted.get(output)
            if shape is not None:
                self.recorded[name] = shape
            made.append(name)
        return made

    def _free(self, wanted: str) -> str:
        if len(self._taken) >= MAX_NODES:
            raise BadInput(
                f"layer {wanted}", f"is one of more than {MAX_NODES:,} layers", "a smaller network"
            )
        return self._taken.free(wanted)


def _built_shape(entry: Mapping[str, Any] | None) -> Shape | None:
    """The shape that a layer recorded for its only input, without the batch."""
    built = entry.get("build_config") if entry else None
    found = built.get("input_shape") if isinstance(built, dict) else None
    return recorded_shape(found)
