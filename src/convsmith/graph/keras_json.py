"""Keras's format as a Graph, without Keras: Sequential, Functional, nested and shared layers, operators.

Nothing in a configuration is run; a layer that no kind describes becomes `Unknown`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..errors import BadInput
from ..kinds import KINDS, Kind, Shape
from ..kinds.input_layer import InputLayer
from ..kinds.operation import FUNCTIONS, Operation
from ..kinds.unknown import OPERATION_HOMES, Unknown
from .graph import Graph, Node
from .names import Names
from .order import topological

MAX_NODES = 100_000
MAX_DEPTH = 64
MAX_NAME = 500
LAYER_HOMES = ("keras.layers", "keras.src.layers", "tensorflow.keras.layers", "tf_keras.layers", None)
"""Modules under which versions of Keras have serialised their own layers."""
_LAYER_FOLDERS = ("keras.src.layers.", "keras.layers.", "tensorflow.keras.layers.", "tf_keras.src.layers.")
_NOT_SETTINGS = frozenset(("name", "trainable", "dtype", "batch_input_shape", "registered_name"))
_DEFAULTS: Mapping[str, Any] = {"renorm_momentum": 0.99}
"""Settings beyond the kinds' own that Keras always writes, with the values that say nothing."""

InputShape = Sequence[int | None] | Mapping[str, Sequence[int | None]] | None


@dataclass
class Call:
    """One use of a layer: the tensors it takes (layer, call, output, recorded shape) and where they go."""

    sources: list[tuple[str, int, int, Shape | None]] = field(default_factory=list)
    args: list[Any] = field(default_factory=list)
    kwargs: dict[str, Any] = field(default_factory=dict)

    @property
    def template(self) -> dict[str, Any]:
        """How the tensors are handed over, where that is not one tensor, or one list of all of them."""
        places = [{"tensor": place} for place in range(len(self.sources))]
        plain = self.args == ([places] if len(places) != 1 else places)
        plain = plain or (len(places) == 1 and self.args == [places]) or not places
        found: dict[str, Any] = {} if plain else {"args": self.args}
        if self.kwargs:
            found["kwargs"] = self.kwargs
        return found


def from_keras_json(entry: Mapping[str, Any], *, input_shape: InputShape = None) -> Graph:
    """The Graph of a model's configuration, as ``model.to_json()`` writes it.

    Args:
        entry: the configuration, parsed.
        input_shape: sizes without the batch for the input, or by input name; replaces what is recorded.

    Raises:
        BadInput: where it is not a model's configuration, with the layer's name.
    """
    if not is_model(entry):
        raise BadInput(
            "network", "is not the configuration of a Keras model", "a Functional or Sequential one"
        )
    reader = _Reader(input_shape)
    config = entry["config"]
    name = config.get("name") or "model"
    inputs, outputs = reader.model(entry, _Place(), None, {})
    return Graph(str(name), reader.nodes, list(dict.fromkeys(outputs)), list(dict.fromkeys(inputs)))


def is_model(entry: Any) -> bool:
    """Whether a configuration is that of a whole model."""
    config = entry.get("config") if isinstance(entry, dict) else None
    if not isinstance(config, dict) or not isinstance(config.get("layers"), list):
        return False
    return (
        "output_layers" in config or entry.get("class_name") == "Sequential" or "build_input_shape" in config
    )


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

    def __init__(self, input_shape: InputShape) -> None:
        self.nodes: list[Node] = []
        self.recorded: dict[str, Shape] = {}
        self.wanted = input_shape
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
        return read(config, place.inside(config), given, shapes)

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
                    "--input 32x32x3",
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
        entries = {_entry_name(entry): entry for entry in config["layers"]}
        if len(entries) < len(config["layers"]):
            raise BadInput(
                f"network '{config.get('name')}'", "has two layers of one name", "a name for each layer"
            )
        calls, ends = _calls(config, entries)
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
        path = (*place.path, _entry_name(entry))
        title = place.prefix + path[-1]
        config = entry["config"]
        training = call.kwargs.pop("training", None)
        training = place.training if training is None else bool(training)
        if is_model(entry):
            block = self._free(title)
            inner = replace(place, path=path, prefix=f"{block}/", training=training)
            return self.model(entry, inner, sources, wanted)[1]
        kind, rest = layer_kind(entry, title, call)
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
                Node(name, own, tuple(sources), owner, trainable, dtype_name(config), _text(more))
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


