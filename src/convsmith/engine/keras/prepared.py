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

import numpy as np

from ...graph.read import read, resized
from ..lower import Lowered, lower
from ..lowered.passes import TRAINING, keep_pages, relu_after_pool
from .data import first_of, parts_of
from .ends import Ends, ends_of
from .sync import named


@dataclass(frozen=True)
class Prepared:
    """A model for the engine.

    Args:
        module: its lowered form; the weights are to be pulled.
        inputs, outputs: its ends, with the sizes of the data where the model leaves its own open.
        own: its inputs as it defines them.
        sign: what it was like, as `_sign` tells; None where that cannot be told.
    """

    module: Lowered
    inputs: Ends
    outputs: Ends
    own: Ends
    sign: list[Any] | None


_KEPT: WeakKeyDictionary[Any, dict[bool, Prepared]] = WeakKeyDictionary()
"""Model -> what is ready for it, for training or not."""


@contextmanager
def prepared(model: Any, x: Any, *, training: bool) -> Iterator[tuple[Prepared, Any]]:
    """The model, built and lowered, for one call; calls within that call get another lowered form.

    Args:
        model: a Sequential or Functional model.
        x: data, whose shape builds a model without an input, and says what a model leaves open.
        training: whether it is to be trained.

    Yields:
        The model, and the data from their first batch on.

    Raises:
        BadInput: what cannot be read or lowered, by name.
    """
    first = None
    if not model.built:
        first, x = first_of(x)
        shape = tuple(getattr(first, "shape", ())) or np.shape(first)
        model.build((None, *shape[1:]))
    keep_pages()
    sign = _sign(model)
    kept = _KEPT.setdefault(model, {})
    found = kept.pop(training, None)
    if found is not None and not _same(found.sign, sign):
        found = None
    graph = found.module.graph if found else read(model)
    own = found.own if found else ends_of(model, graph)[0]
    sizes = own.shapes
    if any(None in shape for shape in sizes):
        if first is None:
            first, x = first_of(x)
        sizes = tuple(part.shape[1:] for part in parts_of(first, own))
    if found is None or found.inputs.shapes != sizes:
        if sizes != own.shapes:
            graph = resized(graph, dict(zip(graph.inputs, sizes, strict=True)))
        inputs, outputs = ends_of(model, graph)
        module = lower(graph, passes=TRAINING if training else (relu_after_pool,))
        found = Prepared(module, inputs, outputs, own, sign)
    yield found, x
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
