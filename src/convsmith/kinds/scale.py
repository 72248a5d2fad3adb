"""Scale: numbers times learned factors, plus learned offsets (what exporters leave of a normalisation)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .kind import Formula, Kind, OnnxWriter, Shape, ShapeError, Weight, kind

if TYPE_CHECKING:
    import numpy as np
    import torch


@kind
class Scale(Kind):
    """The Scale layer of Caffe (Y. Jia et al., 2014, https://arxiv.org/abs/1408.5093); Keras has none.

    Args:
        sizes: of the arrays, channels last; they stretch over the input's as numpy stretches them.
        scale: whether there are factors.
        center: whether there are offsets.
    """

    sizes: tuple[int, ...]
    scale: bool = True
    center: bool = True

    home = "convsmith"
    torch_weights = {"gamma": ("weight", None), "beta": ("bias", None)}

    def shape(self, *inputs: Shape) -> Shape:
        shape = inputs[0]
        tail = shape[len(shape) - len(self.sizes) :]
        if len(self.sizes) > len(shape) or any(
            own not in (1, n) and n is not None for own, n in zip(self.sizes, tail, strict=True)
        ):
            raise ShapeError(f"Scale by arrays of {self.sizes} on {shape}", "equal sizes, or 1")
        return shape

    def weights(self, *inputs: Shape) -> tuple[Weight, ...]:
        found = [Weight("gamma", self.sizes, "ones")] if self.scale else []
        found += [Weight("beta", self.sizes, "zeros")] if self.center else []
        return tuple(found)

    def formula(self, *inputs: Shape) -> Formula:
        return Formula(params=f"{self.scale + self.center} learned×{'×'.join(map(str, self.sizes))}")

    def module(self, *inputs: Shape) -> torch.nn.Module:
        from ._torch_more import Scale as TorchScale

        return TorchScale(self.sizes, self.scale, self.center)

    def onnx(
        self, write: OnnxWriter, names: list[str], inputs: list[Shape], weights: dict[str, np.ndarray]
    ) -> str:
        name, rank = names[0], len(inputs[0])
        for key, operator in (("gamma", "Mul"), ("beta", "Add")):
            if key in weights:
                array = weights[key].reshape((1,) * (rank - len(self.sizes)) + self.sizes)
                array = array.transpose(2, 0, 1) if rank == 3 else array
                name = write.node(operator, [name, write.constant(array)])
        return name
