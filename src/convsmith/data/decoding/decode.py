"""From the bytes of an image file to 8-bit pixels, safely: no decoding before a look at the header."""

from __future__ import annotations

import importlib
import warnings
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from typing import Any

import numpy as np

from ...errors import ConvsmithError
from ...units import show_bytes
from ..files.sniff import FORMATS, why_unknown
from .damage import png_damage, tiff_damage
from .eight_bits import ORIENTATIONS, eight_bits, upright
from .jpeg import jpeg_pixels, sound

MAX_PIXELS = 50_000_000
"""Images with more pixels than this are not decoded."""

BYTES_EACH = 8
"""Decoding takes up to so many bytes for each of `MAX_PIXELS`, beside the file's own; images that take more
for a pixel may have fewer. Measured in tests/data/test_memory.py."""

_MORE_BYTES = {"WEBP": 18, "progressive": 9, "CMYK JPEG": 16}
"""What decoders keep for a pixel where it is more: WebP two canvases, a progressive JPEG its coefficients."""

MAX_FILE_BYTES = 512_000_000

NOTES = {
    "animated": "animated or of several pages: only the first frame is used",
    "16-bit": "16 bits per channel: scaled to 8 (divided by 257)",
    "float": "floating-point or 32-bit values: scaled to 8 bits",
    "alpha": "transparent: composited on white",
    "palette": "palette: expanded",
    "cmyk": "CMYK: converted to RGB",
    "exif": "EXIF orientation applied",
    "icc": "ICC colour profile ignored",
    "gamma": "gamma chunk ignored",
    "grey": "stored in colour, but every pixel is grey",
    "extension": "the name says another format than the content",
    "damaged": "damaged inside: the decoder guessed a part of the picture",
}
"""What was done to an image on its way to 8-bit pixels, in words."""


class Unreadable(ConvsmithError):
    """One image cannot be read; the text is the reason, in a few words."""


@dataclass(frozen=True)
class Decoded:
    """An image as 8-bit pixels.

    Args:
        pixels: uint8, (height, width, 1 or 3), upright.
        height: pixels of the upright image in the file; `pixels` is smaller when less was asked for.
        width: likewise.
        mode: Pillow's mode of the file, e.g. "RGB", "P", "I;16".
        format: Pillow's name of the format, e.g. "JPEG".
        notes: keys of `NOTES`.
    """

    pixels: np.ndarray
    height: int
    width: int
    mode: str
    format: str
    notes: tuple[str, ...]


def decode(data: bytes, *, at_least: tuple[int, int] | None = None, max_pixels: int = MAX_PIXELS) -> Decoded:
    """Decode one image file held in memory.

    Args:
        data: the bytes of a JPEG, PNG, WebP, BMP, GIF, TIFF or PPM file.
        at_least: (height, width) that is enough; a JPEG is then decoded at 1/2, 1/4 or 1/8 of its size
            where that is still no smaller. None decodes the full size.
        max_pixels: refuse images whose header declares more, and those that take more than `BYTES_EACH`
            times as many bytes to decode.

    Returns:
        The first frame, upright, grey (one channel) or RGB (three), transparency composited on white.

    Raises:
        Unreadable: with the reason, whatever is wrong with the bytes.

    Example:
        >>> from io import BytesIO
        >>> from PIL import Image
        >>> file = BytesIO()
        >>> Image.new("RGBA", (3, 2), (255, 0, 0, 0)).save(file, "PNG")
        >>> image = decode(file.getvalue())
        >>> image.pixels.shape, int(image.pixels.min()), image.notes
        ((2, 3, 3), 255, ('alpha', 'grey'))
    """
    from PIL import Image, UnidentifiedImageError

    plugins()
    if not data:
        raise Unreadable("empty file (0 bytes)")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(BytesIO(data), formats=FORMATS) as image:
                return _decode(data, image, at_least, max_pixels)
    except Unreadable:
        raise
    except UnidentifiedImageError:
        raise Unreadable(why_unknown(data)) from None
    except Image.DecompressionBombError:
        raise Unreadable(f"huge dimensions: over the limit of {max_pixels:,} pixels") from None
    except MemoryError:
        raise Unreadable("needs more memory than there is") from None
    except Exception as error:  # decoders raise anything from SyntaxError to struct.error on damaged bytes
        reason = " ".join(str(error).split()) or type(error).__name__
        if "truncated" in reason.lower() or isinstance(error, EOFError):
            raise Unreadable(f"truncated: {_left(data, max_pixels)}") from None
        raise Unreadable(f"damaged: {reason}") from None


