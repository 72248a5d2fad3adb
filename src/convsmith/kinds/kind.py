"""What every kind of layer answers: settings, shape, weights, multiply-adds, formulas, reach, other forms."""

from __future__ import annotations

import dataclasses
import functools
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar, dataclass_transform

from ..errors import BadInput, BadName
from ..registry import Registry
from .limits import Limit, check_number
from .origin import is_keras

if TYPE_CHECKING:
    import numpy as np
    import torch

Shape = tuple[int | None, ...]
"""Sizes without the batch, channels last; None where the size is not known."""
GIVE_SIZES = "--input 32x32x3, in Python input_shape=(32, 32, 3)"
"""What to try where a network leaves its sizes open."""


class ShapeError(BadInput):
    """A layer cannot take its input; the Graph adds the layer's name in front."""

    def __init__(self, came: str, expected: str = "", hint: str = "", where: str = "layer") -> None:
        super().__init__(where, came, expected, hint)


def of_layer(error: BadInput, name: str, kind: Kind) -> BadInput:
    """What a kind refuses, with the name of the layer that it is.

    Example:
        >>> from convsmith.kinds.flatten import Flatten
        >>> print(of_layer(ShapeError("a shape of 9 sizes", "an image"), "flat", Flatten()))
        layer flat (Flatten): a shape of 9 sizes; expected an image
    """
    title = kind.label.partition(" (")[0]
    general = error.where == title or error.where.split()[0] in ("layer", "model")
    where = f"layer {name} ({title})" + ("" if general else f", {error.where}")
    return (
        type(error)(error.came, error.expected, error.hint, where=where)
        if isinstance(error, ShapeError)
        else BadInput(where, error.came, error.expected, error.hint)
    )


@dataclass(frozen=True)
class Weight:
    """One array that a layer owns.

    Args:
        name: Keras's name within the layer, e.g. ``"kernel"``.
        shape: in Keras's layout (kernel HWIO, dense kernel IO).
        initializer: Keras's name of the initializer, or its canonical JSON.
        trainable: False for statistics such as a moving mean.
    """

    name: str
    shape: tuple[int, ...]
    initializer: str = "zeros"
    trainable: bool = True

    @property
    def size(self) -> int:
        """How many numbers it holds."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class Reach:
    """How far one output position looks into the layer's input, in pixels.

    Args:
        kernel: rows and columns seen, dilation included.
        stride: input pixels between neighbouring outputs.
        start: pixels of padding before the first row and column.
        whole: True where every output sees the whole input.
    """

    kernel: tuple[int, int] = (1, 1)
    stride: tuple[int, int] = (1, 1)
    start: tuple[int, int] = (0, 0)
    whole: bool = False


@dataclass(frozen=True)
class Formula:
    """How a layer's figures come about, with its own numbers filled in."""

    shape: str = ""
    params: str = ""
    macs: str = ""


class OnnxWriter(Protocol):
    """What a kind needs to write itself as ONNX operators; activations are NCHW."""

    def node(self, op: str, inputs: list[str], **attributes: Any) -> str:
        """Add one operator and return its output's name."""

    def constant(self, array: np.ndarray) -> str:
        """Add a constant array and return its name."""


