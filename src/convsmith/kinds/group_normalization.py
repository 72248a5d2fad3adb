"""GroupNormalization: groups of channels to mean 0 and variance 1 in each image, then scaled and shifted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .kind import GIVE_SIZES, Formula, Kind, OnnxWriter, Shape, ShapeError, Weight, kind, places, torch_axis

if TYPE_CHECKING:
    import numpy as np
    import torch


@kind
class GroupNormalization(Kind):
    """Keras's GroupNormalization of one axis (groups=-1: each of its places alone)."""

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
        self._along(inputs[0])
        return inputs[0]

    def _along(self, shape: Shape) -> tuple[int, int]:
        """The place of the axis that is grouped, and its size."""
        place, *_ = places(self.axis, shape, "GroupNormalization")
        many = shape[place]
        if many is None:
            raise ShapeError(f"GroupNormalization over axis {self.axis}", "an axis of known size", GIVE_SIZES)
        if self._groups(many) < 1 or many % self._groups(many):
            raise ShapeError(
                f"{many} channels in {self.groups} groups", "channels divisible by the groups", "groups=-1"
            )
        return place, many

    def weights(self, *inputs: Shape) -> tuple[Weight, ...]:
        shape = (self._along(inputs[0])[1],)
        found = [Weight("gamma", shape, self.gamma_initializer)] if self.scale else []
        found += [Weight("beta", shape, self.beta_initializer)] if self.center else []
        return tuple(found)

    def formula(self, *inputs: Shape) -> Formula:
        return Formula(params=f"{self.scale + self.center} learned×{self._along(inputs[0])[1]}")

    def module(self, *inputs: Shape) -> torch.nn.Module:
        from ._torch import NormAlong
        from ._torch_more import GroupNorm

        place, many = self._along(inputs[0])
        norm = GroupNorm(self._groups(many), many, self.epsilon, self.center, self.scale)
        if place == len(inputs[0]) - 1:
            return norm
        return NormAlong(norm, torch_axis(place, len(inputs[0])))

    def onnx(
        self, write: OnnxWriter, names: list[str], inputs: list[Shape], weights: dict[str, np.ndarray]
    ) -> str:
        import numpy as np

        rank = len(inputs[0])
        place, many = self._along(inputs[0])
        axis = torch_axis(place, rank)
        sizes = [0, *((inputs[0][2], *inputs[0][:2]) if rank == 3 else inputs[0])]
        if None in sizes:
            raise ShapeError("GroupNormalization of an unknown size", "a known one", GIVE_SIZES)
        groups = self._groups(many)
        first = [0, axis, *(each for each in range(1, rank + 1) if each != axis)]
        name = write.node("Transpose", names, perm=first) if axis != 1 else names[0]
        ones, zeros = np.ones(groups, dtype=np.float32), np.zeros(groups, dtype=np.float32)
        flat = write.node("Reshape", [name, write.constant(np.array([0, groups, -1], dtype=np.int64))])
        out = write.node(
            "InstanceNormalization", [flat, write.constant(ones), write.constant(zeros)], epsilon=self.epsilon
        )
        moved = np.array([sizes[each] for each in first], dtype=np.int64)
        out = write.node("Reshape", [out, write.constant(moved)])
        if self.scale:
            out = write.node("Mul", [out, write.constant(_along_first(weights["gamma"], rank))])
        if self.center:
            out = write.node("Add", [out, write.constant(_along_first(weights["beta"], rank))])
        back = sorted(range(rank + 1), key=first.__getitem__)
        return write.node("Transpose", [out], perm=back) if axis != 1 else out


def _along_first(array: np.ndarray, rank: int) -> np.ndarray:
    """One number for each of the first axis behind the batch."""
    return array.reshape(-1, *[1] * (rank - 1))
