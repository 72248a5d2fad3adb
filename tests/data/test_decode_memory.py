"""What decoding takes: measured in a process for each form of file, against the promise in `decode`."""

from __future__ import annotations

import io
import os
import sys
from typing import Any

import numpy as np
import pytest
from PIL import Image

from convsmith.data.decoding.decode import BYTES_EACH, Unreadable, decode

WIDTH, HEIGHT = 2400, 1600
BESIDE = 14_000_000
"""Bytes beside those for each pixel: a band of rows on its way, buffers of the decoders."""


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def make(form: str) -> bytes:
    plain = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    plain[::7, :, 0], plain[:, ::11, 1] = 200, 90
    image = Image.fromarray(plain)
    grey = image.getchannel(0)
    exif = Image.Exif()
    exif[274] = 6
    half = image.convert("RGBA")
    half.putalpha(image.getchannel(1))
    match form:
        case "float TIFF":
            return saved(Image.fromarray(np.asarray(grey).astype(np.float32) / 255), "TIFF")
        case "16-bit PNG":
            return saved(Image.fromarray(np.asarray(grey).astype(np.uint16) * 257), "PNG", compress_level=1)
        case "CMYK TIFF":
            return saved(image.convert("CMYK"), "TIFF")
        case "alpha":
            return saved(half, "PNG", compress_level=1)
        case "grey and alpha":
            return saved(half.convert("LA"), "PNG", compress_level=1)
        case "palette with alpha":
            return saved(image.quantize(8, method=2), "PNG", transparency=bytes(range(8)))
        case "turned PNG":
            return saved(image, "PNG", exif=exif, compress_level=1)
        case "turned JPEG":
            return saved(image, "JPEG", exif=exif)
        case "progressive":
            return saved(image, "JPEG", progressive=True, subsampling=0)
        case "CMYK JPEG":
            return saved(image.convert("CMYK"), "JPEG", progressive=True)
        case "WEBP":
            return saved(image, "WEBP", method=0, quality=1)
    raise ValueError(form)


def taken(data: bytes) -> int:
    """Most bytes more than before while decoding, measured in a child."""
    end, write = os.pipe()
    child = os.fork()
    if not child:
        try:
            with open("/proc/self/clear_refs", "w") as file:
                file.write("5")
            before = high_water()
            decode(data)
            os.write(write, str(high_water() - before).encode())
        finally:
            os._exit(0)
    os.close(write)
    os.waitpid(child, 0)
    with open(end) as file:
        return int(file.read())


def high_water() -> int:
    with open("/proc/self/status") as file:
        line = next(line for line in file if line.startswith("VmHWM"))
    return 1024 * int(line.split()[1])


EACH = {
    "float TIFF": 8, "16-bit PNG": 8, "CMYK TIFF": 8, "alpha": 8, "grey and alpha": 8,
    "palette with alpha": 8,
    "turned PNG": 8, "turned JPEG": 8, "progressive": 9, "CMYK JPEG": 16, "WEBP": 18,
}  # fmt: skip
"""Bytes for each pixel that a form may take."""


@pytest.mark.skipif(sys.platform != "linux", reason="measures with /proc")
@pytest.mark.parametrize("form", EACH)
def test_decoding_takes_the_bytes_that_are_promised(form: str) -> None:
    used = taken(make(form))
    assert 0 < used < EACH[form] * WIDTH * HEIGHT + BESIDE


@pytest.mark.parametrize("form", ["turned PNG", "turned JPEG", "progressive", "CMYK JPEG", "WEBP"])
def test_the_limit_is_of_bytes(form: str) -> None:
    """As many pixels as the limit allows, and one fewer allowed: fewer where a pixel takes more."""
    data = make(form)
    exactly = -(-WIDTH * HEIGHT * EACH[form] // BYTES_EACH)
    assert decode(data, max_pixels=exactly).pixels.size
    with pytest.raises(Unreadable, match="huge dimensions: 2400x1600"):
        decode(data, max_pixels=exactly - 1)


def test_exactly_the_most_pixels_are_decoded() -> None:
    data = saved(Image.new("L", (30, 20)), "PNG")
    assert decode(data, max_pixels=600).pixels.shape == (20, 30, 1)
    with pytest.raises(Unreadable, match="over the limit of 599 pixels"):
        decode(data, max_pixels=599)


def test_bands_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same pixels and notes whether a picture is converted at once or in bands of a few rows."""
    from convsmith.data.decoding import eight_bits

    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (37, 23, 4), np.uint8)
    x[:30, :, 3] = 255  # transparent only in the last band
    exif = Image.Exif()
    images = {
        "alpha": Image.fromarray(x), "float": Image.fromarray(rng.normal(0, 9, (37, 23)).astype(np.float32)),
        "cmyk": Image.fromarray(x[..., :3]).convert("CMYK"),
        "palette": Image.fromarray(x[..., :3]).quantize(9),
        "16": Image.fromarray(rng.integers(0, 65536, (37, 23)).astype(np.uint16)),
    }  # fmt: skip
    for name, image in images.items():
        for orientation in range(1, 9):
            exif[274] = orientation
            data = saved(image, "PNG" if name in ("alpha", "palette", "16") else "TIFF", exif=exif)
            whole = decode(data)
            monkeypatch.setattr(eight_bits, "BAND", 23 * 5)
            bands = decode(data)
            monkeypatch.undo()
            assert np.array_equal(whole.pixels, bands.pixels), (name, orientation)
            assert whole.notes == bands.notes
