"""The configuration of a live keras.Model as Keras writes it, of what the network is alone.

Keras also writes how each model was compiled, which may hold what cannot be written (a learning-rate schedule
of the program's own) and says nothing of sizes; and it writes nothing at all where one layer of the program's
own cannot tell its settings, which are of no use here in any case.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any


def live_config(model: Any) -> dict[str, Any]:
    """The configuration of a model, parsed; a layer that cannot tell its settings has its name alone.

    Args:
        model: Sequential or Functional, built or not.

    Raises:
        NotImplementedError: of Keras, for a model that is defined by its own code.
    """
    from keras.saving import serialize_keras_object

    with ExitStack() as stack:
        for part in _parts(model):
            if callable(getattr(part, "get_compile_config", None)):
                stack.enter_context(_answering(part, "get_compile_config", None))
            if part is not model and not _tells(part):
                known = {"name": part.name, "trainable": bool(getattr(part, "trainable", True))}
                stack.enter_context(_answering(part, "get_config", known))
        found: dict[str, Any] = json.loads(json.dumps(serialize_keras_object(model), default=repr))
    return found


def _parts(model: Any) -> Iterator[Any]:
    """A model, its layers and operations, and those of the models within."""
    seen: set[int] = set()
    waiting = [model]
    while waiting:
        part = waiting.pop()
        if id(part) not in seen:
            seen.add(id(part))
            yield part
            waiting += getattr(part, "operations", None) or getattr(part, "layers", None) or ()


def _tells(part: Any) -> bool:
    """Whether a layer says its settings; Keras's own do, and are not asked twice."""
    if type(part).__module__.startswith("keras."):
        return True
    try:
        part.get_config()
    except (NotImplementedError, TypeError, ValueError, AttributeError, KeyError):
        return False
    return True


@contextmanager
def _answering(part: Any, method: str, answer: Any) -> Iterator[None]:
    """For a while, one object answers this to a call without arguments; nothing else of it changes."""
    before = vars(part).get(method)
    object.__setattr__(part, method, lambda: answer if answer is None else dict(answer))
    try:
        yield
    finally:
        if before is None:
            object.__delattr__(part, method)
        else:
            object.__setattr__(part, method, before)
