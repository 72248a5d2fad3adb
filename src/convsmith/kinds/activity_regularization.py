"""ActivityRegularization: numbers passed on unchanged, their size added to the loss."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .kind import Kind, OnnxWriter, Shape, kind
from .limits import NOT_NEGATIVE

if TYPE_CHECKING:
    import numpy as np
    import torch


@kind
class ActivityRegularization(Kind):
    """Keras's ActivityRegularization."""

    l1: float = 0.0
    l2: float = 0.0

    limits = dict.fromkeys(("l1", "l2"), NOT_NEGATIVE)
    train_only = True

    def module(self, *inputs: Shape) -> torch.nn.Module:
        from torch import nn

        return nn.Identity()

    def onnx(
        self, write: OnnxWriter, names: list[str], inputs: list[Shape], weights: dict[str, np.ndarray]
    ) -> str:
        return names[0]
