"""Whose a serialised object is: Keras's own, or a program's own that may only be named like it."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from typing import Any

_KERAS = re.compile(r"(tensorflow\.|tensorflow\.python\.)?(tf_)?keras(\.|$)")


def is_keras(entry: Mapping[str, Any], folder: str) -> bool:
    """Whether a serialised object is of Keras's own classes, by its module and its registered name.

    Keras saves no module for a class of the running program, and the name under which it is registered. Files
    of Keras 2 say neither of any class: there a name is all there is.

    Args:
        entry: the object as Keras serialises it.
        folder: where Keras has classes of this sort: "layers", "initializers", "regularizers", "constraints".

    Example:
        >>> is_keras({"module": "keras.layers", "class_name": "Dense", "config": {}}, "layers")
        True
        >>> is_keras({"module": None, "class_name": "Dense", "registered_name": "Dense"}, "layers")
        False
    """
    home = entry.get("module")
    if home is None:
        return not entry.get("registered_name") and entry.get("class_name") != "function"
    return is_keras_module(home) and folder in str(home).split(".")


def is_keras_module(name: Any) -> bool:
    """Whether a module is one of Keras's, in any of the places where its versions have been.

    Example:
        >>> [is_keras_module(name) for name in ("keras.src.layers.core.dense", "keras_hub.layers", None)]
        [True, False, False]
    """
    return isinstance(name, str) and _KERAS.match(name) is not None


def title(entry: Mapping[str, Any]) -> str:
    """What a message calls a serialised object: its class, or its name where it is a function."""
    if entry.get("class_name") == "function":
        return f"{entry.get('config')!s:.60} (a function)"
    return f"{entry.get('class_name') or 'a lambda'!s:.60}"


def own_parts(settings: Mapping[str, Any], sorts: Collection[str]) -> dict[str, str]:
    """The objects of these sorts among a layer's settings that are not Keras's own.

    Args:
        settings: a kind's settings; objects are canonical JSON.
        sorts: among "regularizer", "constraint", "initializer".

    Returns:
        Setting -> what it is, for a message.
    """
    found = {}
    for name, value in settings.items():
        sort = name.rpartition("_")[2]
        if sort not in sorts or not isinstance(value, str):
            continue
        if value.startswith("{") and not is_keras(entry := json.loads(value), f"{sort}s"):
            found[name] = title(entry)
    return found
