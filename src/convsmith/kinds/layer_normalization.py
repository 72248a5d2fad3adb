"""LayerNormalization: each position's channels to mean 0 and variance 1, then scaled and shifted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .kind import Formula, Kind, OnnxWriter, Shape, ShapeError, Weight, kind, places

if TYPE_CHECKING:
    import numpy as np
    import torch


@kind
class LayerNormalization(Kind):
    """Keras's LayerNormalization over one axis or several."""

    axis: int | tuple[int, ...] = -1
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

    def _places(self, shape: Shape) -> tuple[int, ...]:
        """The places of what is normalised together, in the order of the weights' sizes."""
        axes = self.axis if isinstance(self.axis, tuple) else (self.axis,)
        found = places(tuple(sorted(axes)), shape, "LayerNormalization")
        if list(found) != sorted(found) or any(shape[place] is None for place in found):
            raise ShapeError(
                f"LayerNormalization over axes {axes} of the shape {shape}",
                "known sizes, counted all from the front or all from the back",
                "axis=-1",
            )
        return found

    def _sizes(self, shape: Shape) -> tuple[int, ...]:
        """The sizes of what is normalised together."""
        return tuple(shape[place] or 0 for place in self._places(shape))

    def _order(self, shape: Shape) -> tuple[int, ...] | None:
        """Keras's axes with those last that are normalised together; None where they are last already."""
        last, rank = self._places(shape), len(shape)
        order = (0, *(place + 1 for place in range(rank) if place not in last), *(each + 1 for each in last))
        return None if order == tuple(range(rank + 1)) else order

    def shape(self, *inputs: Shape) -> Shape:
        self._sizes(inputs[0])
        return inputs[0]

    def weights(self, *inputs: Shape) -> tuple[Weight, ...]:
        shape = self._sizes(inputs[0])
        found = [Weight("gamma", shape, self.gamma_initializer)] if self.scale else []
        found += [Weight("beta", shape, self.beta_initializer)] if self.center else []
        return tuple(found)

    def formula(self, *inputs: Shape) -> Formula:
        sizes = "×".join(str(size) for size in self._sizes(inputs[0]))
        return Formula(params=f"{self.scale + self.center} learned×{sizes}")

    def module(self, *inputs: Shape) -> torch.nn.Module:
        from ._torch_more import LayerNorm

        order = self._order(inputs[0])
        return LayerNorm(self._sizes(inputs[0]), self.epsilon, self.center, self.scale, order)

    def onnx(
        self, write: OnnxWriter, names: list[str], inputs: list[Shape], weights: dict[str, np.ndarray]
    ) -> str:
        import numpy as np

        sizes, image = self._sizes(inputs[0]), len(inputs[0]) == 3
        arrays = [write.constant(weights.get("gamma", np.ones(sizes, dtype=np.float32)))]
        arrays += [write.constant(weights["beta"])] if self.center else []
        order = list(self._order(inputs[0]) or range(len(inputs[0]) + 1))
        if image:  # which comes as NCHW
            order = [(0, 2, 3, 1)[axis] for axis in order]
        turned = order != sorted(order)
        name = write.node("Transpose", names, perm=order) if turned else names[0]
        name = write.node("LayerNormalization", [name, *arrays], axis=-len(sizes), epsilon=self.epsilon)
        back = sorted(range(len(order)), key=order.__getitem__)
        return write.node("Transpose", [name], perm=back) if turned else name
