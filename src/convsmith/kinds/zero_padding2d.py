"""ZeroPadding2D: rows and columns of zeros around an image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import BadInput
from .kind import Formula, Kind, OnnxWriter, Reach, Shape, image, kind

if TYPE_CHECKING:
    import numpy as np
    import torch


@kind
class ZeroPadding2D(Kind):
    """Keras's ZeroPadding2D: ((top, bottom), (left, right))."""

    padding: Any = ((1, 1), (1, 1))
    data_format: str | None = "channels_last"

    def __post_init__(self) -> None:
        given = self.padding
        if isinstance(given, int):
            given = (given, given)
        sides = tuple((side, side) if isinstance(side, int) else tuple(side) for side in given)
        numbers = [number for pair in sides for number in pair]
        if (
            len(sides) != 2
            or any(len(pair) != 2 for pair in sides)
            or not all(type(n) is int and 0 <= n < 2**31 for n in numbers)
        ):
            raise BadInput("padding", f"got {self.padding!r:.60}", "a number, two, or two pairs", "padding=1")
        object.__setattr__(self, "padding", sides)

    def shape(self, *inputs: Shape) -> Shape:
        rows, columns, channels = image(inputs[0], "ZeroPadding2D")
        (top, bottom), (left, right) = self.padding
        return (
            None if rows is None else rows + top + bottom,
            None if columns is None else columns + left + right,
            channels,
        )

    def formula(self, *inputs: Shape) -> Formula:
        (top, bottom), _ = self.padding
        return Formula(shape=f"{inputs[0][0]} + {top} + {bottom} = {self.shape(*inputs)[0]}")

    def reach(self, *inputs: Shape) -> Reach:
        return Reach(start=(self.padding[0][0], self.padding[1][0]))

    def module(self, *inputs: Shape) -> torch.nn.Module:
        from torch import nn

        (top, bottom), (left, right) = self.padding
        return nn.ZeroPad2d((left, right, top, bottom))

    def onnx(
        self, write: OnnxWriter, names: list[str], inputs: list[Shape], weights: dict[str, np.ndarray]
    ) -> str:
        import numpy as np

        (top, bottom), (left, right) = self.padding
        return write.node(
            "Pad",
            [names[0], write.constant(np.array([0, 0, top, left, 0, 0, bottom, right], dtype=np.int64))],
        )
