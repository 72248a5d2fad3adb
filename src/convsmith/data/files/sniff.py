"""What a file is, by its first bytes."""

from __future__ import annotations

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM")
"""What Pillow may try; phones' MPO is a JPEG with further pictures behind it."""

_MAGIC = {
    b"\xff\xd8\xff": "JPEG", b"\x89PNG\r\n\x1a\n": "PNG", b"GIF8": "GIF", b"BM": "BMP",
    b"II*\0": "TIFF", b"MM\0*": "TIFF", b"%PDF": "PDF", b"PK\x03\x04": "ZIP", b"\x1f\x8b": "GZIP",
    b"8BPS": "Photoshop", b"\0\0\0\x0cjP": "JPEG 2000", b"\0\0\x01\0": "icon",
}  # fmt: skip


def sniff(head: bytes) -> str | None:
    """The format that the first bytes of a file announce, or None.

    Example:
        >>> sniff(b"GIF89a...."), sniff(b"hello")
        ('GIF', None)
    """
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head[4:8] == b"ftyp":
        return {b"avif": "AVIF"}.get(
            head[8:12], "HEIC" if head[8:11] in (b"hei", b"mif", b"hev") else "video"
        )
    if head[:2] in (b"P1", b"P2", b"P3", b"P4", b"P5", b"P6") and head[2:3].isspace():
        return "PPM"
    return next((name for magic, name in _MAGIC.items() if head.startswith(magic)), None)


def why_unknown(data: bytes) -> str:
    """Why Pillow could not identify the bytes, as far as can be told."""
    kind = sniff(data[:32])
    if kind in FORMATS:
        return f"damaged: a {kind} header, but nothing readable after it"
    if kind:
        return f"{kind}, which is not read here: convert it to PNG or JPEG"
    head = data[:512].lstrip().lower()
    if head.startswith((b"<!doctype html", b"<html")):
        return "a web page (HTML), not an image"
    if head.startswith((b"<?xml", b"<svg")):
        return "XML or SVG text, not an image of pixels"
    control = sum(byte < 32 and byte not in b"\t\n\r\f\x1b" for byte in data[:512])
    return "not an image of a known format" if control else "text, not an image"
