"""Looking at every image of a set once: is it readable, how large, what mode, what content."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .decode import MAX_PIXELS, NOTES, Unreadable, decode, is_grey, sniff
from .items import Items
from .looks import NEAR_SIDE, digest, look, pixel_digest

RECORD = np.dtype(
    [
        ("raw", "<u8", 2),  # digest of the file's bytes
        ("content", "<u8", 2),  # digest of the decoded pixels
        ("look", "<u8", 2),  # perceptual hash, 0 where it means nothing
        ("height", "<u4"),
        ("width", "<u4"),
        ("bytes", "<u8"),
        ("mode", "S8"),
        ("format", "S8"),
        ("notes", "<u4"),  # bit k: the k-th key of NOTES
        ("mean", "<f4"),  # grey level 0..255
        ("spread", "<f4"),  # standard deviation of the grey level
        ("channels", "u1"),
    ]
)
"""One image's scan, 116 bytes; digests are two little-endian 64-bit halves."""

_NOTE_BIT = {name: 1 << k for k, name in enumerate(NOTES)}
_SUFFIX = {
    "jpg": "JPEG", "jpeg": "JPEG", "jpe": "JPEG", "jfif": "JPEG", "mpo": "JPEG", "png": "PNG", "apng": "PNG",
    "webp": "WEBP", "bmp": "BMP", "dib": "BMP", "gif": "GIF", "tif": "TIFF", "tiff": "TIFF",
    "pgm": "PPM", "ppm": "PPM", "pbm": "PPM", "pnm": "PPM",
}  # fmt: skip
SUFFIXES = frozenset(_SUFFIX)
"""Endings of file names that promise an image that is read here."""

Progress = Callable[[str, int, int], None]
"""Called as ``progress("looking at images", done, total)``."""


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
    image = decode(data, max_pixels=max_pixels)
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
    record = np.zeros((), RECORD)
    height, width, channels = pixels.shape
    grey = channels == 1
    if not grey and is_grey(pixels):
        record["notes"] = _NOTE_BIT["grey"]
    content = pixel_digest(pixels)
    record["raw"] = record["content"] = np.frombuffer(content, "<u8")
    record["height"], record["width"], record["bytes"] = height, width, pixels.nbytes
    record["mode"], record["format"] = (b"L" if grey else b"RGB"), b"array"
    if min(height, width) >= NEAR_SIDE:
        record["look"] = np.frombuffer(look(pixels).to_bytes(16, "big"), ">u8")
    step = max(1, int((height * width / 65536) ** 0.5))
    sample = pixels[::step, ::step].mean(axis=2) if channels == 3 else pixels[::step, ::step]
    record["mean"], record["spread"], record["channels"] = sample.mean(), sample.std(), channels
    return record


def scan(
    items: Items, *, max_pixels: int = MAX_PIXELS, progress: Progress | None = None
) -> tuple[np.ndarray, np.ndarray, list[tuple[int, str]]]:
    """Look at every item once.

    Args:
        items: what to look at.
        max_pixels: refuse images with more pixels.
        progress: called from time to time.

    Returns:
        The positions of the readable items (int64), their records, and (position, reason) of the others.
    """
    records = np.zeros(len(items), RECORD)
    good = np.ones(len(items), bool)
    reasons = []
    for i in range(len(items)):
        try:
            raw = items.raw(i)
            if isinstance(raw, np.ndarray):
                records[i] = scan_pixels(raw)
            else:
                records[i] = scan_bytes(raw, items.name(i), max_pixels=max_pixels)
        except Unreadable as error:
            good[i] = False
            reasons.append((i, str(error)))
        if progress and (i % 64 == 0 or i + 1 == len(items)):
            progress("looking at images", i + 1, len(items))
    rows = np.flatnonzero(good)
    return rows, records[rows], reasons


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
