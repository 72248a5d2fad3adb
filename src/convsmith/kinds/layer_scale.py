"""LayerScale: each channel times a learned number (ConvNeXt)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from .kind import Formula, Kind, OnnxWriter, Shape, ShapeError, Weight, kind

if TYPE_CHECKING:
    import numpy as np
    import torch


@kind
class LayerScale(Kind):
    """Keras's LayerScale of keras.applications: H. Touvron et al., 2021, https://arxiv.org/abs/2103.17239."""

    init_values: float
    projection_dim: int

    home = "keras.src.applications.convnext"
    torch_weights = {"gamma": ("gamma", None)}

    def shape(self, *inputs: Shape) -> Shape:
        if not inputs[0] or inputs[0][-1] != self.projection_dim:
            raise ShapeError(
                f"LayerScale of {self.projection_dim} channels on {inputs[0]}", "as many channels"
            )
        return inputs[0]

    def weights(self, *inputs: Shape) -> tuple[Weight, ...]:
        start = json.dumps({"class_name": "Constant", "config": {"value": self.init_values}})
        return (Weight("gamma", (self.projection_dim,), start),)

    def formula(self, *inputs: Shape) -> Formula:
        return Formula(params=str(self.projection_dim))

    def module(self, *inputs: Shape) -> torch.nn.Module:
        from ._torch_more import LayerScale as TorchScale

        return TorchScale(self.projection_dim, self.init_values, image=len(inputs[0]) == 3)

    def onnx(
        self, write: OnnxWriter, names: list[str], inputs: list[Shape], weights: dict[str, np.ndarray]
    ) -> str:
        gamma = weights["gamma"]
        factor = gamma.reshape(-1, 1, 1) if len(inputs[0]) == 3 else gamma
        return write.node("Mul", [names[0], write.constant(factor)])
