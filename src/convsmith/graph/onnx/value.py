"""An ONNX tensor as the Graph has it: which layer's output it is, and how the file's axes stand in that.

The Graph has images channels last and no batch; the file has its axes in any order. Nothing is turned
round until a layer needs it: a Transpose only changes which axis of the file an axis of the Graph is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ...kinds import Shape
from .sizes import Many, Size, per_image


@dataclass(frozen=True)
class Value:
    """One tensor.

    Args:
        node: the layer whose output it is.
        dims: its sizes in the file, the batch among them.
        axes: for each axis of the Graph's tensor, the file's axis that it is.
        mixed: for a row of features: the sizes of what was flattened, and in which order the file has them.
        positive: whether no number is below 0.
        numbers: the type of its numbers by numpy's name.
    """

    node: str
    dims: tuple[Size, ...]
    axes: tuple[int, ...]
    mixed: tuple[tuple[int, ...], tuple[int, ...]] | None = None
    positive: bool = False
    numbers: str = "float32"

    @property
    def shape(self) -> Shape:
        """What the Graph says of it."""
        return tuple(per_image(self.dims[axis]) for axis in self.axes)

    @property
    def batch(self) -> int | None:
        """The file's axis that holds the batch; None where there is none."""
        return next((axis for axis, size in enumerate(self.dims) if isinstance(size, Many)), None)

    @property
    def is_plain(self) -> bool:
        """Whether the batch alone stands on the first axis."""
        return bool(self.dims) and self.dims[0] == Many() and not any(
            isinstance(size, Many) for size in self.dims[1:]
        )  # fmt: skip

    @property
    def total(self) -> int | None:
        """Numbers of one image."""
        shape = self.shape
        return None if None in shape else math.prod(size or 0 for size in shape)

    def moved(self, perm: Sequence[int]) -> Value:
        """The file's axes in another order: axis i of the result is axis perm[i] of this."""
        place = {axis: new for new, axis in enumerate(perm)}
        return replace(
            self, dims=tuple(self.dims[axis] for axis in perm), axes=tuple(place[axis] for axis in self.axes)
        )

    def stands(self, axis: int) -> int:
        """The axis of the Graph's tensor that an axis of the file is.

        Raises:
            ValueError: for the batch, which the Graph leaves out.
        """
        return self.axes.index(axis % len(self.dims))


def own_axes(dims: Sequence[Size]) -> list[int]:
    """The file's axes that the Graph has: all but the batch where it stands alone."""
    return [axis for axis, size in enumerate(dims) if size != Many()]


def usual_axes(dims: Sequence[Size]) -> tuple[int, ...]:
    """The order in which the Graph has a tensor of these sizes: images with their channels last."""
    axes = own_axes(dims)
    if len(dims) in (4, 5) and dims[0] == Many() and len(axes) == len(dims) - 1:
        return (*axes[1:], axes[0])
    return tuple(axes)


def sized(dims: Sequence[Size], axes: Sequence[int], shape: Shape) -> tuple[Size, ...]:
    """The file's sizes, with those of a layer's output in the places of the Graph's axes."""
    found = list(dims)
    for axis, size in zip(axes, shape, strict=True):
        kept = isinstance(found[axis], Many) and size is not None
        found[axis] = Many(size or 0) if kept else size
    return tuple(found)


def broadcast(shapes: Sequence[Sequence[Size]]) -> tuple[Size, ...]:
    """The sizes of tensors that stretch over each other.

    Raises:
        ValueError: where they do not.
    """
    rank = max(map(len, shapes), default=0)
    found: list[Size] = []
    for place in range(-rank, 0):
        size: Size = 1
        for shape in shapes:
            own = shape[place] if -place <= len(shape) else 1
            if own == 1 or own == size:
                continue
            if size == 1:
                size = own
            elif isinstance(own, Many) or isinstance(size, Many):
                size = size if isinstance(size, Many) else own
            elif own is None or size is None:
                size = own if size is None else size
            else:
                raise ValueError(f"sizes {size} and {own} side by side")
        found.append(size)
    return tuple(found)
