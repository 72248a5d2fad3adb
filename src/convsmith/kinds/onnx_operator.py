"""OnnxOperator: an operator of an ONNX or .tflite file without a Keras layer: it is sized, and not run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import BadInput
from ..printable import shortened
from .kind import Formula, Kind, OnnxWriter, Reach, Shape, Weight, kind

if TYPE_CHECKING:
    import numpy as np
    import torch


@kind
class OnnxOperator(Kind):
    """An operator whose shapes, weights and multiply-adds the specification gives.

    Args:
        operator: its name in the file, e.g. ``"LSTM"``.
        output_shape: the output's shape, without the batch; None where it is not known.
        arrays: what it owns: a name, then the sizes, for each array.
        multiply_adds: of one image.
        input_shapes: the inputs' shapes for which all that holds.
        file: the kind of file.
    """

    operator: str
    output_shape: tuple[int | None, ...] | None = None
    arrays: tuple[Any, ...] = ()
    multiply_adds: int | None = 0
    input_shapes: tuple[Any, ...] = ()
    file: str = "ONNX"

    home = "convsmith"

    @property
    def label(self) -> str:
        return f"{shortened(self.operator)} ({self.file})"

    def _holds(self, inputs: tuple[Shape, ...]) -> bool:
        return not self.input_shapes or tuple(inputs) == self.input_shapes

    def shape(self, *inputs: Shape) -> Shape:
        if self.output_shape is None:
            return (None,)
        return self.output_shape if self._holds(inputs) else (None,) * len(self.output_shape)

    def weights(self, *inputs: Shape) -> tuple[Weight, ...]:
        return tuple(Weight(str(name), tuple(map(int, sizes))) for name, *sizes in self.arrays)

    def macs(self, *inputs: Shape) -> int | None:
        return self.multiply_adds if not self.multiply_adds or self._holds(inputs) else None

    def formula(self, *inputs: Shape) -> Formula:
        products = ("×".join(map(str, sizes)) or "1" for _, *sizes in self.arrays)
        return Formula(params=" + ".join(products))

    def reach(self, *inputs: Shape) -> Reach:
        return Reach(whole=True)

    def module(self, *inputs: Shape) -> torch.nn.Module:
        raise self._refusal("torch")

    def onnx(
        self, write: OnnxWriter, names: list[str], inputs: list[Shape], weights: dict[str, np.ndarray]
    ) -> str:
        raise self._refusal("ONNX")

    def _refusal(self, form: str) -> BadInput:
        return BadInput(
            f"operator {shortened(self.operator)} of {'an' if self.file == 'ONNX' else 'a'} {self.file} file",
            f"is sized here but not run: it has no {form} form",
            "an operator that Keras has a layer for",
        )
