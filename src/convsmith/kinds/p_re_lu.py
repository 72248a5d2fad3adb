"""PReLU: negative numbers keep a slope that is learned."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .kind import Formula, Kind, OnnxWriter, Shape, ShapeError, Weight, kind

if TYPE_CHECKING:
    import numpy as np
    import torch


@kind
class PReLU(Kind):
    """Keras's PReLU: a slope for each position and channel, but for the shared axes (counted from 1)."""

    alpha_initializer: str = "zeros"
    alpha_regularizer: str | None = None
    alpha_constraint: str | None = None
    shared_axes: tuple[int, ...] | None = None

    torch_weights = {"alpha": ("alpha", None)}

    def shape(self, *inputs: Shape) -> Shape:
        self._sizes(inputs[0])
        return inputs[0]

    def _sizes(self, shape: Shape) -> tuple[int, ...]:
        shared = set()
        for axis in self.shared_axes or ():  # Keras counts from 1, and from the back below that
            if not -len(shape) <= axis - 1 < len(shape):
                raise ShapeError(
                    f"PReLU shares axis {axis} of {len(shape)} sizes",
                    "an axis of one image",
                    "shared_axes=[1, 2]",
                )
            shared.add((axis - 1) % len(shape))
        sizes = tuple(1 if place in shared else item for place, item in enumerate(shape))
        if None in sizes:
            raise ShapeError(
                f"PReLU of the shape {shape}", "known sizes, or shared axes", "shared_axes=[1, 2]"
            )
        return tuple(item or 0 for item in sizes)

    def weights(self, *inputs: Shape) -> tuple[Weight, ...]:
        return (Weight("alpha", self._sizes(inputs[0]), self.alpha_initializer),)

    def formula(self, *inputs: Shape) -> Formula:
        return Formula(params="×".join(str(item) for item in self._sizes(inputs[0])))

    def module(self, *inputs: Shape) -> torch.nn.Module:
        from ._torch_more import PReLU as TorchPReLU

        return TorchPReLU(self._sizes(inputs[0]))

    def onnx(
        self, write: OnnxWriter, names: list[str], inputs: list[Shape], weights: dict[str, np.ndarray]
    ) -> str:
        alpha = weights["alpha"]
        return write.node(
            "PRelu", [names[0], write.constant(alpha.transpose(2, 0, 1) if alpha.ndim == 3 else alpha)]
        )
