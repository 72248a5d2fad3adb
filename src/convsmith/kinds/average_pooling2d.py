"""AveragePooling2D: the mean in each window, channel by channel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import window
from .kind import Formula, Kind, OnnxWriter, Reach, Shape, image, kind, pair

if TYPE_CHECKING:
    import numpy as np
    import torch


@kind
class AveragePooling2D(Kind):
    """Keras's AveragePooling2D."""

    pool_size: tuple[int, int] = (2, 2)
    strides: tuple[int, int] | None = None
    padding: str = "valid"
    data_format: str | None = "channels_last"

    def __post_init__(self) -> None:
        object.__setattr__(self, "pool_size", pair(self.pool_size, "pool_size"))
        object.__setattr__(self, "strides", pair(self.strides or self.pool_size, "strides"))
        object.__setattr__(self, "padding", self.padding.lower())

    @property
    def _strides(self) -> tuple[int, int]:
        return self.strides or self.pool_size

    def _pads(self, shape: Shape) -> window.Pads:
        return window.pads(shape[0], shape[1], self.pool_size, self._strides, self.padding)

    def shape(self, *inputs: Shape) -> Shape:
        rows, columns, channels = image(inputs[0], "AveragePooling2D")
        (fh, fw), (sh, sw) = self.pool_size, self._strides
        return (
            window.length(rows, fh, sh, self.padding),
            window.length(columns, fw, sw, self.padding),
            channels,
        )

    def formula(self, *inputs: Shape) -> Formula:
        fh, sh = self.pool_size[0], self._strides[0]
        return Formula(shape=window.shape_formula(inputs[0][0], fh, sh, self.padding, self._pads(inputs[0])))

    def reach(self, *inputs: Shape) -> Reach:
        return window.reach(self.pool_size, self._strides, self._pads(inputs[0]))

    def module(self, *inputs: Shape) -> torch.nn.Module:
        from ._torch import AvgPool2d

        return AvgPool2d(self.pool_size, self._strides, self._pads(inputs[0]))

    def onnx(
        self, write: OnnxWriter, names: list[str], inputs: list[Shape], weights: dict[str, np.ndarray]
    ) -> str:
        top, bottom, left, right = self._pads(inputs[0])
        return write.node(
            "AveragePool",
            names,
            kernel_shape=list(self.pool_size),
            strides=list(self._strides),
            pads=[top, left, bottom, right],
        )
