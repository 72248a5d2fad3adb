"""Units as pictures: what excites each unit, what its filter is, how it answers to one photograph."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ...units import counted
from .heatmap import GAP, INK, PAPER, WARM, photograph

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

    from ..units import LayerUnits

TILE, HEAD, FOOT, WIDTH = 44, 16, 14, 1200
MOST = 256
"""Units of a layer that a sheet shows."""
RED, QUIET = (190, 40, 40), (110, 110, 110)


def contact_sheet(
    found: LayerUnits,
    images_NHWC: np.ndarray,
    *,
    deconvolved_UCHW: np.ndarray | None = None,
    made_UHWC: Mapping[int, np.ndarray] | None = None,
    said: Sequence[str] = (),
    most: int = MOST,
) -> Image.Image:
    """For each unit its patches, strongest first; beside them what it saw in the first, and its made image.

    Args:
        found: the units of a layer.
        images_NHWC: the images that were looked at, uint8.
        deconvolved_UCHW: each unit's answer to its first image, projected back to the pixels.
        made_UHWC: images made by optimisation, by unit.
        said: a few words below each unit.
        most: how many units at most.
    """
    from PIL import Image, ImageDraw

    units, top = min(len(found.values_UK), most), found.values_UK.shape[1]
    side = math.ceil(math.sqrt(top))
    beside = deconvolved_UCHW is not None or bool(made_UHWC)
    large = side * TILE // 2
    block = side * TILE + (large + 2 if beside else 0) + GAP
    tall = HEAD + side * TILE + (FOOT if any(said) else 0) + 6
    across = max(1, min(units, WIDTH // block))
    down = -(-units // across)
    page = Image.new("RGB", (max(560, across * block + GAP), down * tall + 4 * HEAD + GAP), PAPER)
    pen = ImageDraw.Draw(page)
    left_out = f", {len(found.values_UK) - units} more not shown" if units < len(found.values_UK) else ""
    dead, twins = len(found.dead), len(found.twins)
    seen = f"{counted(len(found.values_UK), 'unit')} on {counted(found.images, 'image')}"
    title = f"{found.layer}: {seen}; {dead} dead"
    pen.text(
        (GAP, 4), title + f", {twins} pair{'' if twins == 1 else 's'} of twins{left_out}", INK, font=_font()
    )
    legend = "each unit: its number, its highest answer, and the patches of the images that excite it most"
    legend += "; right, above: what of the first patch it answers to" if deconvolved_UCHW is not None else ""
    legend += "; right, below: an image made for it" if made_UHWC else ""
    for number, line in enumerate(_lines(pen, legend, page.width - 2 * GAP)):
        pen.text((GAP, 4 + HEAD * (number + 1)), line, QUIET, font=_font())
    for unit in range(units):
        x, y = GAP + unit % across * block, 4 * HEAD + unit // across * tall
        gone = unit in found.dead
        pen.text(
            (x, y),
            f"{unit}: dead" if gone else f"{unit}: {found.values_UK[unit, 0]:.3g}",
            RED if gone else INK,
            font=_font(),
        )
        y += HEAD
        for number in range(0 if gone else top):
            image = images_NHWC[found.images_UK[unit, number]]
            t, left, b, r = found.patches_UK4[unit, number]
            tile = _tile(image[t:b, left:r], TILE)
            page.paste(tile, (x + number % side * TILE, y + number // side * TILE))
        right = x + side * TILE
        if deconvolved_UCHW is not None and not gone:
            t, left, b, r = found.patches_UK4[unit, 0]
            page.paste(_tile(_contrast(deconvolved_UCHW[unit][:, t:b, left:r]), large), (right, y))
        if made_UHWC and unit in made_UHWC:
            page.paste(_tile(made_UHWC[unit], large), (right, y + large))
        if unit < len(said) and said[unit]:
            pen.text((x, y + side * TILE - 1), _fitted(pen, said[unit], block - GAP), QUIET, font=_font())
    return page


def filters(
    kernel_HWIO: np.ndarray, nearest: Sequence[Mapping[str, Any]] = (), *, tile: int = 64
) -> Image.Image:
    """The first layer's filters: grey or in colour, each scaled to its own largest weight; middle grey is 0.

    Args:
        kernel_HWIO: of 1 or 3 input channels; of others the mean over them is drawn.
        nearest: what `nearest_filters` found; written below each.
        tile: the side of a picture.
    """
    import numpy as np
    from PIL import Image, ImageDraw

    kernel = kernel_HWIO if kernel_HWIO.shape[2] in (1, 3) else kernel_HWIO.mean(2, keepdims=True)
    count, wide = kernel.shape[3], tile + (60 if nearest else 8)
    tall = tile + (2 * FOOT + 10 if nearest else 8)
    across = max(1, min(count, WIDTH // wide))
    page = Image.new("RGB", (max(560, across * wide + GAP), -(-count // across) * tall + 3 * HEAD), PAPER)
    pen = ImageDraw.Draw(page)
    pen.text((GAP, 4), f"{count} filters of {kernel.shape[0]}x{kernel.shape[1]} weights", INK, font=_font())
    told = "middle grey: 0; brighter: above, darker: below"
    told += "; below each: the hand-made filter most like it, and how like (1: the same, -1: its negative)"
    pen.text((GAP, 4 + HEAD), told if nearest else told.split("; below each")[0], QUIET, font=_font())
    for number in range(count):
        weights = kernel[..., number]
        top = float(np.abs(weights).max()) or 1.0
        made = photograph(np.rint(127.5 + 127.5 * weights / top).astype(np.uint8))
        x, y = GAP + number % across * wide, 3 * HEAD + number // across * tall
        page.paste(made.resize((tile, tile), Image.Resampling.NEAREST), (x, y))
        if number < len(nearest):
            row = nearest[number]
            pen.text((x, y + tile), _fitted(pen, str(row["nearest"]), wide - 4), INK, font=_font())
            pen.text((x, y + tile + FOOT - 1), f"{row['cosine']:+.2f}", QUIET, font=_font())
    return page


def activation_maps(
    maps_Uhw: np.ndarray, photo: Image.Image, *, layer: str, most: int = MOST, tile: int = 72
) -> Image.Image:
    """How each unit of a layer answers to one photograph, place by place.

    Args:
        maps_Uhw: the layer's output for the photograph.
        photo: the photograph, RGB.
        layer: the layer's name.
        most: how many units at most.
        tile: the side of a map.
    """
    import numpy as np
    from PIL import Image, ImageDraw

    units = min(len(maps_Uhw), most)
    across = max(1, min(units + 1, WIDTH // (tile + 4)))
    page = Image.new(
        "RGB",
        (max(560, across * (tile + 4) + GAP), -(-(units + 1) // across) * (tile + HEAD) + 3 * HEAD),
        PAPER,
    )
    pen = ImageDraw.Draw(page)
    top = float(np.abs(maps_Uhw).max()) or 1.0
    pen.text((GAP, 4), f"{layer}: the answers of {units} units to one image", INK, font=_font())
    told = f"black: 0, yellow: {top:.3g}, the strongest answer of the layer"
    pen.text((GAP, 4 + HEAD), told, QUIET, font=_font())
    table = np.array(WARM, dtype=np.float32)
    for number in range(units + 1):
        x, y = GAP + number % across * (tile + 4), 3 * HEAD + number // across * (tile + HEAD)
        if number == 0:
            page.paste(_tile(np.asarray(photo), tile), (x, y))
            pen.text((x, y + tile), "image", INK, font=_font())
            continue
        share = np.clip(maps_Uhw[number - 1], 0, None) / top * (len(table) - 1)
        colour = np.stack([np.interp(share, range(len(table)), table[:, c]) for c in range(3)], -1)
        page.paste(_tile(np.rint(colour).astype(np.uint8), tile), (x, y))
        highest = float(maps_Uhw[number - 1].max())
        pen.text((x, y + tile), f"{number - 1}: {highest:.2g}", INK if highest > 0 else QUIET, font=_font())
    return page


def _contrast(away_CHW: np.ndarray) -> np.ndarray:
    """Numbers around 0 as a picture (H, W, C): grey is 0, the largest is black or white."""
    import numpy as np

    top = float(np.abs(away_CHW).max()) or 1.0
    return np.rint(127.5 + 127.5 * away_CHW / top).astype(np.uint8).transpose(1, 2, 0)


def _tile(patch_HWC: np.ndarray, side: int) -> Image.Image:
    """A patch in a square, its shape kept."""
    from PIL import Image

    photo = photograph(patch_HWC)
    times = (side - 2) / max(photo.size)
    size = (max(1, round(photo.width * times)), max(1, round(photo.height * times)))
    page = Image.new("RGB", (side, side), PAPER)
    page.paste(
        photo.resize(size, Image.Resampling.NEAREST if times > 1 else Image.Resampling.LANCZOS), (0, 0)
    )
    return page


def _lines(pen: Any, text: str, width: int) -> list[str]:
    """Text in lines of at most this width."""
    lines = [""]
    for word in text.split():
        fits = pen.textlength(f"{lines[-1]} {word}", font=_font()) <= width
        lines[-1:] = [f"{lines[-1]} {word}".strip()] if fits else [lines[-1], word]
    return lines


def _fitted(pen: Any, text: str, width: int) -> str:
    text = text.encode("latin-1", "replace").decode("latin-1")
    while text and pen.textlength(text, font=_font()) > width:
        text = text[:-1]
    return text


def _font() -> Any:
    from PIL import ImageFont

    return ImageFont.load_default(11)
