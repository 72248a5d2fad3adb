"""Dense: every output looks at every input."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .kind import GIVE_SIZES, Formula, Kind, OnnxWriter, Reach, Shape, ShapeError, Weight, kind, size

if TYPE_CHECKING:
    import numpy as np
    import torch


@kind
class Dense(Kind):
    """Keras's Dense."""

    units: int
    activation: str | None = "linear"
    use_bias: bool = True
    kernel_initializer: str = "glorot_uniform"
    bias_initializer: str = "zeros"
    kernel_regularizer: str | None = None
    bias_regularizer: str | None = None
    activity_regularizer: str | None = None
    kernel_constraint: str | None = None
    bias_constraint: str | None = None

    torch_weights = {"kernel": ("weight", (1, 0)), "bias": ("bias", None)}

    @staticmethod
    def _inputs(shape: Shape) -> int:
        if not shape or shape[-1] is None:
            raise ShapeError("Dense follows a shape of unknown size", "a known last size", GIVE_SIZES)
        return shape[-1]

    def shape(self, *inputs: Shape) -> Shape:
        self._inputs(inputs[0])
        return (*inputs[0][:-1], self.units)

    def weights(self, *inputs: Shape) -> tuple[Weight, ...]:
        kernel = Weight("kernel", (self._inputs(inputs[0]), self.units), self.kernel_initializer)
        return (kernel, Weight("bias", (self.units,), self.bias_initializer)) if self.use_bias else (kernel,)

    def macs(self, *inputs: Shape) -> int | None:
        outputs = size(self.shape(*inputs))
        return None if outputs is None else outputs * self._inputs(inputs[0])

    def formula(self, *inputs: Shape) -> Formula:
        n = self._inputs(inputs[0])
        outputs = "×".join(str(item) for item in self.shape(*inputs))
        return Formula(
            params=f"{n}×{self.units} + {self.units}" if self.use_bias else f"{n}×{self.units}",
            macs=f"{outputs} × {n}",
        )

    def reach(self, *inputs: Shape) -> Reach:
        return Reach(whole=len(inputs[0]) == 1)

    def module(self, *inputs: Shape) -> torch.nn.Module:
        from ._torch import Dense as TorchDense

        return TorchDense(self._inputs(inputs[0]), self.units, bias=self.use_bias)

    def onnx(
        self, write: OnnxWriter, names: list[str], inputs: list[Shape], weights: dict[str, np.ndarray]
    ) -> str:
        name, image = names[0], len(inputs[0]) == 3
        if len(inputs[0]) == 1:
            arrays = [write.constant(weights["kernel"])]
            arrays += [write.constant(weights["bias"])] if self.use_bias else []
            return write.node("Gemm", [name, *arrays])
        if image:
            name = write.node("Transpose", [name], perm=[0, 2, 3, 1])
        name = write.node("MatMul", [name, write.constant(weights["kernel"])])
        if self.use_bias:
            name = write.node("Add", [name, write.constant(weights["bias"])])
        return write.node("Transpose", [name], perm=[0, 3, 1, 2]) if image else name
