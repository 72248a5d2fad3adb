"""What one filter made of a photograph, with some positions step by step, as text and JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..notebooks import InNotebooks

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Position:
    """One position of the filter.

    Args:
        at: row and column of the output.
        top: first row of the window in the photograph; negative inside the padding.
        left: first column of the window.
        pixels: what the window holds.
        value: the sum of pixels times weights.
    """

    at: tuple[int, int]
    top: int
    left: int
    pixels: np.ndarray
    value: float


@dataclass(frozen=True, repr=False)
class Convolved(InNotebooks):
    """A photograph after one filter.

    Args:
        photo_HW: the photograph in grey, 0 to 255.
        weights: the filter.
        output_HW: the result.
        padding: pixels of zeros at the top, bottom, left and right.
        stride: pixels from one position to the next.
        steps: the first positions, and the one inside the photograph where the answer is strongest.
        formulas: of the output's rows and columns.
        name: the filter's name.
        picture: the file that was written.
    """

    photo_HW: np.ndarray
    weights: np.ndarray
    output_HW: np.ndarray
    padding: tuple[int, int, int, int]
    stride: int
    steps: tuple[Position, ...]
    formulas: tuple[str, str]
    name: str
    picture: Path | None = None

    def render(self, form: str = "text") -> str:
        """The result as text, or as JSON."""
        if form == "json":
            return json.dumps(self._about(), indent=1)
        top, bottom, left, right = self.padding
        lines = [
            f"photo: {self.photo_HW.shape[0]} rows x {self.photo_HW.shape[1]} columns, grey",
            f"padding: {top} at the top, {bottom} at the bottom, {left} at the left, {right} at the right",
            f"rows:    {self.formulas[0]}",
            f"columns: {self.formulas[1]}",
            f"filter {self.name}, stride {self.stride}",
        ]
        for number, step in enumerate(self.steps, 1):
            lines += ["", f"step {number}: output {step.at}, from photo row {step.top}, column {step.left}"]
            lines += _side_by_side(step.pixels, self.weights)
            lines.append(f"  sum of products = {_number(step.value)}")
        if self.picture:
            lines += ["", f"picture: {self.picture}"]
        return "\n".join(lines)

    def _about(self) -> dict[str, Any]:
        rows = [
            {
                "output": step.at,
                "top": step.top,
                "left": step.left,
                "pixels": step.pixels.tolist(),
                "value": step.value,
            }
            for step in self.steps
        ]
        return {
            "filter": self.name,
            "weights": self.weights.tolist(),
            "padding": self.padding,
            "stride": self.stride,
            "photo": self.photo_HW.shape,
            "output": self.output_HW.shape,
            "rows": self.formulas[0],
            "columns": self.formulas[1],
            "steps": rows,
            "picture": None if self.picture is None else str(self.picture),
        }


def _number(value: float) -> str:
    return f"{value:.4g}" if value % 1 else f"{value:.0f}"


def _side_by_side(pixels: np.ndarray, weights: np.ndarray) -> list[str]:
    """Window, filter and products, row by row."""
    lines = []
    for number, (seen, weight) in enumerate(zip(pixels, weights, strict=True)):
        middle = number == len(pixels) // 2
        left = " ".join(f"{_number(value):>4}" for value in seen)
        between = " ".join(f"{_number(value):>3}" for value in weight)
        right = " ".join(f"{_number(value):>6}" for value in seen * weight + 0.0)
        lines.append(f"  {left}  {'×' if middle else ' '}  {between}  {'=' if middle else ' '}  {right}")
    return lines
