"""What max- and average-pooling share: a window slid over an image, channel by channel, without weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from . import window
from .kind import Formula, Kind, OnnxWriter, Reach, Shape, image, pair

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Pool(Kind):
    """A layer that takes one number from each window; the fields are Keras's."""

    pool_size: tuple[int, int] = (2, 2)
    strides: tuple[int, int] | None = None
    padding: str = "valid"
    data_format: str | None = "channels_last"

    operator: ClassVar[str]
    """ONNX's name of it."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "pool_size", pair(self.pool_size, "pool_size"))
        object.__setattr__(
            self, "strides", pair(self.pool_size if self.strides is None else self.strides, "strides")
        )
        object.__setattr__(self, "padding", self.padding.lower())

    @property
    def steps(self) -> tuple[int, int]:
        """Pixels from one window to the next, down and across."""
        return self.strides or self.pool_size

    def pads(self, shape: Shape) -> window.Pads:
        """Pixels added at the top, bottom, left and right."""
        return window.pads(shape[0], shape[1], self.pool_size, self.steps, self.padding)

    def shape(self, *inputs: Shape) -> Shape:
        rows, columns, channels = image(inputs[0], type(self).__name__)
        (fh, fw), (sh, sw) = self.pool_size, self.steps
        return (
            window.length(rows, fh, sh, self.padding),
            window.length(columns, fw, sw, self.padding),
            channels,
        )

    def formula(self, *inputs: Shape) -> Formula:
        fh, sh = self.pool_size[0], self.steps[0]
        return Formula(shape=window.shape_formula(inputs[0][0], fh, sh, self.padding, self.pads(inputs[0])))

    def reach(self, *inputs: Shape) -> Reach:
        return window.reach(self.pool_size, self.steps, self.pads(inputs[0]))

    def onnx(
        self, write: OnnxWriter, names: list[str], inputs: list[Shape], weights: dict[str, np.ndarray]
    ) -> str:
        top, bottom, left, right = self.pads(inputs[0])
        return write.node(
            self.operator,
            names,
            kernel_shape=list(self.pool_size),
            strides=list(self.steps),
            pads=[top, left, bottom, right],
        )
