"""CustomScaleLayer: the first tensor plus the second times a constant (Inception-ResNet)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .kind import OnnxWriter, Shape, kind
from .merge import Merge

if TYPE_CHECKING:
    import numpy as np
    import torch


@kind
class CustomScaleLayer(Merge):
    """Keras's CustomScaleLayer of keras.applications."""

    scale: float

    home = "keras.src.applications.inception_resnet_v2"
    operation = "add"
    operator = "Add"

    def module(self, *inputs: Shape) -> torch.nn.Module:
        from ._torch_more import ScaledAdd

        return ScaledAdd(self.scale)

    def onnx(
        self, write: OnnxWriter, names: list[str], inputs: list[Shape], weights: dict[str, np.ndarray]
    ) -> str:
        import numpy as np

        factor = write.constant(np.asarray(self.scale, dtype=np.float32))
        return write.node("Add", [names[0], write.node("Mul", [names[1], factor])])
