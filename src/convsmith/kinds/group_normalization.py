"""GroupNormalization: groups of channels to mean 0 and variance 1 in each image, then scaled and shifted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .kind import GIVE_SIZES, Formula, Kind, OnnxWriter, Shape, ShapeError, Weight, kind

if TYPE_CHECKING:
    import numpy as np
    import torch


@kind
class GroupNormalization(Kind):
    """Keras's GroupNormalization of the last axis's channels (groups=-1: each channel alone)."""

    groups: int = 32
    axis: int = -1
    epsilon: float = 0.001
    center: bool = True
    scale: bool = True
    beta_initializer: str = "zeros"
    gamma_initializer: str = "ones"
    beta_regularizer: str | None = None
    gamma_regularizer: str | None = None
    beta_constraint: str | None = None
    gamma_constraint: str | None = None

    torch_weights = {"gamma": ("weight", None), "beta": ("bias", None)}

    def _groups(self, channels: int) -> int:
        return channels if self.groups == -1 else self.groups

    def shape(self, *inputs: Shape) -> Shape:
        shape = inputs[0]
        if self.axis not in (-1, len(shape)) or not shape or shape[-1] is None:
            raise ShapeError(
                f"GroupNormalization over axis {self.axis}", "the last one, of known size", "axis=-1"
            )
        if self._groups(shape[-1]) < 1 or shape[-1] % self._groups(shape[-1]):
            raise ShapeError(
                f"{shape[-1]} channels in {self.groups} groups",
                "channels divisible by the groups",
                "groups=-1",
            )
        return shape

    def weights(self, *inputs: Shape) -> tuple[Weight, ...]:
        shape = (inputs[0][-1] or 0,)
        found = [Weight("gamma", shape, self.gamma_initializer)] if self.scale else []
        found += [Weight("beta", shape, self.beta_initializer)] if self.center else []
        return tuple(found)

    def formula(self, *inputs: Shape) -> Formula:
        return Formula(params=f"{self.scale + self.center} learned×{inputs[0][-1]}")

    def module(self, *inputs: Shape) -> torch.nn.Module:
        from ._torch_more import GroupNorm

        channels = inputs[0][-1] or 0
        return GroupNorm(self._groups(channels), channels, self.epsilon, self.center, self.scale)

    def onnx(
        self, write: OnnxWriter, names: list[str], inputs: list[Shape], weights: dict[str, np.ndarray]
    ) -> str:
        import numpy as np

        shape = inputs[0]
        channels = shape[-1] or 0
        groups = self._groups(channels)
        ones, zeros = np.ones(groups, dtype=np.float32), np.zeros(groups, dtype=np.float32)
        flat = write.node("Reshape", [names[0], write.constant(np.array([0, groups, -1], dtype=np.int64))])
        out = write.node(
            "InstanceNormalization", [flat, write.constant(ones), write.constant(zeros)], epsilon=self.epsilon
        )
        places = (channels, 1, 1) if len(shape) == 3 else (channels,)
        back = [0, channels, *shape[:-1]] if len(shape) == 3 else [0, *shape]
        if None in back:
            raise ShapeError("GroupNormalization of an unknown size", "a known one", GIVE_SIZES)
        out = write.node("Reshape", [out, write.constant(np.array(back, dtype=np.int64))])
        if self.scale:
            out = write.node("Mul", [out, write.constant(weights["gamma"].reshape(places))])
        if self.center:
            out = write.node("Add", [out, write.constant(weights["beta"].reshape(places))])
        return out
