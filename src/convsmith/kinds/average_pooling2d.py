"""AveragePooling2D: the mean in each window, channel by channel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .kind import Shape, kind
from .pool import Pool

if TYPE_CHECKING:
    import torch


@kind
class AveragePooling2D(Pool):
    """Keras's AveragePooling2D."""

    operator = "AveragePool"

    def module(self, *inputs: Shape) -> torch.nn.Module:
        from ._torch import AvgPool2d

        return AvgPool2d(self.pool_size, self.steps, self.pads(inputs[0]))
