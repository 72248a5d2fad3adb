"""What layers share that add to, cut off or repeat the places of a sequence or a volume."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from .kind import GIVE_SIZES, Kind, OnnxWriter, Shape, ShapeError
from .spatial import several, volume

if TYPE_CHECKING:
    import numpy as np
    import torch

Sides = tuple[tuple[int, int], ...]


def pairs(value: object, axes: int, name: str) -> Sides:
    """Places before and behind along each axis, as Keras takes them.

    Args:
        value: a number for all sides; one pair where there is one axis, else one for each.
        axes: how many there are.
        name: of the setting, for messages.

    Raises:
        BadInput: for anything else.

    Example:
        >>> pairs((1, 2), 1, "padding"), pairs(1, 2, "padding")
        (((1, 2),), ((1, 1), (1, 1)))
    """
    given = (value,) * axes if isinstance(value, int) or axes == 1 else tuple(value)  # type: ignore[arg-type]
    if len(given) != axes:
        several(given, axes, name, least=0)
    return tuple(several(one, 2, name, least=0) for one in given)  # type: ignore[misc]


class Padded(Kind):
    """A layer that puts zeros before and behind."""

    axes: ClassVar[int]

    def sides(self) -> Sides:
        """Places before and behind along each axis."""
        return pairs(self.padding, self.axes, "padding")  # type: ignore[attr-defined]

    def shape(self, *inputs: Shape) -> Shape:
        sizes, channels = volume(inputs[0], self.axes, type(self).__name__)
        return (
            *(None if n is None else n + sum(more) for n, more in zip(sizes, self.sides(), strict=True)),
            channels,
        )

    def module(self, *inputs: Shape) -> torch.nn.Module:
        from ._torch_spatial import Edges

        return Edges(self.sides())

    def onnx(
        self, write: OnnxWriter, names: list[str], inputs: list[Shape], weights: dict[str, np.ndarray]
    ) -> str:
        import numpy as np

        before, behind = ([side[at] for side in self.sides()] for at in (0, 1))
        around = np.array([0, *before, 0, 0, *behind, 0], dtype=np.int64)
        return write.node("Pad", [names[0], write.constant(around)])


class Cropped(Kind):
    """A layer that cuts places off before and behind."""

    axes: ClassVar[int]

    def sides(self) -> Sides:
        """Places that go before and behind along each axis."""
        return pairs(self.cropping, self.axes, "cropping")  # type: ignore[attr-defined]

    def shape(self, *inputs: Shape) -> Shape:
        name = type(self).__name__
        sizes, channels = volume(inputs[0], self.axes, name)
        found = []
        for n, less in zip(sizes, map(sum, self.sides()), strict=True):
            if n is not None and n <= less:
                raise ShapeError(f"{name} of {less} from {n}", "less than there is", "cropping=1")
            found.append(None if n is None else n - less)
        return (*found, channels)

    def module(self, *inputs: Shape) -> torch.nn.Module:
        from ._torch_spatial import Edges

        return Edges(tuple((-before, -behind) for before, behind in self.sides()))

    def onnx(
        self, write: OnnxWriter, names: list[str], inputs: list[Shape], weights: dict[str, np.ndarray]
    ) -> str:
        import numpy as np

        starts = [before for before, _ in self.sides()]
        ends = [-behind or 2**31 for _, behind in self.sides()]
        limits = [starts, ends, list(range(1, 1 + self.axes))]
        return write.node(
            "Slice", [names[0], *(write.constant(np.array(item, dtype=np.int64)) for item in limits)]
        )


class Repeated(Kind):
    """A layer that gives every place several times over."""

    axes: ClassVar[int]

    def times(self) -> tuple[int, ...]:
        """How often along each axis."""
        return several(self.size, self.axes, "size")  # type: ignore[attr-defined]

    def shape(self, *inputs: Shape) -> Shape:
        sizes, channels = volume(inputs[0], self.axes, type(self).__name__)
        return (
            *(None if n is None else n * each for n, each in zip(sizes, self.times(), strict=True)),
            channels,
        )

    def module(self, *inputs: Shape) -> torch.nn.Module:
        from ._torch_spatial import Repeat

        return Repeat(self.times())

    def onnx(
        self, write: OnnxWriter, names: list[str], inputs: list[Shape], weights: dict[str, np.ndarray]
    ) -> str:
        import numpy as np

        name = names[0]
        for axis, times in enumerate(self.times(), 1):
            n = inputs[0][axis - 1]
            if n is None:
                raise ShapeError(f"{type(self).__name__} of an unknown size", "a known size", GIVE_SIZES)
            places = write.constant(np.arange(n, dtype=np.int64).repeat(times))
            name = write.node("Gather", [name, places], axis=axis)
        return name
