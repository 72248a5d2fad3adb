"""Keras's notation without Keras: `Input`, `layers`, `Model` and `Sequential` that record a Graph.

What is written in it reads exactly like Keras, and runs with Keras by changing the import:

    >>> from convsmith.graph import notation as keras
    >>> x = inputs = keras.Input((8, 8, 1))
    >>> x = keras.layers.Conv2D(4, 3, activation="relu")(x)
    >>> graph = keras.Model(inputs, x, name="edges")
    >>> graph.params
    40
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable, Sequence
from typing import Any

from ..errors import BadInput
from ..kinds import KINDS, Kind, frozen
from ..kinds.input_layer import InputLayer
from .graph import Graph, Node
from .names import Names
from .places import noted


class Tensor:
    """The output of a recorded layer: the layer, and the tensors that it took."""

    __slots__ = ("layer", "sources")

    def __init__(self, layer: Layer, sources: tuple[Tensor, ...]) -> None:
        self.layer, self.sources = layer, sources


class Layer:
    """One layer before it is put into a Graph; calling it twice shares its weights."""

    __slots__ = ("_of", "dtype", "kind", "name", "place", "trainable")

    def __init__(
        self,
        kind: Kind,
        *,
        name: str | None = None,
        trainable: bool = True,
        dtype: str = "float32",
        of: Layer | None = None,
    ) -> None:
        self.kind, self.name, self.trainable, self.dtype = kind, name, trainable, dtype
        places = noted()
        self.place = "" if places is None else places.of_next(type(kind).__name__)
        self._of = of  # itself would be a cycle, which only the garbage collector ends

    @property
    def of(self) -> Layer:
        """The layer whose further output this is: itself for the first."""
        return self._of or self

    def __call__(self, inputs: Tensor | Sequence[Tensor]) -> Tensor:
        sources = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
        for source in sources:
            if not isinstance(source, Tensor):
                raise BadInput(
                    type(self.kind).__name__,
                    f"was called on {type(source).__name__}",
                    "the output of a layer",
                )
        return Tensor(self, sources)


class _Layers:
    """`layers.Conv2D(...)`: every kind under Keras's name."""

    def __getattr__(self, name: str) -> Callable[..., Layer]:
        if name.startswith("_"):
            raise AttributeError(name)
        kind: Any = KINDS[name]

        def make(
            *args: Any,
            name: str | None = None,
            trainable: bool = True,
            dtype: str = "float32",
            **settings: Any,
        ) -> Layer:
            try:
                made = _made(kind, tuple(settings), *args, *settings.values())
            except TypeError:  # a list, which no cache can keep, or arguments that the kind does not have
                values = [frozen(value) for value in (*args, *settings.values())]
                try:
                    made = _made(kind, tuple(settings), *values)
                except TypeError as error:
                    expected = f"Keras's arguments of {kind.__name__}"
                    raise BadInput(kind.__name__, str(error), expected) from None
                except BadInput as error:
                    raise _named(error, name, kind) from None
            except BadInput as error:
                raise _named(error, name, kind) from None
            return Layer(made, name=name, trainable=trainable, dtype=dtype)

        setattr(self, name, make)  # the next time it is an attribute
        return make


def _named(error: BadInput, name: str | None, kind: type[Kind]) -> BadInput:
    """The refusal of a setting, with the layer in front."""
    layer = f"layer {name} ({kind.__name__})" if name else f"layer of kind {kind.__name__}"
    return BadInput(f"{layer}, {error.where}", error.came, error.expected, error.hint)


layers = _Layers()


@functools.lru_cache(maxsize=8192, typed=True)
def _made(kind: type[Kind], names: tuple[str, ...], *values: Any) -> Kind:
    """The kind with these arguments, checked; a search writes the same layers thousands of times."""
    plain = len(values) - len(names)
    return kind(*values[:plain], **dict(zip(names, values[plain:], strict=True))).checked()