@dataclass(frozen=True)
class Kind:
    """One kind of layer with its settings: the fields are Keras's arguments with Keras's defaults.

    A subclass is one file, registered with ``@kind``, named as Keras's class. Shapes have no batch and
    have channels last, as in Keras; the torch and ONNX forms take three-dimensional shapes as NCHW.
    """

    home: ClassVar[str] = "keras.layers"
    """The module under which Keras serialises it."""
    torch_weights: ClassVar[Mapping[str, tuple[str, tuple[int, ...] | None]]] = {}
    """Weight name -> (attribute of the torch module, axes that turn Keras's layout into torch's)."""
    limits: ClassVar[Mapping[str, Limit]] = {}
    """Setting -> the numbers that it takes, where that is not all of them."""
    choices: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """Setting -> the words that it takes, where those are not the usual ones."""
    apart: ClassVar[bool] = False
    """True where Keras's layer is called on several tensors one by one, and not on a list of them."""
    train_only: ClassVar[bool] = False
    """True where inference passes the input on unchanged (dropout, augmentation)."""
    counted: ClassVar[bool] = True
    """False where the weights are not known: then no total may pretend to know them."""

    @property
    def label(self) -> str:
        """What a table calls it; Keras's class name."""
        return type(self).__name__

    def shape(self, *inputs: Shape) -> Shape:
        """The output's shape."""
        return inputs[0]

    def weights(self, *inputs: Shape) -> tuple[Weight, ...]:
        """The arrays it owns, in the order of Keras's ``layer.weights``."""
        return ()

    def macs(self, *inputs: Shape) -> int | None:
        """Multiply-adds of one image: convolutions and dense layers, bias not counted; None where unknown."""
        return 0

    def formula(self, *inputs: Shape) -> Formula:
        """Its figures as formulas with the numbers filled in."""
        return Formula()

    def reach(self, *inputs: Shape) -> Reach:
        """The receptive field of one output position in this layer's own input."""
        return Reach()

    def module(self, *inputs: Shape) -> torch.nn.Module:
        """The layer as a torch module (NCHW), without its activation."""
        raise BadInput(
            f"{type(self).__name__}",
            "has no torch form",
            "a layer that can be trained here",
            "convsmith list kinds",
        )

    def onnx(
        self, write: OnnxWriter, names: list[str], inputs: list[Shape], weights: dict[str, np.ndarray]
    ) -> str:
        """The layer as ONNX operators, without its activation; returns the output's name."""
        raise BadInput(
            f"{type(self).__name__}",
            "has no ONNX form",
            "a layer that ONNX has operators for",
            "convsmith list kinds",
        )

    def settings(self) -> dict[str, Any]:
        """The settings that differ from Keras's defaults, JSON-able."""
        found = {}
        for field in _fields(type(self)):
            value = getattr(self, field.name)
            if field.default is dataclasses.MISSING or value != field.default:
                found[field.name] = list(value) if isinstance(value, tuple) else value
        return found

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Kind:
        """The kind with the settings of a Keras configuration; other keys are left alone.

        Raises:
            BadInput: for a setting of a type or a size that Keras does not take.
        """
        names = [field.name for field in _fields(cls) if field.name in config]
        values: list[Any] = [frozen(config[name]) for name in names]
        return _made(cls, tuple(names), *values)  # type: ignore[arg-type]

    @classmethod
    def field_names(cls) -> frozenset[str]:
        """The names of its settings."""
        if cls not in _NAMES:
            _NAMES[cls] = frozenset(field.name for field in _fields(cls))
        return _NAMES[cls]

    def checked(self) -> Kind:
        """The kind itself, where its settings are of types and sizes that Keras takes.

        Raises:
            BadInput: for the first setting that is not.
        """
        for field in _fields(type(self)):
            _check(type(self), field.name, getattr(self, field.name))
        return self

    def changed(self, name: str, value: Any) -> Kind:
        """The kind with one setting changed.

        Raises:
            BadInput: for an unknown setting, or a value that it does not take.
        """
        known = [field.name for field in _fields(type(self))]
        if name not in known:
            raise BadName(f"setting of {type(self).__name__}", name, known)
        value = frozen(value)
        _check(type(self), name, value)
        return dataclasses.replace(self, **{name: value})

    def config(self) -> dict[str, Any]:
        """The settings as Keras writes them."""
        return {field.name: thawed(getattr(self, field.name)) for field in _fields(type(self))}


_NAMES: dict[type, frozenset[str]] = {}
_FIELDS: dict[type, tuple[dataclasses.Field[Any], ...]] = {}


def _fields(cls: type[Kind]) -> tuple[dataclasses.Field[Any], ...]:
    found = _FIELDS.get(cls)
    if found is None:
        found = _FIELDS[cls] = dataclasses.fields(cls)
    return found


_POSITIVE = frozenset(("filters", "units", "depth_multiplier", "height", "width", "n"))
_CHOICES: Mapping[str, tuple[str, ...]] = {"padding": ("valid", "same"), "data_format": ("channels_last",)}
_LARGEST = 2**31
_TYPES: Mapping[str, tuple[type, ...]] = {
    "int": (int,), "float": (int, float), "str": (str,), "bool": (bool,), "None": (type(None),),
    "tuple": (tuple,),
}  # fmt: skip
_TAKES: dict[tuple[type, str], tuple[type, ...] | None] = {}


def _check(cls: type[Kind], name: str, value: Any) -> None:
    """Raise BadInput unless the value is of a type that the field's annotation names."""
    key = cls, name
    if key not in _TAKES:
        words = [word.partition("[")[0] for word in _annotation(cls, name).split(" | ")]
        known = all(word in _TYPES for word in words) and name != "seed"
        _TAKES[key] = tuple(kind for word in words for kind in _TYPES[word]) if known else None
    takes = _TAKES[key]
    if takes is not None:
        # True is no number here, and a window's size is a pair that Keras also takes as one number.
        alike = (int,) if tuple in takes else ()
        fits = bool in takes if isinstance(value, bool) else isinstance(value, (*takes, *alike))
        if not fits:
            raise BadInput(name, f"got {value!r:.60}", _annotation(cls, name))
    choices = cls.choices.get(name) or _CHOICES.get(name)
    if choices and isinstance(value, str) and value.lower() not in choices:
        raise BadInput(name, f"got {value!r:.60}", " or ".join(map(repr, choices)))
    check_number(name, value)
    limit = cls.limits.get(name)
    if limit is not None:
        limit.check(name, value)
    low = 1 if name in _POSITIVE else -_LARGEST
    if isinstance(value, int) and not low <= value < _LARGEST:
        raise BadInput(name, f"got {value}", "a positive whole number" if low == 1 else "a smaller number")


