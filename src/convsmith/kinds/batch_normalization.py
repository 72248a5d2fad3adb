"""BatchNormalization: each channel to mean 0 and variance 1, then scaled and shifted by learned numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .kind import Formula, Kind, OnnxWriter, Shape, ShapeError, Weight, kind

if TYPE_CHECKING:
    import numpy as np
    import torch


@kind
class BatchNormalization(Kind):
    """Keras's BatchNormalization over the channels (epsilon 1e-3 and momentum .99 are Keras's defaults)."""

    axis: int | tuple[int, ...] = -1
    momentum: float = 0.99
    epsilon: float = 0.001
    center: bool = True
    scale: bool = True
    beta_initializer: str = "zeros"
    gamma_initializer: str = "ones"
    moving_mean_initializer: str = "zeros"
    moving_variance_initializer: str = "ones"
    beta_regularizer: str | None = None
    gamma_regularizer: str | None = None
    beta_constraint: str | None = None
    gamma_constraint: str | None = None
    synchronized: bool = False

    torch_weights = {
        "gamma": ("weight", None),
        "beta": ("bias", None),
        "moving_mean": ("running_mean", None),
        "moving_variance": ("running_var", None),
    }

    def shape(self, *inputs: Shape) -> Shape:
        axis = self.axis[0] if isinstance(self.axis, tuple) else self.axis
        if axis not in (-1, len(inputs[0])) or not inputs[0] or inputs[0][-1] is None:
            raise ShapeError(
                f"BatchNormalization over axis {axis} of a shape of {len(inputs[0])} sizes",
                "the channels, a known number, on the last axis",
                "axis=-1",
            )
        return inputs[0]

    def weights(self, *inputs: Shape) -> tuple[Weight, ...]:
        shape = (inputs[0][-1] or 0,)
        found = [Weight("gamma", shape, self.gamma_initializer)] if self.scale else []
        found += [Weight("beta", shape, self.beta_initializer)] if self.center else []
        found.append(Weight("moving_mean", shape, self.moving_mean_initializer, trainable=False))
        found.append(Weight("moving_variance", shape, self.moving_variance_initializer, trainable=False))
        return tuple(found)

    def formula(self, *inputs: Shape) -> Formula:
        learned = self.scale + self.center
        return Formula(params=f"({learned} learned + 2 statistics)×{inputs[0][-1]}")

    def module(self, *inputs: Shape) -> torch.nn.Module:
        from ._torch import BatchNorm

        return BatchNorm(inputs[0][-1] or 0, self.momentum, self.epsilon, self.center, self.scale)

    def onnx(
        self, write: OnnxWriter, names: list[str], inputs: list[Shape], weights: dict[str, np.ndarray]
    ) -> str:
        scale, offset = self.folded(weights)
        if len(inputs[0]) == 3:
            scale, offset = scale.reshape(-1, 1, 1), offset.reshape(-1, 1, 1)
        scaled = write.node("Mul", [names[0], write.constant(scale)])
        return write.node("Add", [scaled, write.constant(offset)])

    def folded(self, weights: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """The layer at inference as one multiplication and one addition per channel.

        Args:
            weights: this layer's arrays by their Keras names, each of shape (channels,).

        Returns:
            scale and offset, each of shape (channels,).
        """
        import numpy as np

        scale = 1.0 / np.sqrt(weights["moving_variance"].astype(np.float64) + self.epsilon)
        if self.scale:
            scale = scale * weights["gamma"]
        offset = -weights["moving_mean"] * scale
        if self.center:
            offset = offset + weights["beta"]
        return scale.astype(np.float32), offset.astype(np.float32)