def layer_kind(entry: Mapping[str, Any], title: str, call: Call) -> tuple[Kind, dict[str, Any]]:
    """The kind of a layer's configuration, and what the configuration says beyond the kind's settings.

    Args:
        entry: one layer as Keras writes it.
        title: the layer's name, for messages.
        call: its first use, which an operation's meaning depends on.
    """
    found, home, config = entry["class_name"], entry.get("module"), entry["config"]
    if isinstance(home, str) and home.startswith(OPERATION_HOMES):
        operation = _operation(f"{home.rpartition('.')[2]}.{found}", config, call)
        if operation is not None:
            return operation, {}
    cls = KINDS[found] if isinstance(found, str) and found in KINDS else None
    own = cls is not None and _is_kinds(cls, home, entry.get("registered_name"))
    if cls is None or not own or not _understood(config):
        return Unknown(str(found), home if isinstance(home, str) else None, _text(config) or "{}"), {}
    try:
        kind = cls.from_config(config)
    except BadInput as error:
        raise BadInput(
            f"layer {title} ({found}), {error.where}", error.came, error.expected, error.hint
        ) from None
    except (TypeError, ValueError, AttributeError, KeyError) as error:
        raise BadInput(
            f"layer {title} ({found})", f"has settings that do not fit: {error}", "Keras's"
        ) from None
    known = cls.field_names()
    more = {
        key: value
        for key, value in config.items()
        if key not in known
        and key not in _NOT_SETTINGS
        and value is not None
        and value is not False
        and _DEFAULTS.get(key) != value
    }
    return kind, {"config": more} if more else {}


def _is_kinds(cls: type[Kind], home: Any, registered: Any) -> bool:
    """Whether a configuration's class is the kind's, by its module; Keras saves none for a program's own."""
    if cls.home != "keras.layers":
        return home is None or home == cls.home
    if home is None:
        return not registered or registered == cls.__name__
    return home in LAYER_HOMES or (isinstance(home, str) and home.startswith(_LAYER_FOLDERS))


def _operation(function: str, config: Mapping[str, Any], call: Call) -> Operation | None:
    """A function of tensors; None where no rule gives its shape."""
    if function not in FUNCTIONS:
        return None
    options = {key: value for key, value in config.items() if key != "name" and value is not None}
    places = [{"tensor": place} for place in range(len(call.sources))]
    given = {"args": call.args, "kwargs": call.kwargs} if call.kwargs else {"args": call.args}
    made = Operation(function, _text(options), "" if given == {"args": places} else _text(given))
    shapes = [source[3] for source in call.sources]
    try:
        made.shape(*(shape for shape in shapes if shape is not None))
    except (BadInput, KeyError, IndexError, TypeError, ValueError):
        return None
    return made


def _text(found: Mapping[str, Any]) -> str:
    return json.dumps(found, sort_keys=True, separators=(",", ":")) if found else ""


def _understood(config: Mapping[str, Any]) -> bool:
    """False for settings that change what the kind means (batch renormalisation)."""
    return not config.get("renorm")


def dtype_name(config: Mapping[str, Any]) -> str:
    """The type of a layer's numbers, or its policy's name."""
    found = config.get("dtype")
    if isinstance(found, dict):
        inner = found.get("config")
        found = inner.get("name") if isinstance(inner, dict) else None
    return found if isinstance(found, str) else "float32"


def _entry_name(entry: Mapping[str, Any]) -> str:
    name = entry.get("name") or entry["config"].get("name")
    if not isinstance(name, str) or not 0 < len(name) <= MAX_NAME:
        raise BadInput(
            f"a layer of class {entry.get('class_name')!r:.60}",
            "has no name",
            f"one of at most {MAX_NAME} letters",
        )
    return name


def _built_shape(entry: Mapping[str, Any] | None) -> Shape | None:
    """The shape that a layer recorded for its only input, without the batch."""
    built = entry.get("build_config") if entry else None
    found = built.get("input_shape") if isinstance(built, dict) else None
    return _shape(found)


def _shape(found: Any) -> Shape | None:
    good = isinstance(found, (list, tuple)) and all(size is None or isinstance(size, int) for size in found)
    return tuple(found[1:]) if good and found else None


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


def _calls(
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
            call.sources.append((str(name), int(at), int(output), _shape(found["config"].get("shape"))))
            return {"tensor": len(call.sources) - 1}
        return {key: _template(found[key], call) for key in sorted(found)}
    if isinstance(found, (list, tuple)):
        return [_template(item, call) for item in found]
    return found
