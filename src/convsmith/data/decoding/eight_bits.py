"""From a loaded picture of any mode to 8-bit pixels, in bands of rows, so with little memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

BAND = 1 << 19
"""Pixels that are converted at a time; converting takes up to 30 bytes for each of them."""

_UPRIGHT: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    1: lambda pixels: pixels,
    2: lambda pixels: pixels[:, ::-1],
    3: lambda pixels: pixels[::-1, ::-1],
    4: lambda pixels: pixels[::-1],
    5: lambda pixels: pixels.swapaxes(0, 1),
    6: lambda pixels: np.rot90(pixels, -1),
    7: lambda pixels: pixels[::-1, ::-1].swapaxes(0, 1),
    8: np.rot90,
}
ORIENTATIONS = frozenset(_UPRIGHT)
"""EXIF's eight ways to store a picture."""


def upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """A view of (H, W, C) pixels as they are meant to be seen.

    Args:
        pixels: as stored.
        orientation: EXIF's number, 1 to 8.

    Example:
        >>> upright(np.array([[[1], [2]]]), 6)[..., 0].tolist()
        [[1], [2]]
    """
    return _UPRIGHT[orientation](pixels)


def eight_bits(image: Any, orientation: int = 1) -> tuple[np.ndarray, list[str]]:
    """The pixels of a loaded Pillow image.

    Args:
        image: of any mode.
        orientation: EXIF's number of how it is stored.

    Returns:
        uint8 (H, W, 1 or 3), upright: 16 bits scaled to 8, transparency composited on white, palettes and
        CMYK as RGB; and keys of `decode.NOTES`.
    """
    width, height = image.size
    shape = (height, width) if orientation < 5 else (width, height)
    convert, channels, notes = _converter(image)
    out = np.empty((*shape, channels), np.uint8)
    stored = upright(out, {6: 8, 8: 6}.get(orientation, orientation))  # the others undo themselves
    for top, bottom, band in _bands(image):
        pixels = convert(band)
        stored[top:bottom] = pixels[:, :, None] if pixels.ndim == 2 else pixels
    return out, [note for note in dict.fromkeys(notes) if note]


def _bands(image: Any) -> Iterator[tuple[int, int, Any]]:
    """(first row, end, the rows as an image of their own)."""
    width, height = image.size
    rows = max(1, BAND // width)
    if rows >= height:
        yield 0, height, image
        return
    for top in range(0, height, rows):
        bottom = min(height, top + rows)
        yield top, bottom, image.crop((0, top, width, bottom))


def _converter(image: Any) -> tuple[Callable[[Any], np.ndarray], int, list[str]]:
    """What makes 8-bit pixels of a band; how many channels; and the notes, which grow with the bands."""
    mode = image.mode
    if mode.startswith("I;16"):
        return _from_16_bits, 1, ["16-bit"]
    if mode in ("I", "F"):
        return _scaler(image), 1, ["float"]
    notes = ["palette"] if mode == "P" else []
    grey = mode in ("L", "LA", "La", "1")
    wanted = "L" if grey else "RGB"
    if mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        return lambda band: _on_white(band, wanted, notes), 1 if grey else 3, notes
    if mode == "CMYK":
        notes.append("cmyk")
    return (
        lambda band: np.asarray(band if band.mode == wanted else band.convert(wanted)),
        1 if grey else 3,
        notes,
    )


def _on_white(band: Any, wanted: str, notes: list[str]) -> np.ndarray:
    from PIL import Image

    layer = band.convert("RGBA")
    if layer.getchannel("A").getextrema()[0] < 255:
        notes.append("alpha")
        layer = Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)
    return np.asarray(layer.convert(wanted))


def _from_16_bits(band: Any) -> np.ndarray:
    return ((np.asarray(band).astype(np.uint32) + 128) // 257).astype(np.uint8)


def _scaler(image: Any) -> Callable[[Any], np.ndarray]:
    """Floating-point or 32-bit values as uint8: 0..1, 0..255 and 0..65535 keep their meaning."""
    ends = [(float(values.min()), float(values.max())) for values in map(_finite, _parts(image))]
    low, high = min(end[0] for end in ends), max(end[1] for end in ends)
    if low < 0 or high > 65535:
        start, factor = low, 255 / ((high - low) or 1)
    else:
        start, factor = 0.0, 1 / 257 if high > 255 else 255.0 if high <= 1 else 1.0
    return lambda band: np.rint((_finite(band) - start) * factor).astype(np.uint8)


def _parts(image: Any) -> Iterator[Any]:
    return (band for _, _, band in _bands(image))


def _finite(band: Any) -> np.ndarray:
    return np.nan_to_num(np.asarray(band).astype(np.float64), posinf=0, neginf=0)
