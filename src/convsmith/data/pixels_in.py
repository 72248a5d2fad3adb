"""The one definition of what a network sees of an image, which training and explanations share.

`program.program` is the same in a few lines of Pillow, for people without convsmith; a test executes it on
every form of file and compares.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from ..errors import BadInput
from .decoding.decode import MAX_PIXELS, Unreadable, decode
from .items import read_bytes
from .program import ENOUGH

DEFINITION = 2
"""Number of this definition, which exported files carry and names of caches hold: raise it with a change."""


def resized(pixels: np.ndarray, size: tuple[int, int], channels: int) -> np.ndarray:
    """One image at the working size.

    Pillow's antialiased bilinear resampling; the aspect is not kept (the image is squashed), as in
    ``keras.utils.image_dataset_from_directory``.

    Args:
        pixels: uint8 (H, W, 1 or 3).
        size: (height, width) in pixels.
        channels: 1 (grey, ITU-R 601 weights) or 3.

    Returns:
        uint8 (height, width, channels).

    Example:
        >>> resized(np.zeros((9, 7, 3), np.uint8), (4, 4), 1).shape
        (4, 4, 1)
    """
    from PIL import Image

    if pixels.shape[:2] == tuple(size) and pixels.shape[2] == channels:
        return pixels
    image = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
    if channels == 1 and image.mode != "L":
        image = image.convert("L")
    if image.size != size[::-1]:
        image = image.resize(size[::-1], Image.Resampling.BILINEAR)
    out = np.asarray(image)
    out = out[:, :, None] if out.ndim == 2 else out
    return np.repeat(out, channels, axis=2) if out.shape[2] < channels else out


def described(size: tuple[int | None, int | None], channels: int | None) -> dict[str, Any]:
    """The definition as exported files carry it beside their network.

    Args:
        size: (height, width) that the network works at, in pixels; None where it takes any.
        channels: 1 or 3.

    Example:
        >>> found = described((64, 48), 3)
        >>> found["definition"] == DEFINITION, found["jpeg_at_least"]
        (True, 256)
    """
    known = [side for side in size if side is not None]
    return {
        "definition": DEFINITION,
        "height": size[0],
        "width": size[1],
        "channels": channels,
        "values": "raw, 0 to 255",
        "frame": "first",
        "orientation": "upright as EXIF says",
        "sixteen_bits": "(v + 128) // 257",
        "transparent": "on white",
        "grey": "ITU-R 601, Pillow's L",
        "jpeg_at_least": ENOUGH * max(known) if known else None,
        "resize": "squashed, Pillow's antialiased BILINEAR",
    }


def seen(data: bytes, size: tuple[int, int], channels: int, *, max_pixels: int = MAX_PIXELS) -> np.ndarray:
    """`pixels_in` for the bytes of a file.

    Args:
        data: the file.
        size: (height, width) that the network works at, in pixels.
        channels: 1 or 3.
        max_pixels: refuse larger images.

    Raises:
        Unreadable: with the reason.
    """
    enough = ENOUGH * max(size)  # one number for both sides, so that turning the image makes no difference
    return resized(decode(data, at_least=(enough, enough), max_pixels=max_pixels).pixels, size, channels)


def pixels_in(
    image: bytes | str | os.PathLike[str] | np.ndarray, size: tuple[int, int], channels: int
) -> np.ndarray:
    """What a network sees of one image.

    The first frame, upright as EXIF says, 16 bits scaled to 8, transparent parts on white, palettes and CMYK
    as RGB, colour profiles ignored; then grey where one channel is wanted; then squashed to the size.

    Args:
        image: a file's path or bytes, or uint8 pixels (H, W), (H, W, 1) or (H, W, 3), upright.
        size: (height, width) that the network works at, in pixels.
        channels: 1 or 3.

    Returns:
        uint8 (height, width, channels): raw pixels, 0 to 255, as the exported file takes them.

    Raises:
        BadInput: with the reason when it cannot be read.

    Example:
        >>> pixels_in(np.full((9, 7), 200, np.uint8), (4, 4), 3)[0, 0].tolist()
        [200, 200, 200]
    """
    if isinstance(image, np.ndarray):
        pixels = image[:, :, None] if image.ndim == 2 else image
        if pixels.ndim != 3 or pixels.shape[2] not in (1, 3) or pixels.dtype != np.uint8:
            raise BadInput(
                "image", f"an array of {image.dtype}, {'x'.join(map(str, image.shape))}",
                "uint8 pixels (height, width) or (height, width, 1 or 3)",
            )  # fmt: skip
        return resized(pixels, size, channels)
    where = "image" if isinstance(image, bytes) else os.fspath(image)
    try:
        return seen(image if isinstance(image, bytes) else read_bytes(where), size, channels)
    except Unreadable as error:
        raise BadInput(where, str(error), "an image file") from None
