"""BatchNormalization: each channel to mean 0 and variance 1, then scaled and shifted by learned numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .kind import GIVE_SIZES, Formula, Kind, OnnxWriter, Shape, ShapeError, Weight, kind, places, torch_axis

if TYPE_CHECKING:
    import numpy as np
    import torch


@kind
class BatchNormalization(Kind):
    """Keras's BatchNormalization (epsilon 1e-3 and momentum .99 are Keras's defaults)."""

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
        self._along(inputs[0])
        return inputs[0]

    def _along(self, shape: Shape) -> tuple[int, int]:
        """The place of the axis whose numbers have statistics of their own, and its size."""
        found = places(self.axis, shape, "BatchNormalization")
        many = shape[found[0]]
        if len(found) > 1 or many is None:
            raise ShapeError(
                f"BatchNormalization over axis {self.axis} of the shape {shape}", "one axis of known size",
                GIVE_SIZES if many is None else "axis=-1",
            )  # fmt: skip
        return found[0], many

    def of_channels(self, shape: Shape) -> bool:
        """Whether it treats each channel alone, as nearly always, and not each row or column."""
        return self._along(shape)[0] == len(shape) - 1

    def weights(self, *inputs: Shape) -> tuple[Weight, ...]:
        shape = (self._along(inputs[0])[1],)
        found = [Weight("gamma", shape, self.gamma_initializer)] if self.scale else []
        found += [Weight("beta", shape, self.beta_initializer)] if self.center else []
        found.append(Weight("moving_mean", shape, self.moving_mean_initializer, trainable=False))
        found.append(Weight("moving_variance", shape, self.moving_variance_initializer, trainable=False))
        return tuple(found)

    def formula(self, *inputs: Shape) -> Formula:
        learned = self.scale + self.center
        return Formula(params=f"({learned} learned + 2 statistics)×{self._along(inputs[0])[1]}")

    def module(self, *inputs: Shape) -> torch.nn.Module:
        from ._torch import BatchNorm, NormAlong

        place, many = self._along(inputs[0])
        norm = BatchNorm(many, self.momentum, self.epsilon, self.center, self.scale)
        if self.of_channels(inputs[0]):
            return norm
        return NormAlong(norm, torch_axis(place, len(inputs[0])))

    def onnx(
        self, write: OnnxWriter, names: list[str], inputs: list[Shape], weights: dict[str, np.ndarray]
    ) -> str:
        rank = len(inputs[0])
        sizes = [1] * rank
        sizes[torch_axis(self._along(inputs[0])[0], rank) - 1] = -1
        scale, offset = (array.reshape(sizes) for array in self.folded(weights))
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
