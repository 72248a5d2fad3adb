"""Cropping2D: rows and columns cut off an image's edges."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import BadInput
from .kind import Formula, Kind, OnnxWriter, Reach, Shape, ShapeError, image, kind

if TYPE_CHECKING:
    import numpy as np
    import torch


@kind
class Cropping2D(Kind):
    """Keras's Cropping2D: ((top, bottom), (left, right))."""

    cropping: Any = ((0, 0), (0, 0))
    data_format: str | None = "channels_last"

    def __post_init__(self) -> None:
        given = self.cropping
        if isinstance(given, int):
            given = (given, given)
        sides = tuple((side, side) if isinstance(side, int) else tuple(side) for side in given)
        numbers = [number for pair in sides for number in pair]
        if (
            len(sides) != 2
            or any(len(pair) != 2 for pair in sides)
            or not all(type(n) is int and 0 <= n < 2**31 for n in numbers)
        ):
            raise BadInput(
                "cropping", f"got {self.cropping!r:.60}", "a number, two, or two pairs", "cropping=1"
            )
        object.__setattr__(self, "cropping", sides)

    def shape(self, *inputs: Shape) -> Shape:
        rows, columns, channels = image(inputs[0], "Cropping2D")
        for n, (before, after) in zip((rows, columns), self.cropping, strict=True):
            if n is not None and n <= before + after:
                raise ShapeError(
                    f"{before} + {after} cut off {n} pixels", "some pixels left", "a smaller crop"
                )
        (top, bottom), (left, right) = self.cropping
        return (
            None if rows is None else rows - top - bottom,
            None if columns is None else columns - left - right,
            channels,
        )

    def formula(self, *inputs: Shape) -> Formula:
        (top, bottom), _ = self.cropping
        return Formula(shape=f"{inputs[0][0]} − {top} − {bottom} = {self.shape(*inputs)[0]}")

    def reach(self, *inputs: Shape) -> Reach:
        return Reach(start=(-self.cropping[0][0], -self.cropping[1][0]))

    def module(self, *inputs: Shape) -> torch.nn.Module:
        from torch import nn

        (top, bottom), (left, right) = self.cropping
        return nn.ZeroPad2d((-left, -right, -top, -bottom))

    def onnx(
        self, write: OnnxWriter, names: list[str], inputs: list[Shape], weights: dict[str, np.ndarray]
    ) -> str:
        import numpy as np

        (top, bottom), (left, right) = self.cropping
        limits = [[top, left], [-bottom or 2**31, -right or 2**31], [2, 3]]
        return write.node(
            "Slice", [names[0], *(write.constant(np.array(item, dtype=np.int64)) for item in limits)]
        )
