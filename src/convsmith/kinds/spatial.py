"""Windows over any number of axes: what layers over sequences and volumes share; channels stay last."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from ..errors import BadInput
from . import window
from .kind import GIVE_SIZES, Formula, Kind, OnnxWriter, Reach, Shape, ShapeError, Weight, size
from .window import Sides

if TYPE_CHECKING:
    import numpy as np
    import torch


def several(value: Any, count: int, name: str, least: int = 1) -> tuple[int, ...]:
    """One number for each axis, from one for all or as many.

    Raises:
        BadInput: for anything else.

    Example:
        >>> several(2, 3, "strides"), several((1, 2, 3), 3, "strides")
        ((2, 2, 2), (1, 2, 3))
    """
    found: tuple[Any, ...] = (value,) * count if isinstance(value, int | str) else tuple(value)
    if len(found) != count or not all(type(item) is int and least <= item < 2**31 for item in found):
        words = "a whole number" if count == 1 else f"a whole number or {count} of them"
        raise BadInput(name, f"got {value!r:.60}", f"{words} from {least}", f"{name}={max(least, 1)}")
    return found


def volume(shape: Shape, axes: int, layer: str) -> tuple[tuple[int | None, ...], int]:
    """The sizes along the axes, and the channels.

    Raises:
        ShapeError: for a shape of other sizes, or unknown channels.
    """
    if len(shape) != axes + 1:
        wanted = {1: "steps and channels", 3: "depth, rows, columns and channels"}.get(
            axes, f"{axes + 1} sizes"
        )
        raise ShapeError(
            f"{layer} follows a shape of {len(shape)} sizes {shape}", wanted, "Reshape before it"
        )
    channels = shape[-1]
    if channels is None:
        raise ShapeError(f"{layer} got unknown channels", "a known number of channels", GIVE_SIZES)
    return shape[:-1], channels


def sides(
    sizes: tuple[int | None, ...],
    kernel: tuple[int, ...],
    strides: tuple[int, ...],
    padding: str,
    dilation: tuple[int, ...],
) -> Sides:
    """Zeros before and behind each axis; an odd one goes behind, and all before where it is causal."""
    if padding == "valid":
        return ((0, 0),) * len(kernel)
    found = []
    for n, f, s, d in zip(sizes, kernel, strides, dilation, strict=True):
        if padding == "causal":
            found.append(((f - 1) * d, 0))
            continue
        before, behind, _, _ = window.pads(n, n, (f, f), (s, s), padding, (d, d))
        found.append((before, behind))
    return tuple(found)


@dataclass(frozen=True)
class Spatial(Kind):
    """A layer over `axes` axes."""

    axes: ClassVar[int]

    def _volume(self, shape: Shape) -> tuple[tuple[int | None, ...], int]:
        return volume(shape, self.axes, type(self).__name__)

    def _reach(self, kernel: tuple[int, ...], strides: tuple[int, ...], before: tuple[int, ...]) -> Reach:
        """The field along the last two axes; along one axis it is one row."""
        last = [(kernel[at], strides[at], before[at]) for at in range(-min(2, self.axes), 0)]
        if len(last) == 1:
            last.append((1, 1, 0))
        (f, s, b), (g, t, c) = last
        return Reach((f, g), (s, t), (b, c))


@dataclass(frozen=True)
class SpatialPool(Spatial):
    """One number from each window, channel by channel; the fields are Keras's."""

    pool_size: tuple[int, ...] = ()
    strides: tuple[int, ...] | None = None
    padding: str = "valid"
    data_format: str | None = "channels_last"

    operator: ClassVar[str]

    def __post_init__(self) -> None:
        given = self.pool_size if self.pool_size != () else 2
        object.__setattr__(self, "pool_size", several(given, self.axes, "pool_size"))
        wanted = self.pool_size if self.strides is None else self.strides
        object.__setattr__(self, "strides", several(wanted, self.axes, "strides"))
        object.__setattr__(self, "padding", self.padding.lower())

    def _sides(self, shape: Shape) -> Sides:
        sizes, _ = self._volume(shape)
        ones = (1,) * self.axes
        return sides(sizes, self.pool_size, self.strides or ones, self.padding, ones)

    def shape(self, *inputs: Shape) -> Shape:
        sizes, channels = self._volume(inputs[0])
        steps = zip(sizes, self.pool_size, self.strides or self.pool_size, strict=True)
        return (*(window.length(n, f, s, self.padding) for n, f, s in steps), channels)

    def reach(self, *inputs: Shape) -> Reach:
        before = tuple(side[0] for side in self._sides(inputs[0]))
        return self._reach(self.pool_size, self.strides or self.pool_size, before)

    def module(self, *inputs: Shape) -> torch.nn.Module:
        from ._torch_spatial import Pool

        return Pool(self.operator, self.pool_size, self.strides or self.pool_size, self._sides(inputs[0]))

    def onnx(
        self, write: OnnxWriter, names: list[str], inputs: list[Shape], weights: dict[str, np.ndarray]
    ) -> str:
        around = self._sides(inputs[0])
        pooled = write.node(
            self.operator, [first(write, names[0], self.axes)],
            kernel_shape=list(self.pool_size), strides=list(self.strides or self.pool_size),
            pads=[side[0] for side in around] + [side[1] for side in around],
        )  # fmt: skip
        return last(write, pooled, self.axes)


