"""Normalization: inputs minus a mean, divided by a spread, both measured on a data set beforehand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .kind import GIVE_SIZES, Formula, Kind, OnnxWriter, Shape, ShapeError, Weight, kind, size

if TYPE_CHECKING:
    import numpy as np
    import torch


@kind
class Normalization(Kind):
    """Keras's Normalization per channel (axis=-1) or by one number (axis=None).

    Without `mean` and `variance` they are weights that ``adapt`` has measured, beside a count.
    """

    axis: int | tuple[int, ...] | None = -1
    mean: float | tuple[float, ...] | None = None
    variance: float | tuple[float, ...] | None = None
    invert: bool = False

    torch_weights = {"mean": ("mean", None), "variance": ("variance", None), "count": ("count", None)}

    def _sizes(self, shape: Shape) -> tuple[int, ...]:
        axes = (self.axis,) if isinstance(self.axis, int) else self.axis or ()
        if len(axes) > 1 or any(axis not in (-1, len(shape)) for axis in axes) or not shape:
            raise ShapeError(f"Normalization over axes {axes}", "the channels, or None", "axis=-1")
        if axes and shape[-1] is None:
            raise ShapeError("Normalization of unknown channels", "a known number", GIVE_SIZES)
        return (shape[-1] or 0,) if axes else ()

    def shape(self, *inputs: Shape) -> Shape:
        self._sizes(inputs[0])
        return inputs[0]

    def weights(self, *inputs: Shape) -> tuple[Weight, ...]:
        if self.mean is not None:
            return ()
        sizes = self._sizes(inputs[0])
        return (
            Weight("mean", sizes, "zeros", trainable=False),
            Weight("variance", sizes, "ones", trainable=False),
            Weight("count", (), "zeros", trainable=False),
        )

    def formula(self, *inputs: Shape) -> Formula:
        each = size(self._sizes(inputs[0]))
        return Formula(
            "(x − mean) / √variance", f"2 statistics×{each} + 1 count" if self.mean is None else ""
        )

    def _given(self, shape: Shape) -> tuple[np.ndarray, np.ndarray]:
        import numpy as np

        sizes = self._sizes(shape)
        arrays = [np.asarray(item, dtype=np.float32) for item in (self.mean, self.variance)]
        return tuple(
            np.broadcast_to(item.reshape(-1) if sizes else item.reshape(()), sizes) for item in arrays
        )  # type: ignore[return-value]

    def module(self, *inputs: Shape) -> torch.nn.Module:
        from ._torch_more import Standardize

        given = None if self.mean is None else self._given(inputs[0])
        return Standardize(self._sizes(inputs[0]), given, self.invert, image=len(inputs[0]) == 3)

    def onnx(
        self, write: OnnxWriter, names: list[str], inputs: list[Shape], weights: dict[str, np.ndarray]
    ) -> str:
        import numpy as np

        mean, variance = (
            (weights["mean"], weights["variance"]) if self.mean is None else self._given(inputs[0])
        )
        places = (-1, 1, 1) if len(inputs[0]) == 3 and mean.ndim else mean.shape
        centre = write.constant(mean.astype(np.float32).reshape(places))
        spread = write.constant(np.maximum(np.sqrt(variance), 1e-7).astype(np.float32).reshape(places))
        if self.invert:
            return write.node("Add", [write.node("Mul", [names[0], spread]), centre])
        return write.node("Div", [write.node("Sub", [names[0], centre]), spread])