@cache
def plugins() -> None:
    """Load what Pillow needs for `FORMATS`, and not its forty other formats."""
    for name in ("Bmp", "Gif", "Jpeg", "Mpo", "Png", "Ppm", "Tiff", "WebP"):
        importlib.import_module(f"PIL.{name}ImagePlugin")


def _decode(data: bytes, image: Any, at_least: tuple[int, int] | None, max_pixels: int) -> Decoded:
    width, height = image.size
    if width * height > max_pixels:
        raise Unreadable(f"huge dimensions: {width}x{height}, over the limit of {max_pixels:,} pixels")
    if width < 1 or height < 1:
        raise Unreadable("damaged: no pixels")
    mode, kind = image.mode, image.format
    need, most = width * height * _bytes_each(image), BYTES_EACH * max_pixels
    if need > most:
        raise Unreadable(
            f"huge dimensions: {width}x{height}, which takes {show_bytes(need)} to decode, over the limit of "
            f"{show_bytes(most)}"
        )
    notes = []
    if kind != "MPO" and getattr(image, "is_animated", False):
        notes.append("animated")
    if image.info.get("icc_profile"):
        notes.append("icc")
    if "gamma" in image.info:
        notes.append("gamma")
    orientation = _orientation(image)
    if orientation > 1:
        notes.append("exif")
    enough = None
    if at_least is not None and kind in ("JPEG", "MPO"):
        enough = at_least if orientation > 4 else at_least[::-1]
        image.draft(image.mode, enough)
    if mode in ("RGB", "RGBA", "LA") and ";16" in str(
        getattr(image, "tile", "")
    ):  # Pillow keeps the high byte itself
        notes.append("16-bit")
    jpeg = kind in ("JPEG", "MPO")
    pixels = jpeg_pixels(data, mode, (width, height), enough) if jpeg and mode in ("L", "RGB") else None
    more: list[str] = []
    if pixels is None:
        image.load()
        wrong = None
        if kind == "PNG":
            wrong = png_damage(data)
        elif kind == "TIFF":
            wrong = tiff_damage(data, image.tag_v2, 1_000_000 + 16 * width * height)
        if wrong:
            raise Unreadable(f"damaged: {wrong}")
        # Pillow turns TIFF while loading
        pixels, more = eight_bits(image, 1 if kind == "TIFF" else orientation)
        if jpeg and not sound(data, mode):
            more.append("damaged")
    elif orientation > 1:
        pixels = np.ascontiguousarray(upright(pixels, orientation))
    if kind == "TIFF":
        width, height = image.size
    elif orientation > 4:
        width, height = height, width
    if pixels.shape[2] == 3 and is_grey(pixels):
        more.append("grey")
    return Decoded(pixels, height, width, mode, "JPEG" if kind == "MPO" else kind, (*notes, *more))


def _bytes_each(image: Any) -> int:
    """Bytes for each pixel that decoding takes at most, the pixels that come out included."""
    if image.format in ("JPEG", "MPO"):
        kind = "CMYK JPEG" if image.mode == "CMYK" else "progressive" if "progressive" in image.info else ""
    else:
        kind = image.format
    return _MORE_BYTES.get(kind, BYTES_EACH)


def _orientation(image: Any) -> int:
    try:
        value = int(image.getexif().get(274, 1))
        return value if value in ORIENTATIONS else 1
    except Exception:  # a damaged EXIF block must not lose the picture
        return 1


def is_grey(pixels: np.ndarray) -> bool:
    """Whether red, green and blue agree in every pixel of an (height, width, 3) array.

    Example:
        >>> is_grey(np.full((2, 2, 3), 7, np.uint8))
        True
    """
    for part in (pixels[::16, ::16], pixels):  # a coarse look settles nearly every photo
        if not ((part[..., 0] == part[..., 1]).all() and (part[..., 1] == part[..., 2]).all()):
            return False
    return True


def _left(data: bytes, max_pixels: int) -> str:
    """How much of a truncated image is there, in words."""
    from PIL import Image, ImageFile

    before = ImageFile.LOAD_TRUNCATED_IMAGES
    try:
        ImageFile.LOAD_TRUNCATED_IMAGES = True
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(BytesIO(data), formats=FORMATS) as image:
                if image.width * image.height > max_pixels:
                    return "the file ends too early"
                rows = np.asarray(image.convert("L"))
    except Exception:  # nothing can be decoded
        return "the file ends too early"
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = before
    # decoders fill what is missing with one colour
    there = np.flatnonzero((rows != rows[-1, -1]).any(axis=1))
    return f"the file ends too early, about {(there.max() + 1 if len(there) else 0) / len(rows):.0%} is there"
