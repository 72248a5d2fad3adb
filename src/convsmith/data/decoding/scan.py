"""Looking at one image: is it readable, how large, what mode, what content."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..doctor.looks import NEAR_SIDE, digest, look, pixel_digest
from ..files.sniff import sniff
from .decode import MAX_PIXELS, NOTES, decode, is_grey
from .record import RECORD

ENOUGH = 320
"""Pixels a side from which a look at a JPEG is content: larger ones are decoded at 1/2, 1/4 or 1/8. Every
compressed byte is still read, so that a truncated file is noticed."""

_NOTE_BIT = {name: 1 << k for k, name in enumerate(NOTES)}
_SUFFIX = {
    "jpg": "JPEG", "jpeg": "JPEG", "jpe": "JPEG", "jfif": "JPEG", "mpo": "JPEG", "png": "PNG", "apng": "PNG",
    "webp": "WEBP", "bmp": "BMP", "dib": "BMP", "gif": "GIF", "tif": "TIFF", "tiff": "TIFF",
    "pgm": "PPM", "ppm": "PPM", "pbm": "PPM", "pnm": "PPM",
}  # fmt: skip
SUFFIXES = frozenset(_SUFFIX)
"""Endings of file names that promise an image that is read here."""


def scan_bytes(data: bytes, name: str, *, max_pixels: int = MAX_PIXELS) -> np.ndarray:
    """The record of one image file.

    Args:
        data: the file's bytes.
        name: its name, to compare the ending with the content.
        max_pixels: refuse larger images.

    Returns:
        A RECORD scalar array, shape ().

    Raises:
        Unreadable: with the reason.
    """
    image = decode(data, at_least=(ENOUGH, ENOUGH), max_pixels=max_pixels)
    notes = set(image.notes)
    suffix = name.rpartition(".")[2].lower() if "." in name else ""
    if _SUFFIX.get(suffix, image.format if suffix == "" else None) != image.format:
        notes.add("extension")
    record = scan_pixels(image.pixels)
    record["raw"] = np.frombuffer(digest(data), "<u8")
    record["height"], record["width"], record["bytes"] = image.height, image.width, len(data)
    record["mode"], record["format"] = image.mode.encode(), image.format.encode()
    record["notes"] = sum(_NOTE_BIT[note] for note in notes)
    return record


def scan_pixels(pixels: np.ndarray) -> np.ndarray:
    """The record of one image that came as uint8 (H, W, 1 or 3) pixels."""
    from PIL import Image

    record = np.zeros((), RECORD)
    height, width, channels = pixels.shape
    grey = pixels[:, :, 0] if channels == 1 else np.asarray(Image.fromarray(pixels).convert("L"))
    if channels == 3 and is_grey(pixels):
        record["notes"] = _NOTE_BIT["grey"]
    content = pixel_digest(pixels)
    record["raw"] = record["content"] = np.frombuffer(content, "<u8")
    record["height"], record["width"], record["bytes"] = height, width, pixels.nbytes
    record["mode"], record["format"] = (b"L" if channels == 1 else b"RGB"), b"array"
    if min(height, width) >= NEAR_SIDE:
        record["look"] = look(grey)
    step = max(1, int((height * width / 16384) ** 0.5))
    sample = grey[::step, ::step].astype(np.float32)
    record["mean"], record["spread"], record["channels"] = sample.mean(), sample.std(), channels
    return record


def mark(record: np.ndarray, note: str) -> None:
    """Add a note to one record."""
    record["notes"] |= _NOTE_BIT[note]


def noted(records: np.ndarray, note: str) -> np.ndarray:
    """Which of the records carry a note, bool (N,)."""
    return (records["notes"] & _NOTE_BIT[note]) != 0


def looks_like_image(name: str, head: Callable[[], bytes]) -> bool:
    """Whether a file is meant as an image: by its ending, or else by its first bytes.

    Args:
        name: the file's name.
        head: returns its first bytes; called only when the ending does not tell.
    """
    suffix = name.rpartition(".")[2].lower() if "." in name else ""
    if suffix in SUFFIXES or suffix in ("heic", "heif", "avif", "jp2", "svg", "psd"):
        return True
    return sniff(head()) in set(_SUFFIX.values())
