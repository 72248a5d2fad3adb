"""An algorithm's settings: its keyword options, by name and type."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any

from convsmith.errors import BadInput, BadName
from convsmith.graph import Graph
from convsmith.graph import notation as keras

from .algorithms import ALGORITHMS, LEARNERS
from .choose import Choose, Space
from .proposal import Lesson

_BOOLEANS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
_EXAMPLES = {"int": "8", "float": "0.5", "bool": "true", "str": "name"}


def settings_of(algorithm: str, options: dict[str, Any]) -> dict[str, Any]:
    """An algorithm's settings: its defaults, with `options` instead where given.

    Raises:
        BadName: an option that the algorithm does not have.

    Example:
        >>> settings_of("random", {})
        {}
    """
    parameters = _parameters(algorithm)
    for name in options:
        if name not in parameters:
            raise BadName(f"option of algorithm '{algorithm}'", name, parameters)
    return {name: one.default for name, one in parameters.items()} | options


def lesson_of(algorithm: str, settings: dict[str, Any]) -> Lesson | None:
    """The lesson with which an algorithm begins; None for one that proposes at once."""
    import numpy as np

    method = ALGORITHMS.find(algorithm)
    if method not in LEARNERS:
        return None
    first = method(Space(_toy, (4, 4, 1), 2), [], np.random.default_rng(0), **settings)
    return first if isinstance(first, Lesson) else None


def check_settings(algorithm: str, settings: dict[str, Any]) -> None:
    """Ask the algorithm for a first trial of a toy space, so that it refuses what means nothing at once.

    Raises:
        BadInput: whatever the algorithm raises for settings that mean nothing.
        BadName: a name among them that nothing has.

    Example:
        >>> check_settings("evolution", settings_of("evolution", {"sample": 0}))
        Traceback (most recent call last):
        convsmith.errors.BadInput: evolution sample: got 0; expected at least 1; try: sample=4
    """
    import numpy as np

    if isinstance(settings.get("base"), str):
        base = settings["base"]
        if ALGORITHMS[base] in LEARNERS:
            came = f"got '{base}', which learns before it proposes"
            raise BadInput(f"{algorithm} base", came, "an algorithm that proposes at once", "base=evolution")
    ALGORITHMS.find(algorithm)(Space(_toy, (4, 4, 1), 2), [], np.random.default_rng(0), **settings)


def _toy(choose: Choose, input_shape: tuple[int, int, int], classes: int) -> Graph:
    x = inputs = keras.Input(input_shape)
    x = keras.layers.Conv2D(choose("width", (2, 3, 4)), choose("kernel", (1, 3)), activation="relu")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, keras.layers.Dense(classes, activation="softmax")(x))


def parse_options(algorithm: str, texts: Iterable[str]) -> dict[str, Any]:
    """Options from ``name=value``, each value of the type that the algorithm's signature says.

    Args:
        algorithm: a name in `ALGORITHMS`.
        texts: such as ``"population=20"``.

    Raises:
        BadInput: no ``=``, a name that the algorithm does not have, a value of another type.

    Example:
        >>> parse_options("evolution", ["sample=3"])
        {'sample': 3}
    """
    parameters, found = _parameters(algorithm), dict[str, Any]()
    for text in texts:
        name, equals, value = text.partition("=")
        name = name.strip().replace("-", "_")
        if not equals:
            known = ", ".join(parameters) or "none"
            raise BadInput("--option", f"got {text!r}", "name=value", f"the names are: {known}")
        if name not in parameters:
            raise BadName(f"option of algorithm '{algorithm}'", name, parameters)
        found[name] = _typed(f"--option {name}", value.strip(), _types(parameters[name]))
    return found


def _parameters(algorithm: str) -> dict[str, inspect.Parameter]:
    parameters = inspect.signature(ALGORITHMS.find(algorithm)).parameters.values()
    return {one.name: one for one in parameters if one.kind is one.KEYWORD_ONLY}


def _types(parameter: inspect.Parameter) -> list[str]:
    note = parameter.annotation
    text = note if isinstance(note, str) else getattr(note, "__name__", str(note))
    return [one.strip() for one in text.split("|")]


def _typed(where: str, text: str, types: list[str]) -> Any:
    readers: dict[str, Callable[[str], Any]] = {
        "None": lambda text: {"none": None}[text.lower()],
        "bool": lambda text: _BOOLEANS[text.lower()],
        "int": lambda text: int(text.replace("_", "")),
        "float": float,
    }
    for kind in sorted(types, key=list(readers).index if set(types) <= set(readers) else str):
        if kind in readers:
            try:
                return readers[kind](text)
            except (ValueError, KeyError):
                continue
    if set(types) <= set(readers):
        words = {"int": "a whole number", "float": "a number", "bool": "true or false", "None": "none"}
        example = next((_EXAMPLES[kind] for kind in types if kind in _EXAMPLES), "none")
        expected = " or ".join(words[kind] for kind in types)
        raise BadInput(where, f"got {text!r}", expected, f"{where}={example}")
    return text
