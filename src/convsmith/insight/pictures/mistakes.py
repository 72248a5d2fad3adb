"""Mistakes as pictures: galleries, thumbnails on a map."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .heatmap import FOR, GAP, INK, PAPER, photograph

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

SIDE, LINE, THUMB, MAP = 150, 14, 26, 900


def gallery(pictures: Sequence[Any], lines: Sequence[Sequence[str]], *, across: int = 6) -> Image.Image:
    """Photographs with a few lines of words below each; the second line in red."""
    from PIL import Image, ImageDraw

    tall = SIDE + LINE * max((len(some) for some in lines), default=0) + GAP
    columns = max(1, min(across, len(pictures)))
    size = (columns * (SIDE + GAP) + GAP, -(-len(pictures) // columns) * tall + GAP)
    page = Image.new("RGB", size, PAPER)
    pen = ImageDraw.Draw(page)
    for number, (picture, words) in enumerate(zip(pictures, lines, strict=True)):
        x, y = GAP + number % columns * (SIDE + GAP), GAP + number // columns * tall
        photo = _within(photograph(picture), SIDE)
        page.paste(photo, (x + (SIDE - photo.width) // 2, y + (SIDE - photo.height) // 2))
        for row, text in enumerate(words):
            _write(pen, (x, y + SIDE + row * LINE), text, SIDE, FOR if row == 1 else INK)
    return page


def thumbnails_on_a_map(
    places_N2: np.ndarray, pictures: Sequence[Any], right: Sequence[bool], title: str
) -> Image.Image:
    """Each image where the last hidden layer puts it; wrong ones with a red frame, drawn last."""
    from PIL import Image, ImageDraw

    page = Image.new("RGB", (MAP + THUMB + 2 * GAP, MAP + THUMB + 3 * GAP + 2 * LINE), PAPER)
    pen = ImageDraw.Draw(page)
    _write(pen, (GAP, GAP), title, MAP, INK)
    for n in sorted(range(len(pictures)), key=lambda n: not right[n]):
        photo = _within(photograph(pictures[n]), THUMB)
        x = GAP + round(places_N2[n, 0] * MAP)
        y = 2 * GAP + LINE + round((1 - places_N2[n, 1]) * MAP)
        page.paste(photo, (x, y))
        if not right[n]:
            pen.rectangle((x - 2, y - 2, x + photo.width + 1, y + photo.height + 1), outline=FOR, width=2)
    return page


def _within(photo: Image.Image, side: int) -> Image.Image:
    from PIL import Image

    times = side / max(photo.size)
    size = (max(1, round(photo.width * times)), max(1, round(photo.height * times)))
    return photo.resize(size, Image.Resampling.NEAREST if times > 2 else Image.Resampling.LANCZOS)


def _write(pen: Any, place: tuple[float, float], text: str, width: int, ink: tuple[int, int, int]) -> None:
    from PIL import ImageFont

    font = ImageFont.load_default(11)
    text = text.encode("latin-1", "replace").decode("latin-1")
    while text and pen.textlength(text, font=font) > width:
        text = text[:-1]
    pen.text(place, text, ink, font=font)