@functools.lru_cache(maxsize=8192, typed=True)
def _made(cls: type[Kind], names: tuple[str, ...], *values: Any) -> Kind:
    """The kind with these settings, checked; networks repeat most of their layers: most are made already."""
    given = dict(zip(names, values, strict=True))
    for name, value in given.items():
        _check(cls, name, value)
    return cls(**given)


def _annotation(cls: type[Kind], name: str) -> str:
    return next((str(field.type) for field in _fields(cls) if field.name == name), "Any")


KINDS: Registry[type[Kind]] = Registry("layer kind", package="convsmith.kinds", group="convsmith.kinds")

K = TypeVar("K", bound=Kind)


@dataclass_transform(frozen_default=True)
def kind(cls: type[K]) -> type[K]:
    """Class decorator: make the class a frozen dataclass and register it under its Keras name."""
    made = dataclass(frozen=True)(cls)
    KINDS.add(made.__name__, made)
    return made


def frozen(value: Any) -> Any:
    """A hashable form of a JSON value: lists become tuples; objects become canonical JSON text.

    Keras's serialised initializers with default settings become their short names.
    """
    if isinstance(value, list):
        return tuple(frozen(item) for item in value)
    if isinstance(value, dict):
        short = _short_name(value)
        return short if short is not None else json.dumps(value, sort_keys=True, separators=(",", ":"))
    return value


def thawed(value: Any) -> Any:
    """The JSON value that `frozen` was given (short names stay short: Keras reads both)."""
    if isinstance(value, tuple):
        return [thawed(item) for item in value]
    if isinstance(value, str) and value.startswith("{"):
        return json.loads(value)
    return value


_INITIALIZERS = {
    "GlorotUniform": "glorot_uniform", "GlorotNormal": "glorot_normal",
    "HeNormal": "he_normal", "HeUniform": "he_uniform",
    "LecunNormal": "lecun_normal", "LecunUniform": "lecun_uniform",
    "Zeros": "zeros", "Ones": "ones",
}  # fmt: skip


def _short_name(value: Mapping[str, Any]) -> str | None:
    name = _INITIALIZERS.get(value.get("class_name", ""))
    config = value.get("config") or {}
    plain = name and is_keras(value, "initializers")
    return name if plain and all(item is None for item in config.values()) else None


def pair(value: Any, name: str) -> tuple[int, int]:
    """Rows and columns from a number or a pair of numbers, as Keras takes them."""
    found = (value, value) if isinstance(value, int) else tuple(value)
    if len(found) == 2:
        rows, columns = found
        if (
            isinstance(rows, int)
            and isinstance(columns, int)
            and 0 < rows < _LARGEST
            and 0 < columns < _LARGEST
        ):
            return found
    raise BadInput(name, f"got {value!r}", "a positive whole number or two of them", f"{name}=3")


def places(axis: int | tuple[int, ...], shape: Shape, layer: str) -> tuple[int, ...]:
    """Places in a shape, from Keras's axes, which count the batch; in the order in which they are given.

    Raises:
        ShapeError: for the batch's axis, one that the shape does not have, or one twice.

    Example:
        >>> places(-1, (8, 8, 3), "Softmax"), places((1, 3), (8, 8, 3), "Softmax")
        ((2,), (0, 2))
    """
    axes, rank = axis if isinstance(axis, tuple) else (axis,), len(shape)
    found = tuple(each - 1 if each > 0 else rank + each for each in axes)
    if not found or 0 in axes or len(set(found)) < len(found) or not all(0 <= each < rank for each in found):
        raise ShapeError(
            f"{layer} over axis {axis} of a shape of {rank} sizes {shape}",
            "axes of one image, counted from 1 or from -1 backwards", "axis=-1",
        )  # fmt: skip
    return found


def torch_axis(place: int, rank: int) -> int:
    """The axis of a tensor here at which a place of Keras's shape without the batch is.

    Example:
        >>> [torch_axis(place, 3) for place in range(3)], torch_axis(0, 2)
        ([2, 3, 1], 1)
    """
    return (2, 3, 1)[place] if rank == 3 else place + 1


def size(shape: Shape) -> int | None:
    """How many numbers a shape holds; None where a size is not known."""
    total = 1
    for item in shape:
        if item is None:
            return None
        total *= item
    return total


def image(shape: Shape, layer: str) -> tuple[int | None, int | None, int]:
    """The shape as rows, columns and channels, or an error that says what the layer wants."""
    if len(shape) != 3:
        raise ShapeError(
            f"{layer} follows a shape of {len(shape)} sizes {shape}",
            "an image of rows, columns and channels",
            "put it before Flatten or pooling over everything",
        )
    if shape[2] is None:
        raise ShapeError(f"{layer} got unknown channels", "a known number of channels", GIVE_SIZES)
    return shape[0], shape[1], shape[2]
