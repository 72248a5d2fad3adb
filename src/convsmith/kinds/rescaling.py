"""Rescaling: pixel values times a scale plus an offset, so that a network can take raw pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .kind import Formula, Kind, OnnxWriter, Shape, kind

if TYPE_CHECKING:
    import numpy as np
    import torch


@kind
class Rescaling(Kind):
    """Keras's Rescaling; scale and offset may be one number or one for each channel."""

    scale: float | tuple[float, ...]
    offset: float | tuple[float, ...] = 0.0

    def formula(self, *inputs: Shape) -> Formula:
        return Formula(shape=f"x × {self.scale} + {self.offset}")

    def module(self, *inputs: Shape) -> torch.nn.Module:
        import torch

        from ._torch import Affine

        image = len(inputs[0]) == 3
        values = [torch.tensor(item, dtype=torch.float32) for item in (self.scale, self.offset)]
        return Affine(*(item.reshape(-1, 1, 1) if image and item.dim() else item for item in values))

    def onnx(
        self, write: OnnxWriter, names: list[str], inputs: list[Shape], weights: dict[str, np.ndarray]
    ) -> str:
        import numpy as np

        image = len(inputs[0]) == 3
        scale, offset = (np.asarray(item, dtype=np.float32) for item in (self.scale, self.offset))
        if image:
            scale, offset = (item.reshape(-1, 1, 1) if item.ndim else item for item in (scale, offset))
        scaled = write.node("Mul", [names[0], write.constant(scale)])
        return write.node("Add", [scaled, write.constant(offset)])
