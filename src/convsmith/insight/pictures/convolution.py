"""The picture of one convolution: photograph, filter, result, and some positions with their numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .heatmap import AGAINST, FOR, GAP, INK, PAPER

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

    from ..convolved import Convolved, Position

SIDE, CELL, HEAD = 360, 40, 22
STEP_INKS = ((230, 120, 0), (0, 130, 90), (150, 60, 170), (200, 30, 50))
ZERO = (205, 220, 235)


def draw(found: Convolved) -> Image.Image:
    """The picture: above the padded photograph and the result, below a row for each step."""
    from PIL import Image, ImageDraw

    photo, times = _photo(found)
    result = _result(found, times)
    fh, fw = found.weights.shape
    steps_height = len(found.steps) * (fh * CELL + HEAD + GAP)
    width = max(photo.width + result.width, (2 * fw + fw + 2) * CELL + 120) + 3 * GAP
    above = max(photo.height, result.height + HEAD) + HEAD + 2 * GAP
    page = Image.new("RGB", (width, above + steps_height + 2 * GAP), PAPER)
    pen = ImageDraw.Draw(page)
    rows, columns = found.photo_HW.shape
    out_rows, out_columns = found.output_HW.shape
    _text(pen, (GAP, GAP), f"photo {rows} x {columns}, padding {_sides(found)} (blue: zeros)")
    page.paste(photo, (GAP, GAP + HEAD))
    right = 2 * GAP + photo.width
    _text(pen, (right, GAP), f"{found.name}, stride {found.stride}: {out_rows} x {out_columns}")
    page.paste(result, (right, GAP + HEAD))
    _text(pen, (right, GAP + HEAD + result.height + 2), "red: above 0, blue: below")
    y = above + GAP
    for number, step in enumerate(found.steps):
        _step(pen, found, step, number, y)
        y += fh * CELL + HEAD + GAP
    return page


def _photo(found: Convolved) -> tuple[Image.Image, float]:
    """The photograph with its padding, the steps' windows outlined, and by how much it is enlarged."""
    import numpy as np
    from PIL import Image, ImageDraw

    top, bottom, left, right = found.padding
    padded = np.pad(found.photo_HW, ((top, bottom), (left, right))).astype(np.uint8)
    colour = padded[..., None].repeat(3, 2)
    inside = np.zeros(padded.shape, dtype=bool)
    inside[top : top + found.photo_HW.shape[0], left : left + found.photo_HW.shape[1]] = True
    colour[~inside] = ZERO
    times = SIDE / max(padded.shape)
    made = _scaled(Image.fromarray(colour), times)
    pen = ImageDraw.Draw(made)
    fh, fw = found.weights.shape
    for number, step in enumerate(found.steps):
        x, y = (step.left + left) * times, (step.top + top) * times
        box = (x, y, max(x + 3, x + fw * times - 1), max(y + 3, y + fh * times - 1))
        pen.rectangle(box, outline=STEP_INKS[number % len(STEP_INKS)], width=2)
    return made, times


def _result(found: Convolved, times: float) -> Image.Image:
    """The result: red above zero, blue below, white for zero; its pixels as large as the photograph's.

    The strongest answer inside the photograph has the full colour: the padding's own edge may exceed it.
    """
    import numpy as np
    from PIL import Image, ImageDraw

    share = np.clip(found.output_HW / (abs(found.steps[-1].value) or 1.0), -1, 1)[..., None]
    ink = np.where(share > 0, np.array(FOR), np.array(AGAINST))
    pixels = np.rint(255 * (1 - np.abs(share)) + ink * np.abs(share)).astype(np.uint8)
    made = _scaled(Image.fromarray(pixels), times)
    pen = ImageDraw.Draw(made)
    for number, step in enumerate(found.steps):
        x, y = step.at[1] * times, step.at[0] * times
        box = (x, y, max(x + 2, x + times - 1), max(y + 2, y + times - 1))
        pen.rectangle(box, outline=STEP_INKS[number % len(STEP_INKS)], width=1)
    return made


def _scaled(image: Image.Image, times: float) -> Image.Image:
    from PIL import Image

    size = (max(1, round(image.width * times)), max(1, round(image.height * times)))
    return image.resize(size, Image.Resampling.NEAREST if times >= 1 else Image.Resampling.LANCZOS)


def _step(pen: Any, found: Convolved, step: Position, number: int, y: int) -> None:
    """Window times filter, and their sum."""
    ink = STEP_INKS[number % len(STEP_INKS)]
    fw = found.weights.shape[1]
    place = f"output row {step.at[0]}, column {step.at[1]}"
    place += " (the strongest inside the photo)" if step is found.steps[-1] else ""
    _text(pen, (GAP, y), f"step {number + 1}: {place}", ink)
    y += HEAD
    fh, x = found.weights.shape[0], GAP
    _grid(pen, step.pixels, (x, y), shade=True)
    x += fw * CELL
    _text(pen, (x + 12, y + fh * CELL / 2 - 8), "x")
    x += CELL
    _grid(pen, found.weights, (x, y), shade=False)
    x += fw * CELL
    _text(pen, (x + 12, y + fh * CELL / 2 - 8), "=")
    x += CELL
    _grid(pen, step.pixels * found.weights + 0.0, (x, y), shade=False)
    x += fw * CELL
    _text(pen, (x + 10, y + fh * CELL / 2 - 8), f"sum {step.value:,.0f}", ink)


def _grid(pen: Any, values: np.ndarray, place: tuple[float, float], *, shade: bool) -> None:
    """Numbers in cells; pixels on their own grey."""
    for (i, j), value in _cells(values):
        x, y = place[0] + j * CELL, place[1] + i * CELL
        grey = int(min(255, max(0, value))) if shade else 255
        pen.rectangle((x, y, x + CELL, y + CELL), fill=(grey,) * 3, outline=(150, 150, 150))
        ink = (255, 255, 255) if shade and grey < 128 else INK
        pen.text((x + CELL / 2, y + CELL / 2), f"{value:.0f}", ink, font=_font(), anchor="mm")


def _cells(values: np.ndarray) -> Any:
    import numpy as np

    return np.ndenumerate(values)


def _sides(found: Convolved) -> str:
    sides = found.padding
    return str(sides[0]) if len(set(sides)) == 1 else "{}, {}, {}, {}".format(*sides)


def _text(pen: Any, place: tuple[float, float], text: str, ink: tuple[int, int, int] = INK) -> None:
    pen.text(place, text, ink, font=_font())


def _font() -> Any:
    from PIL import ImageFont

    return ImageFont.load_default(13)
