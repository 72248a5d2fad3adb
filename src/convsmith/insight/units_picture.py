"""Units as pictures: a contact sheet of the patches that excite each unit, and the first layer's filters."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from .picture import GAP, INK, PAPER, photograph

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

    from .units import LayerUnits

TILE, HEAD, WIDTH = 44, 16, 1200


def contact_sheet(found: LayerUnits, images_NHWC: np.ndarray, *, most: int = 256) -> Image.Image:
    """For each unit its patches, strongest first, in a square.

    Args:
        found: the units of a layer.
        images_NHWC: the images that were looked at, uint8.
        most: how many units at most.
    """
    from PIL import Image, ImageDraw

    units, top = min(len(found.values_UK), most), found.values_UK.shape[1]
    side = math.ceil(math.sqrt(top))
    block = side * TILE + GAP
    across = max(1, min(units, WIDTH // block))
    down = -(-units // across)
    page = Image.new("RGB", (max(480, across * block + GAP), down * (block + HEAD) + 2 * HEAD + GAP), PAPER)
    pen = ImageDraw.Draw(page)
    left_out = f", {len(found.values_UK) - units} more not shown" if units < len(found.values_UK) else ""
    title = f"{found.layer}: what excites each unit most, of {found.images:,} images; {len(found.dead)} dead"
    pen.text((GAP, 4), title + f", {len(found.twins)} pairs of twins{left_out}", INK, font=_font())
    for unit in range(units):
        x, y = GAP + unit % across * block, 2 * HEAD + unit // across * (block + HEAD)
        dead = unit in found.dead
        said = f"{unit}: dead" if dead else f"{unit}: {found.values_UK[unit, 0]:.3g}"
        pen.text((x, y), said, (190, 40, 40) if dead else INK, font=_font())
        if dead:
            continue
        for number in range(top):
            image = images_NHWC[found.images_UK[unit, number]]
            t, left, b, r = found.patches_UK4[unit, number]
            place = (x + number % side * TILE, y + HEAD + number // side * TILE)
            page.paste(_tile(image[t:b, left:r]), place)
    return page


def filters(kernel_HWIO: np.ndarray, *, tile: int = 48) -> Image.Image:
    """The first layer's filters: grey or in colour, each scaled to its own largest weight; middle grey is 0.

    Args:
        kernel_HWIO: of 1 or 3 input channels; of others the mean over them is drawn.
        tile: the side of a picture.
    """
    import numpy as np
    from PIL import Image

    kernel = kernel_HWIO if kernel_HWIO.shape[2] in (1, 3) else kernel_HWIO.mean(2, keepdims=True)
    count = kernel.shape[3]
    across = min(count, 16)
    page = Image.new("RGB", (across * (tile + 4) + 4, -(-count // across) * (tile + 4) + 4), PAPER)
    for number in range(count):
        weights = kernel[..., number]
        top = float(np.abs(weights).max()) or 1.0
        made = photograph(np.rint(127.5 + 127.5 * weights / top).astype(np.uint8))
        page.paste(
            made.resize((tile, tile), Image.Resampling.NEAREST),
            (4 + number % across * (tile + 4), 4 + number // across * (tile + 4)),
        )
    return page


def _tile(patch_HWC: np.ndarray) -> Image.Image:
    """A patch in a square of TILE pixels, its shape kept."""
    from PIL import Image

    photo = photograph(patch_HWC)
    times = (TILE - 2) / max(photo.size)
    size = (max(1, round(photo.width * times)), max(1, round(photo.height * times)))
    page = Image.new("RGB", (TILE, TILE), PAPER)
    page.paste(
        photo.resize(size, Image.Resampling.NEAREST if times > 1 else Image.Resampling.LANCZOS), (0, 0)
    )
    return page


def _font() -> Any:
    from PIL import ImageFont

    return ImageFont.load_default(11)