@dataclass(frozen=True)
class SpatialGlobal(Spatial):
    """One number of each channel over all places."""

    data_format: str | None = "channels_last"
    keepdims: bool = False

    operator: ClassVar[str]

    def shape(self, *inputs: Shape) -> Shape:
        _, channels = self._volume(inputs[0])
        return (*(1,) * self.axes, channels) if self.keepdims else (channels,)

    def reach(self, *inputs: Shape) -> Reach:
        return Reach(whole=True)

    def module(self, *inputs: Shape) -> torch.nn.Module:
        from ._torch_spatial import GlobalPool

        return GlobalPool(self.operator, self.axes, self.keepdims)

    def onnx(
        self, write: OnnxWriter, names: list[str], inputs: list[Shape], weights: dict[str, np.ndarray]
    ) -> str:
        import numpy as np

        over = write.constant(np.arange(1, self.axes + 1, dtype=np.int64))
        return write.node(self.operator, [names[0], over], keepdims=int(self.keepdims))


@dataclass(frozen=True)
class SpatialConvolution(Spatial):
    """Filters slid over all axes; the fields are Keras's."""

    filters: int
    kernel_size: tuple[int, ...]
    strides: tuple[int, ...] = ()
    padding: str = "valid"
    data_format: str | None = "channels_last"
    dilation_rate: tuple[int, ...] = ()
    groups: int = 1
    activation: str | None = "linear"
    use_bias: bool = True
    kernel_initializer: str = "glorot_uniform"
    bias_initializer: str = "zeros"
    kernel_regularizer: str | None = None
    bias_regularizer: str | None = None
    activity_regularizer: str | None = None
    kernel_constraint: str | None = None
    bias_constraint: str | None = None

    def __post_init__(self) -> None:
        for name in ("kernel_size", "strides", "dilation_rate"):
            given = getattr(self, name)
            object.__setattr__(self, name, several(1 if given == () else given, self.axes, name))
        object.__setattr__(self, "padding", self.padding.lower())

    def _sides(self, shape: Shape) -> Sides:
        sizes, _ = self._volume(shape)
        return sides(sizes, self.kernel_size, self.strides, self.padding, self.dilation_rate)

    def shape(self, *inputs: Shape) -> Shape:
        sizes, channels = self._volume(inputs[0])
        if self.groups < 1 or channels % self.groups or self.filters % self.groups:
            raise ShapeError(
                f"{channels} channels and {self.filters} filters in {self.groups} groups",
                "both divisible by the number of groups", "groups=1",
            )  # fmt: skip
        steps = zip(sizes, self.kernel_size, self.strides, self.dilation_rate, strict=True)
        return (*(window.length(n, f, s, self.padding, d) for n, f, s, d in steps), self.filters)

    def _each(self, shape: Shape) -> int:
        """Numbers of one filter."""
        return math.prod(self.kernel_size) * (self._volume(shape)[1] // self.groups)

    def weights(self, *inputs: Shape) -> tuple[Weight, ...]:
        channels = self._volume(inputs[0])[1] // self.groups
        kernel = Weight("kernel", (*self.kernel_size, channels, self.filters), self.kernel_initializer)
        bias = Weight("bias", (self.filters,), self.bias_initializer)
        return (kernel, bias) if self.use_bias else (kernel,)

    def macs(self, *inputs: Shape) -> int | None:
        out = size(self.shape(*inputs))
        return None if out is None else out * self._each(inputs[0])

    def formula(self, *inputs: Shape) -> Formula:
        channels = self._volume(inputs[0])[1] // self.groups
        each = "×".join(map(str, (*self.kernel_size, channels)))
        out = "×".join(map(str, self.shape(*inputs)))
        return Formula(
            params=f"({each} + 1)×{self.filters}" if self.use_bias else f"{each}×{self.filters}",
            macs=f"{out} × {each}",
        )

    def reach(self, *inputs: Shape) -> Reach:
        seen = tuple((f - 1) * d + 1 for f, d in zip(self.kernel_size, self.dilation_rate, strict=True))
        return self._reach(seen, self.strides, tuple(side[0] for side in self._sides(inputs[0])))

    def module(self, *inputs: Shape) -> torch.nn.Module:
        from ._torch_spatial import Convolution

        return Convolution(
            self._volume(inputs[0])[1], self.filters, self.kernel_size, self.strides, self._sides(inputs[0]),
            self.dilation_rate, self.groups, self.use_bias,
        )  # fmt: skip

    def onnx(
        self, write: OnnxWriter, names: list[str], inputs: list[Shape], weights: dict[str, np.ndarray]
    ) -> str:
        around, rank = self._sides(inputs[0]), self.axes
        arrays = [write.constant(weights["kernel"].transpose(rank + 1, rank, *range(rank)))]
        arrays += [write.constant(weights["bias"])] if self.use_bias else []
        out = write.node(
            "Conv", [first(write, names[0], rank), *arrays], kernel_shape=list(self.kernel_size),
            strides=list(self.strides), dilations=list(self.dilation_rate), group=self.groups,
            pads=[side[0] for side in around] + [side[1] for side in around],
        )  # fmt: skip
        return last(write, out, rank)


def first(write: OnnxWriter, name: str, axes: int) -> str:
    """The channels behind the batch, as ONNX wants them."""
    return write.node("Transpose", [name], perm=[0, axes + 1, *range(1, axes + 1)])


def last(write: OnnxWriter, name: str, axes: int) -> str:
    """The way back from `first`."""
    return write.node("Transpose", [name], perm=[0, *range(2, axes + 2), 1])
