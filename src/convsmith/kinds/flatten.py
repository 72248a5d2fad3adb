"""Flatten: an image as one long row of features, in the order rows, columns, channels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .kind import Formula, Kind, OnnxWriter, Shape, kind, size

if TYPE_CHECKING:
    import numpy as np
    import torch


@kind
class Flatten(Kind):
    """Keras's Flatten."""

    data_format: str | None = "channels_last"

    def shape(self, *inputs: Shape) -> Shape:
        return (size(inputs[0]),)

    def formula(self, *inputs: Shape) -> Formula:
        return Formula(shape="×".join(str(item) for item in inputs[0]) + f" = {size(inputs[0])}")

    def module(self, *inputs: Shape) -> torch.nn.Module:
        from ._torch import ChannelsLast

        return ChannelsLast((-1,))

    def onnx(
        self, write: OnnxWriter, names: list[str], inputs: list[Shape], weights: dict[str, np.ndarray]
    ) -> str:
        name = write.node("Transpose", names, perm=[0, 2, 3, 1]) if len(inputs[0]) == 3 else names[0]
        return write.node("Flatten", [name])
