"""Resizing: an image of any size to one size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .kind import GIVE_SIZES, Formula, Kind, OnnxWriter, Shape, ShapeError, image, kind

if TYPE_CHECKING:
    import numpy as np
    import torch


ONNX_MODES = {"nearest": "nearest", "bilinear": "linear", "bicubic": "cubic"}
"""Keras's interpolations that have a form here, with ONNX's names; Keras on torch has no other."""


@kind
class Resizing(Kind):
    """Keras's Resizing ("nearest", "bilinear" and "bicubic" have torch and ONNX forms, with antialias too).

    Keeping the aspect ratio has no form here.
    """

    height: int
    width: int
    interpolation: str = "bilinear"
    crop_to_aspect_ratio: bool = False
    pad_to_aspect_ratio: bool = False
    fill_mode: str = "constant"
    fill_value: float = 0.0
    antialias: bool = False
    data_format: str | None = "channels_last"

    def shape(self, *inputs: Shape) -> Shape:
        return (self.height, self.width, image(inputs[0], "Resizing")[2])

    def formula(self, *inputs: Shape) -> Formula:
        return Formula(shape=f"{inputs[0][0]}×{inputs[0][1]} to {self.height}×{self.width}")

    def _form(self) -> str:
        if self.crop_to_aspect_ratio or self.pad_to_aspect_ratio:
            raise ShapeError(
                "Resizing that keeps the aspect ratio", "one that does not", "images resized beforehand"
            )
        if self.interpolation not in ONNX_MODES:
            raise ShapeError(
                f"Resizing by '{self.interpolation}'",
                " or ".join(map(repr, ONNX_MODES)),
                'interpolation="bilinear"',
            )
        return self.interpolation

    def module(self, *inputs: Shape) -> torch.nn.Module:
        from ._torch_more import Resize

        return Resize((self.height, self.width), self._form(), self.antialias)

    def onnx(
        self, write: OnnxWriter, names: list[str], inputs: list[Shape], weights: dict[str, np.ndarray]
    ) -> str:
        target, form = (self.height, self.width), self._form()
        pairs = list(zip(image(inputs[0], "Resizing")[:2], target, strict=True))
        if form == "nearest" and any(n is not None and _undecided(n, to) for n, to in pairs):
            return self._picked(write, names[0], pairs)
        # Keras's nearest looks at the middle of each pixel; its smoothing leaves out what is beyond the edge,
        # and its cubic then has Pillow's sharpness.
        settings: dict[str, Any] = {"nearest_mode": "round_prefer_ceil"} if form == "nearest" else {}
        if form == "bicubic":
            settings["cubic_coeff_a"] = -0.5 if self.antialias else -0.75
        if form != "nearest" and self.antialias:
            settings |= {"antialias": 1, "exclude_outside": 1}
        if form == "bicubic" and not self.antialias:
            return self._apart(write, names[0], inputs[0], settings)
        return self._resize(write, names[0], settings)

    def _resize(self, write: OnnxWriter, name: str, settings: dict[str, Any]) -> str:
        import numpy as np

        # Sizes, not scales: rows times a rounded quotient can come out as one row less. All four of them, for
        # with the attribute `axes` instead ONNX Runtime's own rewriting of transposes fails (1.32).
        kept = write.node("Shape", [name], start=0, end=2)
        target = write.constant(np.array((self.height, self.width), dtype=np.int64))
        sizes = write.node("Concat", [kept, target], axis=0)
        mode = ONNX_MODES[self.interpolation]
        return write.node(
            "Resize",
            [name, "", "", sizes],
            mode=mode,
            coordinate_transformation_mode="half_pixel",
            **settings,
        )

    def _apart(self, write: OnnxWriter, name: str, shape: Shape, settings: dict[str, Any]) -> str:
        """Each channel as an image: ONNX Runtime turns the layout round, and has no cubic for that (1.32)."""
        import numpy as np

        rows, columns, channels = image(shape, "Resizing")
        if rows is None or columns is None:
            raise ShapeError("bicubic Resizing of an unknown size", "a known size", GIVE_SIZES)
        alone = write.constant(np.array((-1, 1, rows, columns), dtype=np.int64))
        back = write.constant(np.array((-1, channels, self.height, self.width), dtype=np.int64))
        grown = self._resize(write, write.node("Reshape", [name, alone]), settings)
        return write.node("Reshape", [grown, back])

    @staticmethod
    def _picked(write: OnnxWriter, name: str, pairs: list[tuple[int | None, int]]) -> str:
        """Nearest by the numbers of rows and columns, where a runtime may round the other way."""
        import numpy as np

        from ._torch_more import nearest_places

        for axis, (n, to) in enumerate(pairs, 2):
            if n is None:
                raise ShapeError("Resizing of an unknown size", "a known size", GIVE_SIZES)
            places = write.constant(np.array(nearest_places(n, to), dtype=np.int64))
            name = write.node("Gather", [name, places], axis=axis)
        return name


def _undecided(n: int, target: int) -> bool:
    """Whether a new pixel's middle falls between two old ones and the quotient is no exact float."""
    smaller, larger = sorted((n, target))
    exact = larger % smaller == 0 and (larger // smaller) & (larger // smaller - 1) == 0
    return not exact and any((2 * x + 1) * n % (2 * target) == 0 for x in range(target))
