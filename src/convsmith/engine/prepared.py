"""A keras.Model made ready for the engine, and kept ready for the next call while the model stays the same.

Reading and lowering a network of 160 layers takes as long as half a step of its training; who calls `fit` for
each epoch, or `predict` for each image, pays that once. A model that was changed in any way that its layers'
configurations tell is read anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from ..errors import BadInput
from ..graph.read import read
from .keras_data import array, is_stream
from .keras_ends import Ends, ends_of
from .live import named
from .lower import Lowered, lower
from .passes import TRAINING, keep_pages, relu_after_pool


@dataclass(frozen=True)
class Prepared:
    """A model for the engine.

    Args:
        module: its lowered form; the weights are to be pulled.
        inputs, outputs: its ends.
        sign: what it was like, as `_sign` tells; None where that cannot be told.
    """

    module: Lowered
    inputs: Ends
    outputs: Ends
    sign: list[Any] | None


_KEPT: WeakKeyDictionary[Any, dict[bool, Prepared]] = WeakKeyDictionary()
"""Model -> what is ready for it, for training or not."""


@contextmanager
def prepared(model: Any, x: Any, *, training: bool) -> Iterator[Prepared]:
    """The model, built and lowered, for one call; calls within that call get another lowered form.

    Args:
        model: a Sequential or Functional model.
        x: data, whose shape builds a model without an input.
        training: whether it is to be trained.

    Raises:
        BadInput: what cannot be read or lowered, by name.
    """
    if not model.built:
        if is_stream(x):
            raise BadInput(
                f"model '{model.name}'", "has no input shape", "keras.Input(...) as its first layer"
            )
        model.build((None, *array(x, "x").shape[1:]))
    keep_pages()
    sign = _sign(model)
    kept = _KEPT.setdefault(model, {})
    found = kept.pop(training, None)
    if found is None or not _same(found.sign, sign):
        graph = read(model)
        inputs, outputs = ends_of(model, graph)
        module = lower(graph, passes=TRAINING if training else (relu_after_pool,))
        found = Prepared(module, inputs, outputs, sign)
    yield found
    if sign is not None:  # after an error nothing is kept
        kept[training] = found


def _sign(model: Any) -> list[Any] | None:
    """What the network is read from: its layers, how often each is called, and what each says of itself."""
    found: list[Any] = [[tuple(tensor.shape) for tensor in (*model.inputs, *model.outputs)]]
    try:
        for name, layer in named(model):
            calls = len(getattr(layer, "_inbound_nodes", ()))
            config = layer.trainable if getattr(layer, "layers", None) else layer.get_config()
            found.append((name, id(layer), type(layer), calls, config))
    except NotImplementedError:  # of a layer that cannot tell
        return None
    return found


def _same(before: list[Any] | None, now: list[Any] | None) -> bool:
    try:
        return before is not None and before == now
    except ValueError:  # arrays among the settings
        return False
