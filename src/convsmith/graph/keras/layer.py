"""One layer of a Keras configuration as a kind, and what its settings say beyond the kind's."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import MISSING, fields, replace
from typing import Any

from ...errors import BadInput
from ...kinds import KINDS, Kind
from ...kinds.activation import LAYERS_AS_ACTIVATION
from ...kinds.multi_head_attention import MultiHeadAttention
from ...kinds.operation import FUNCTIONS, Operation
from ...kinds.origin import is_keras, is_keras_module
from ...kinds.recurrent import Recurrent
from ...kinds.time_distributed import TimeDistributed
from ...kinds.unknown import OPERATION_HOMES, Unknown
from .calls import Call

MAX_NAME = 500
_NOT_SETTINGS = frozenset(("name", "trainable", "dtype", "batch_input_shape", "registered_name"))
_DEFAULTS: Mapping[str, Any] = {"renorm_momentum": 0.99}
"""Settings beyond the kinds' own that Keras always writes, with the values that say nothing."""


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
    own = cls is not None and _is_kinds(cls, entry)
    if own and isinstance(config.get("activation"), dict):
        activation = _activation(config["activation"])
        own, config = activation is not None, {**config, "activation": activation}
    if cls is None or not own or not _understood(config) or not _called(cls, config, call):
        config = entry["config"]
        return Unknown(str(found), home if isinstance(home, str) else None, text(config) or "{}"), {}
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
    if isinstance(kind, MultiHeadAttention):
        kind = replace(kind, causal=bool(call.kwargs.get("use_causal_mask")))
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


def _is_kinds(cls: type[Kind], entry: Mapping[str, Any]) -> bool:
    """Whether a configuration's class is the kind's, by its module; Keras saves none for a program's own."""
    home = entry.get("module")
    if cls.home == "keras.layers":
        return is_keras(entry, "layers")
    if is_keras_module(
        cls.home
    ):  # of keras.applications; what files of Keras 2 name like it must also fit it
        fits = {item.name for item in fields(cls) if item.default is MISSING} <= set(entry["config"])
        return home == cls.home or (home is None and not entry.get("registered_name") and fits)
    return home is None or home == cls.home


def _activation(entry: Mapping[str, Any]) -> Any:
    """An activation that is an object, without what says nothing; None where it may own weights.

    Functions own none, so that a layer with one of the program's own is still counted; it only cannot be run.
    """
    if entry.get("class_name") in ("function", None):
        return entry
    found = entry.get("class_name")
    if found not in LAYERS_AS_ACTIVATION or not is_keras(entry, "layers"):
        return None
    kind = KINDS[found].from_config(entry.get("config") or {})
    return {"class_name": found, "config": kind.config(), "module": "keras.layers", "registered_name": None}


def _operation(function: str, config: Mapping[str, Any], call: Call) -> Operation | None:
    """A function of tensors; None where no rule gives its shape."""
    if function not in FUNCTIONS:
        return None
    options = {key: value for key, value in config.items() if key != "name" and value is not None}
    places = [{"tensor": place} for place in range(len(call.sources))]
    given = {"args": call.args, "kwargs": call.kwargs} if call.kwargs else {"args": call.args}
    made = Operation(function, text(options), "" if given == {"args": places} else text(given))
    shapes = [source[3] for source in call.sources]
    try:
        made.shape(*(shape for shape in shapes if shape is not None))
    except (BadInput, KeyError, IndexError, TypeError, ValueError):
        return None
    return made


def text(found: Mapping[str, Any]) -> str:
    return json.dumps(found, sort_keys=True, separators=(",", ":")) if found else ""


def _called(cls: type[Kind], config: Mapping[str, Any], call: Call) -> bool:
    """Whether a kind knows what the layer makes of its call, and of the layer within it."""
    if cls is MultiHeadAttention:
        more = {name for name, item in call.kwargs.items() if item not in (None, False)}
        return more <= {"use_causal_mask"} and len(call.args) == len(call.sources)
    if issubclass(cls, Recurrent):
        return not config.get("return_state") and len(call.sources) == 1
    if cls is TimeDistributed:
        inner = config.get("layer")
        return isinstance(inner, dict) and inner.get("class_name") in KINDS and is_keras(inner, "layers")
    return True


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


def entry_name(entry: Mapping[str, Any]) -> str:
    name = entry.get("name") or entry["config"].get("name")
    if not isinstance(name, str) or not 0 < len(name) <= MAX_NAME:
        raise BadInput(
            f"a layer of class {entry.get('class_name')!r:.60}",
            "has no name",
            f"one of at most {MAX_NAME} letters",
        )
    return name
