"""LayerNormalization: each position's channels to mean 0 and variance 1, then scaled and shifted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .kind import Formula, Kind, OnnxWriter, Shape, ShapeError, Weight, kind

if TYPE_CHECKING:
    import numpy as np
    import torch


@kind
class LayerNormalization(Kind):
    """Keras's LayerNormalization over the last axis, or over several axes that end with the last."""

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

    def _sizes(self, shape: Shape) -> tuple[int, ...]:
        """The sizes of what is normalised together; they are the last ones of the shape."""
        rank = len(shape)
        axes = self.axis if isinstance(self.axis, tuple) else (self.axis,)
        places = sorted(axis - 1 if axis > 0 else rank + axis for axis in axes)
        if not places or places != list(range(rank - len(places), rank)) or None in shape[places[0] :]:
            raise ShapeError(
                f"LayerNormalization over axes {axes} of the shape {shape}",
                "known sizes, the last ones",
                "axis=-1",
            )
        return tuple(size or 0 for size in shape[places[0] :])

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

        return LayerNorm(self._sizes(inputs[0]), self.epsilon, self.center, self.scale)

    def onnx(
        self, write: OnnxWriter, names: list[str], inputs: list[Shape], weights: dict[str, np.ndarray]
    ) -> str:
        import numpy as np

        sizes, image = self._sizes(inputs[0]), len(inputs[0]) == 3
        arrays = [write.constant(weights.get("gamma", np.ones(sizes, dtype=np.float32)))]
        arrays += [write.constant(weights["beta"])] if self.center else []
        name = write.node("Transpose", names, perm=[0, 2, 3, 1]) if image else names[0]
        name = write.node("LayerNormalization", [name, *arrays], axis=-len(sizes), epsilon=self.epsilon)
        return write.node("Transpose", [name], perm=[0, 3, 1, 2]) if image else name