class _Operations:
    """`ops.split(...)`: functions of tensors that networks are written with."""

    @staticmethod
    def split(x: Tensor, indices_or_sections: int | Sequence[int], axis: int = 0) -> list[Tensor]:
        """Parts of a tensor along an axis that counts the batch: so many equal ones, or cut at places.

        Example:
            >>> x = inputs = Input((4, 4, 6))
            >>> left, right = ops.split(x, [2], axis=-1)
            >>> Model(inputs, [left, right]).shapes["split_1"]
            (4, 4, 4)
        """
        if isinstance(indices_or_sections, int):
            cuts: int | list[int] = indices_or_sections
            parts = indices_or_sections
        else:
            cuts = list(indices_or_sections)
            parts = len(cuts) + 1
        options = {"axis": axis, "indices_or_sections": cuts}
        settings = json.dumps(options, sort_keys=True, separators=(",", ":"))
        kind: Any = KINDS["Operation"]
        first = Layer(kind("numpy.Split", settings))
        rest = [Layer(kind("numpy.Split", settings, "", part), of=first) for part in range(1, parts)]
        return [layer(x) for layer in (first, *rest)]

    @staticmethod
    def mean(x: Tensor, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Tensor:
        """The mean over axes that count the batch.

        Example:
            >>> x = inputs = Input((4, 4, 3))
            >>> Model(inputs, ops.mean(x, axis=-1, keepdims=True)).output_shape
            (4, 4, 1)
        """
        options = {
            "axis": axis if axis is None or isinstance(axis, int) else list(axis),
            "keepdims": keepdims,
        }
        kind: Any = KINDS["Operation"]
        return Layer(kind("numpy.Mean", json.dumps(options, sort_keys=True, separators=(",", ":"))))(x)


ops = _Operations()


def Input(shape: Sequence[int | None], *, name: str | None = None, dtype: str = "float32") -> Tensor:  # noqa: N802
    """An input of the given shape, without the batch, channels last."""
    return Tensor(Layer(InputLayer(tuple(shape), dtype), name=name), ())


def Model(  # noqa: N802
    inputs: Tensor | Sequence[Tensor], outputs: Tensor | Sequence[Tensor], *, name: str = "model"
) -> Graph:
    """The Graph between inputs and outputs; unnamed layers are numbered by kind."""
    ends = (outputs,) if isinstance(outputs, Tensor) else tuple(outputs)
    starts = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
    order = _walk((*starts, *ends))
    names: dict[int, str] = {}
    taken = Names(tensor.layer.name for tensor in order if tensor.layer.name)
    owners: dict[int, str] = {}
    nodes, places = [], noted()
    for tensor in order:
        layer = tensor.layer
        first = id(layer.of)
        shared = owners.get(first)
        wanted = layer.name
        if not wanted:
            wanted = _snake(getattr(layer.kind, "function", type(layer.kind).__name__))
        own = wanted if layer.name and not shared else taken.free(wanted)
        names[id(tensor)] = own
        if not shared:
            owners[first] = own
            if places is not None:
                places.nodes[own] = layer.place
        sources = tuple([names[id(source)] for source in tensor.sources])
        nodes.append(Node(own, layer.kind, sources, shared or own, layer.trainable, layer.dtype))
    return Graph(name, nodes, [names[id(end)] for end in ends], [names[id(start)] for start in starts])


def Sequential(layers: Sequence[Tensor | Layer], *, name: str = "sequential") -> Graph:  # noqa: N802
    """The Graph of layers one after the other; the first is an Input."""
    if not layers or not isinstance(layers[0], Tensor):
        raise BadInput(f"Sequential '{name}'", "has no Input first", "keras.Input(shape) as the first layer")
    first = current = layers[0]
    for layer in layers[1:]:
        assert isinstance(layer, Layer)
        current = layer(current)
    return Model(first, current, name=name)


def _walk(ends: tuple[Tensor, ...]) -> list[Tensor]:
    """Every tensor that the ends depend on, sources first (no recursion: networks are deep)."""
    order: list[Tensor] = []
    seen: set[int] = set()
    for end in ends:
        stack: list[Tensor | None] = [end]
        waiting: list[Tensor] = []  # for their sources; None in the stack says that the last one has them all
        while stack:
            tensor = stack.pop()
            if tensor is None:
                order.append(waiting.pop())
            elif id(tensor) not in seen:
                seen.add(id(tensor))
                waiting.append(tensor)
                stack.append(None)
                stack.extend(tensor.sources[::-1])
    return order


@functools.cache
def _snake(name: str) -> str:
    """Keras's automatic name of a class or function: MaxPooling2D -> max_pooling2d, numpy.Mean -> mean."""
    name = re.sub(r"\W+", "", name.rpartition(".")[2])
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()
