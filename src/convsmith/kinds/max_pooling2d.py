"""MaxPooling2D: the largest value in each window, channel by channel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .kind import Shape, kind
from .pool import Pool

if TYPE_CHECKING:
    import torch


@kind
class MaxPooling2D(Pool):
    """Keras's MaxPooling2D."""

    operator = "MaxPool"

    def module(self, *inputs: Shape) -> torch.nn.Module:
        from ._torch import MaxPool2d

        return MaxPool2d(self.pool_size, self.steps, self.pads(inputs[0]))
