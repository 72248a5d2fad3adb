"""Small images side by side, large enough to be looked at, each pixel kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .heatmap import GAP, INK, PAPER, photograph

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

SIDE, NAME = 96, 120


def tile(image_HWC: np.ndarray, *, side: int = SIDE) -> Image.Image:
    """One image: small ones enlarged a whole number of times, large ones shrunk to the side.

    Args:
        image_HWC: uint8, 1 or 3 channels.
        side: of the picture, about, in pixels.
    """
    from PIL import Image

    photo = photograph(image_HWC)
    longest = max(photo.size)
    if longest > side:
        size = (max(1, round(photo.width * side / longest)), max(1, round(photo.height * side / longest)))
        return photo.resize(size, Image.Resampling.LANCZOS)
    times = max(1, side // longest)
    return photo.resize((photo.width * times, photo.height * times), Image.Resampling.NEAREST)


def row(images: Sequence[np.ndarray], *, side: int = SIDE) -> Image.Image:
    """Images of one size side by side."""
    from PIL import Image

    tiles = [tile(image, side=side) for image in images]
    width, height = tiles[0].size
    page = Image.new("RGB", (len(tiles) * (width + 4) - 4, height), PAPER)
    for number, one in enumerate(tiles):
        page.paste(one, (number * (width + 4), 0))
    return page


def sheet(rows: Sequence[tuple[str, Sequence[np.ndarray]]], heads: Sequence[str]) -> Image.Image:
    """Named rows of images under column heads.

    Args:
        rows: (name, images), all of one size and as many in each row as there are heads.
        heads: the columns' names.
    """
    from PIL import Image, ImageDraw, ImageFont

    drawn = [(name, row(images)) for name, images in rows]
    width, height = drawn[0][1].size
    across = (width + 4) // len(heads)
    page = Image.new("RGB", (NAME + width + 2 * GAP, 24 + len(drawn) * (height + 4) + GAP), PAPER)
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(12)
    for number, head in enumerate(heads):
        pen.text((NAME + GAP + number * across, 6), head, INK, font=font)
    for number, (name, picture) in enumerate(drawn):
        y = 24 + number * (height + 4)
        pen.text((GAP, y + height // 2 - 7), name, INK, font=font)
        page.paste(picture, (NAME + GAP, y))
    return page


def png(picture: Image.Image) -> bytes:
    """The picture as the bytes of a PNG file."""
    import io

    buffer = io.BytesIO()
    picture.save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()
